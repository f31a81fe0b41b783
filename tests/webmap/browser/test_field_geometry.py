"""The phone's geometry in Chromium, held against what Python said of the same cases."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import shapely
from playwright.sync_api import Page

from cases.access import Role
from tests.gis.field_cases import FILE
from tests.webmap.browser.conftest import OpenSheet

M2 = 0.01
SHARE = 0.3
DEGREES = 1e-8
KNOWN = json.loads(FILE.read_text(encoding="utf-8"))

ANSWER = """async (known) => {
  const { openSurvey, measure, overlaps, faults } = await import("/static/field/geometry.js");
  const surveys = Object.fromEntries(
    Object.entries(known.worlds).map(([key, world]) => [key, openSurvey(world.survey)]));
  return known.cases.map(({ world, geometry, rms_m, observed_on, corrects }) => {
    const [bundle, survey] = [known.worlds[world], surveys[world]];
    const found = faults(geometry, { bundle, survey, rms_m, observed_on, corrects });
    const broken = ["self_crossing", "too_few_corners", "broken_outline"];
    if (found.some(({ code }) => broken.includes(code))) {
      return { isExact: survey.isExact, faults: found };
    }
    return {
      isExact: survey.isExact,
      faults: found,
      ...measure(geometry, rms_m, survey),
      overlaps: overlaps(geometry, rms_m, bundle, survey, { observed_on, corrects }),
    };
  });
}"""


@pytest.fixture
def page(open_sheet: OpenSheet) -> Page:
    """A page under our policy of content, with the two libraries and nothing else."""
    page = open_sheet("/account", Role.INSPECTOR)
    for file in ("jsts/dist/jsts.min.js", "proj4/dist/proj4.js"):
        page.add_script_tag(url=f"/static/vendor/{file}")
    return page


def test_the_phone_says_what_the_server_says(page: Page) -> None:
    answers = page.evaluate(ANSWER, KNOWN)
    assert len(answers) == len(KNOWN["cases"])
    wrong = [
        f"{case['name']}: {fault}"
        for case, found in zip(KNOWN["cases"], answers, strict=True)
        for fault in _differences(case["expected"], found)
    ]
    assert not wrong, "\n".join(wrong)
    for case, found in zip(KNOWN["cases"], answers, strict=True):
        for fault in found["faults"]:
            if fault["code"] == "self_crossing":
                place = shapely.Point(fault["place"])
                assert _crossings(case["geometry"]).distance(place) < DEGREES, case["name"]


def test_a_projection_that_is_not_the_server_s_shows_no_area(page: Page) -> None:
    """A wrong zone, a datum without its shift and a name that nobody knows."""
    found = page.evaluate(
        """async (world) => {
          const module = await import("/static/field/geometry.js");
          const { openSurvey, measure, overlaps, faults } = module;
          const parcel = world.parcels[0].geometry;
          const texts = ["+lon_0=123", "+proj=tmerc"].map((part, at) =>
            world.survey.proj4.replace(part, ["+lon_0=120", "+proj=nowhere"][at]));
          texts.push(world.survey.proj4.replace("+towgs84=0,0,0", "+towgs84=100,0,0"));
          return texts.map((proj4) => {
            const survey = openSurvey({ ...world.survey, proj4 });
            const context = { bundle: world, survey, rms_m: 0.05 };
            return [survey.isExact, measure(parcel, 0.05, survey).area_m2,
              overlaps(parcel, 0.05, world, survey).length, faults(parcel, context)[0].code];
          });
        }""",
        KNOWN["worlds"]["4550"],
    )
    assert found == [[False, None, 0, "projection_off"]] * 3


def test_the_shift_of_chinese_maps_is_python_s_there_and_back(page: Page) -> None:
    moved, back = page.evaluate(
        """async (places) => {
          const { toGcj02, fromGcj02 } = await import("/static/field/geometry.js");
          const shown = places.map((one) => one.slice(2));
          return [places.map(([x, y]) => toGcj02([x, y])), shown.map(fromGcj02)];
        }""",
        KNOWN["gcj02"],
    )
    places = np.array(KNOWN["gcj02"])
    assert np.abs(np.array(moved) - places[:, 2:]).max() < 1e-10
    assert np.abs(np.array(back) - places[:, :2]).max() < 2e-9


def test_positions_of_chinese_maps_are_known_by_the_boundary(page: Page) -> None:
    known = KNOWN["positions"]
    found = page.evaluate(
        """async ([world, { boundary, cases }]) => {
          const { judgeShift, liesNear, openSurvey } =
            await import("/static/field/geometry.js");
          const survey = openSurvey(world.survey);
          const compound = { ...world, boundary };
          const near = (place, metres) => liesNear(place, metres, compound, survey);
          return [near, null].map((isNear) => cases.map(({ fixes }) => {
            const judge = judgeShift(isNear);
            for (const [longitude, latitude, accuracy_m] of fixes) {
              judge.hear({ longitude, latitude, accuracy_m });
            }
            return judge.isShifted;
          }));
        }""",
        [KNOWN["worlds"]["4550"], known],
    )
    assert found[0] == [case["shifted"] for case in known["cases"]]
    # Without a boundary nothing can be told.
    assert not any(found[1])


CUTTING = """async ([geometry, line]) => {
  const { difference, merge, split } = await import("/static/field/geometry.js");
  const pieces = split(geometry, line);
  const left = pieces[1] ? difference(geometry, pieces[0]) : null;
  return { pieces, merged: merge(pieces), left };
}"""


def test_a_line_splits_and_what_was_split_merges(page: Page) -> None:
    world = KNOWN["worlds"]["4550"]
    ring = next(one["geometry"] for one in world["parcels"] if one["ref"] == "R1")
    west, south, east, north = shapely.geometry.shape(ring).bounds
    middle = (west + east) / 2
    line = [[middle, south - 1e-4], [middle, north + 1e-4]]
    found = page.evaluate(CUTTING, [ring, line])
    pieces = [shapely.geometry.shape(piece) for piece in found["pieces"]]
    whole = shapely.geometry.shape(ring)
    assert len(pieces) == 2
    assert abs(sum(piece.area for piece in pieces) - whole.area) < 1e-6 * whole.area
    assert shapely.area(whole.symmetric_difference(shapely.geometry.shape(found["merged"]))) < 1e-15
    left = shapely.geometry.shape(found["left"])
    assert shapely.area(left.symmetric_difference(pieces[1])) < 1e-15
    # Corners that stay are the same numbers, so that neighbours still share them.
    corners = {tuple(place) for place in shapely.get_coordinates(whole).tolist()}
    kept = {tuple(place) for piece in pieces for place in shapely.get_coordinates(piece).tolist()}
    assert corners <= kept


def test_a_line_beside_splits_nothing_and_parts_stay_together(page: Page) -> None:
    world = KNOWN["worlds"]["4550"]
    parts = next(one["geometry"] for one in world["parcels"] if one["ref"] == "M1")
    west, south, east, north = shapely.geometry.shape(parts).bounds
    beside = [[west - 1e-4, south], [west - 1e-4, north]]
    assert page.evaluate(CUTTING, [parts, beside])["pieces"] == [parts]
    through = west + (east - west) * 0.1
    found = page.evaluate(CUTTING, [parts, [[through, south - 1e-4], [through, north + 1e-4]]])
    assert [piece["type"] for piece in found["pieces"]] == ["MultiPolygon", "Polygon"]


def _differences(expected: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    if not found["isExact"]:
        yield "the projection is off"
    codes = [_fault(one) for one in found["faults"]], [_fault(one) for one in expected["faults"]]
    if sorted(codes[0]) != sorted(codes[1]):
        yield f"faults {codes[0]} for {codes[1]}"
    for key in ("area_m2", "uncertainty_m2"):
        if key in expected and abs(expected[key] - found[key]) > M2:
            yield f"{key} {found[key]} for {expected[key]}"
    yield from _pieces(expected.get("overlaps", []), found.get("overlaps", []))


def _fault(one: dict[str, Any]) -> tuple[str, ...]:
    return one["code"], one["severity"], one.get("with", "")


def _crossings(geometry: dict[str, Any]) -> shapely.Geometry:
    """Return where the edges of an outline meet but as neighbours do, in degrees."""
    met = []
    for ring in shapely.get_rings(shapely.geometry.shape(geometry)):
        corners = shapely.get_coordinates(ring)
        edges = shapely.linestrings(np.stack([corners[:-1], corners[1:]], axis=1))
        for one, other in itertools.combinations(range(len(edges)), 2):
            shared = shapely.intersection(edges[one], edges[other])
            is_neighbour = other - one in {1, len(edges) - 1}
            if not is_neighbour or shared.geom_type != "Point":
                met.append(shared)
    return shapely.union_all(met)


def _pieces(expected: list[dict[str, Any]], found: list[dict[str, Any]]) -> Iterator[str]:
    found = sorted(found, key=lambda row: (row["kind"], row["parcel"], row["occupied_m2"]))
    names = [[(row["kind"], row["parcel"]) for row in rows] for rows in (found, expected)]
    if names[0] != names[1]:
        yield f"pieces {names[0]} for {names[1]}"
        return
    for one, other in zip(found, expected, strict=True):
        if abs(one["occupied_m2"] - other["occupied_m2"]) > M2:
            yield f"{one['occupied_m2']} for {other['occupied_m2']} m2 on {one['parcel']}"
        # Where corners all but lie on an edge, chance says whether a cut makes a corner there.
        uncertain = other.get("uncertainty_m2", one["uncertainty_m2"])
        if abs(one["uncertainty_m2"] - uncertain) > SHARE * uncertain:
            yield f"± {one['uncertainty_m2']} for {uncertain} m2 on {one['parcel']}"
