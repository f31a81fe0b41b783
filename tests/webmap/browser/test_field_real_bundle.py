"""The phone's geometry over the bundle that the server makes, against what the server flagged."""

from sqlalchemy import select

from cases.access import Role
from cases.models import Encroachment
from layers.db import EVERYWHERE
from layers.migrate import open_database
from layers.models import Building, Community
from tests.webmap.browser.conftest import OpenSheet, Site

M2 = 0.01
# Each open observation as if it were drawn again in its own place, before anybody verified.
AGAIN = """async (address) => {
  const answer = await (await fetch(address)).json();
  const { openSurvey, measure, overlaps, faults } = await import("/static/field/geometry.js");
  const survey = openSurvey(answer.survey);
  const unverified = answer.encroachments.map((one) => ({ ...one, verified_on: null }));
  const bundle = { ...answer, encroachments: unverified };
  const found = bundle.observations.map((one) => {
    const seen = { observed_on: one.observed_on, corrects: one.id };
    const { geometry, rms_m } = one;
    return {
      id: one.id,
      area: [one.area_m2, measure(geometry, rms_m, survey).area_m2],
      pieces: overlaps(geometry, rms_m, bundle, survey, seen),
      faults: faults(geometry, { bundle, survey, rms_m, ...seen }),
    };
  });
  return { isExact: survey.isExact, found };
}"""


def test_each_observation_takes_on_the_phone_what_the_server_flagged(
    site: Site, open_sheet: OpenSheet
) -> None:
    database = open_database(site.settings)
    with database.session(EVERYWHERE) as session:
        place = session.scalars(select(Community).where(Community.code == site.plain)).one()
        of_place = Building.community_id == place.id
        buildings = session.scalars(select(Building.id).where(of_place)).all()
        current = select(Encroachment).where(
            Encroachment.community_id == place.id, Encroachment.superseded_on.is_(None)
        )
        flagged = {
            (str(one.observation_id), str(one.parcel_id)): one.occupied_m2
            for one in session.scalars(current)
        }
    database.engine.dispose()
    page = open_sheet("/account", Role.INSPECTOR)
    for file in ("jsts/dist/jsts.min.js", "proj4/dist/proj4.js"):
        page.add_script_tag(url=f"/static/vendor/{file}")
    chosen = "&".join(f"building={one}" for one in buildings)
    answer = page.evaluate(AGAIN, f"/api/v1/communities/{site.plain}/field/bundle?{chosen}")
    assert answer["isExact"]
    found = {
        (one["id"], piece["parcel"]): piece["occupied_m2"]
        for one in answer["found"]
        for piece in one["pieces"]
        if piece["kind"] == "green"
    }
    assert found.keys() == flagged.keys() != set()
    assert all(abs(found[key] - m2) < M2 for key, m2 in flagged.items())
    assert all(abs(one["area"][0] - one["area"][1]) < M2 for one in answer["found"])
    assert [one["faults"] for one in answer["found"]] == [[]] * len(answer["found"])
