"""What a file changes is planned, shown and written, or it leaves nothing."""

import datetime as dt
import hashlib
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shapely
from shapely import affinity
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gis.problems import InputError
from layers.imports.intake import Outcome, Reading, Repairing, Rules, take_in
from layers.imports.plans import Covers, ImportOptions, LinkChoice
from layers.models import (
    Building,
    Community,
    FieldMapping,
    Household,
    Observation,
    ObservationStatus,
    Parcel,
    ParcelHousehold,
    ParcelSurvey,
    Purpose,
    Site,
    Survey,
    SurveyFile,
)
from layers.places import CommunityForm, add_community, find_community
from tests import builders
from tests.layers.files import SRID, box, in_degrees, point, write

DAY = dt.date(2022, 3, 1)
CODE = "wenquan"
TABLES = (
    Building,
    Household,
    Parcel,
    Observation,
    Site,
    Survey,
    SurveyFile,
    ParcelHousehold,
    ParcelSurvey,
    FieldMapping,
)
Import = Callable[..., Outcome]


@pytest.fixture
def community(session: Session) -> Community:
    place = add_community(session, CommunityForm(CODE, "温泉小区", SRID))
    session.commit()
    return place


@pytest.fixture
def deliver(session: Session, community: Community, tmp_path: Path) -> Import:
    """Write rows into a file and import it; keyword arguments are options of the import."""

    def run(kind: str, rows: list[dict[str, Any]], **given: Any) -> Outcome:
        path = given.pop("path", None) or write(tmp_path / f"{kind}.gpkg", rows)
        reading = Reading(
            fields=given.pop("fields", {}), repair=given.pop("repair", Repairing.NONE)
        )
        rules = Rules(protect=given.pop("protect", None))
        dry_run = given.pop("dry_run", False)
        options = ImportOptions(**{"surveyed_on": DAY, "rms_m": 0.05, **given})
        return take_in(session, CODE, kind, path, reading, options, rules=rules, dry_run=dry_run)

    return run


def buildings() -> list[dict[str, Any]]:
    return [{"ref": "1", "name": "一号楼", "floors": 6, "units": 2, "geometry": box(0, 0, 40, 12)}]


def households() -> list[dict[str, Any]]:
    return [
        {
            "ref": f"1-1-{room}",
            "building": "1",
            "unit": "1",
            "floor": floor,
            "room": str(room),
            "geometry": point(x, 6),
        }
        for room, floor, x in ((101, 1, 10), (102, 1, 30), (201, 2, 10))
    ]


def parcels() -> list[dict[str, Any]]:
    return [
        {
            "ref": f"绿-{n}",
            "kind": "public_green",
            "title_basis": "owner_common",
            "title_evidence": "master plan",
            "building": "1",
            "geometry": box(x, -6, 18, 5),
        }
        for n, x in ((1, 1), (2, 21))
    ]


def fence(ref: str = "o1", x: float = 2, **values: Any) -> dict[str, Any]:
    return {
        "ref": ref,
        "structure_type": "fence",
        "observed_on": "2022-03-05",
        "geometry": box(x, -5, 4, 3),
        **values,
    }


@pytest.fixture
def compound(deliver: Import) -> Import:
    """A building, its households and two gardens, imported."""
    deliver("buildings", buildings())
    deliver("households", households())
    deliver("parcels", parcels())
    return deliver


def counts(session: Session) -> dict[str, int]:
    return {
        table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0
        for table in TABLES
    }


def codes(error: InputError) -> list[tuple[int | None, str]]:
    return [(problem.row, problem.code) for problem in error.problems]


def one(session: Session, model: Any, ref: str) -> Any:
    session.expire_all()
    return session.scalars(select(model).where(model.ref == ref)).one()


def looked(session: Session) -> dict[str, dt.date]:
    query = select(Parcel.ref, ParcelSurvey.day).join(
        ParcelSurvey, ParcelSurvey.parcel_id == Parcel.id
    )
    return {ref: day for ref, day in session.execute(query)}  # noqa: C416


def links(session: Session) -> dict[str, set[tuple[str, str, float, str]]]:
    query = (
        select(
            Parcel.ref,
            Household.ref,
            ParcelHousehold.role,
            ParcelHousehold.share,
            ParcelHousehold.method,
        )
        .join(ParcelHousehold, ParcelHousehold.parcel_id == Parcel.id)
        .join(Household, Household.id == ParcelHousehold.household_id)
    )
    found: dict[str, set[tuple[str, str, float, str]]] = {}
    for parcel, home, role, share, method in session.execute(query):
        found.setdefault(parcel, set()).add((home, str(role), share, str(method)))
    return found


def test_every_kind_is_stored_as_delivered(session: Session, compound: Import) -> None:
    compound("observations", [fence(occupier_ref="1-1-101")])
    compound("sites", [
        {"ref": "s1", "kind": "charging_pile", "state": "built", "built_on": "2022-09-01",
         "heads": 15, "power_w": 13_500.0, "geometry": point(60, 0)},
        {"ref": "s2", "kind": "landscaping", "state": "planned", "geometry": box(60, 10)},
    ])  # fmt: skip
    building = one(session, Building, "1")
    assert (building.name, building.floors, building.units) == ("一号楼", 6, 2)
    upstairs = one(session, Household, "1-1-201")
    assert (upstairs.building_id, upstairs.ground_floor) == (building.id, False)
    assert one(session, Household, "1-1-101").ground_floor
    parcel = one(session, Parcel, "绿-1")
    assert (parcel.kind, parcel.title_basis, parcel.rms_m) == ("public_green", "owner_common", 0.05)
    assert parcel.building_id == building.id
    assert parcel.area_m2 == pytest.approx(90, abs=1e-6)
    seen = one(session, Observation, "o1")
    assert (seen.structure_type, seen.observed_on) == ("fence", dt.date(2022, 3, 5))
    assert seen.occupier_id == one(session, Household, "1-1-101").id
    assert seen.area_m2 == pytest.approx(12, abs=1e-6)
    assert one(session, Site, "s1").built_on == dt.date(2022, 9, 1)
    assert [one(session, Site, ref).area_m2 for ref in ("s1", "s2")] == [0, pytest.approx(100)]


def test_the_survey_is_kept_with_its_file(
    session: Session, deliver: Import, tmp_path: Path
) -> None:
    done = deliver("parcels", parcels()[:1], fields={"building": ""}, surveyor="测绘院")
    assert done.applied is not None
    survey = session.get(Survey, (find_community(session, CODE).id, done.applied.survey_id))
    assert survey is not None
    content = (tmp_path / "parcels.gpkg").read_bytes()
    assert survey.file_sha256 == hashlib.sha256(content).hexdigest()
    assert session.scalar(select(SurveyFile.content)) == content
    assert (survey.delivers, survey.purpose, survey.surveyor) == ("parcels", "register", "测绘院")
    assert (survey.surveyed_on, survey.rms_m, survey.crs) == (DAY, 0.05, "EPSG:4550")
    assert "tmerc" in survey.transform
    assert (survey.file_name, survey.layer, survey.feature_count) == ("parcels.gpkg", "parcels", 1)
    assert one(session, Parcel, "绿-1").survey_id == survey.id


def test_the_same_file_again_changes_nothing(session: Session, compound: Import) -> None:
    compound("observations", [fence()])
    before = counts(session)
    for kind, rows in (
        ("buildings", buildings()), ("households", households()), ("parcels", parcels()),
        ("observations", [fence()]),
    ):  # fmt: skip
        done = compound(kind, rows)
        assert done.plan.counts == {"new": 0, "changed": 0, "unchanged": len(rows)}
        assert done.applied is not None
        assert done.applied.survey_id is None
    assert counts(session) == before


def test_a_dry_run_says_what_would_happen_and_writes_nothing(
    session: Session, compound: Import
) -> None:
    before = counts(session)
    rows = parcels()
    rows[0]["title_basis"] = "unknown"
    rows[1]["geometry"] = box(21, -7, 18, 6)
    rows.append({**rows[0], "ref": "绿-3", "geometry": box(1, 20)})
    shown = compound("parcels", rows, dry_run=True)
    assert shown.applied is None
    assert shown.plan.table() == [
        {"row": 1, "ref": "绿-1", "action": "changed", "changes": "title_basis"},
        {"row": 2, "ref": "绿-2", "action": "changed", "changes": "geometry"},
        {"row": 3, "ref": "绿-3", "action": "new", "changes": None},
    ]
    assert counts(session) == before
    assert one(session, Parcel, "绿-1").title_basis == "owner_common"


def test_a_refused_file_leaves_nothing(session: Session, compound: Import) -> None:
    before = counts(session)
    rows = [
        fence("good"),
        fence("nobody", x=30, occupier_ref="9-9-999"),
        fence("undated", x=34, observed_on=None),
    ]
    with pytest.raises(InputError) as caught:
        compound("observations", rows)
    assert codes(caught.value) == [(3, "value_missing")]
    rows[2]["observed_on"] = "2022-03-05"
    with pytest.raises(InputError) as caught:
        compound("observations", rows)
    assert codes(caught.value) == [(2, "household_unknown")]
    assert counts(session) == before


def test_what_refers_to_nothing_is_named_by_row(deliver: Import) -> None:
    with pytest.raises(InputError) as caught:
        deliver("households", households())
    assert codes(caught.value) == [(n, "building_unknown") for n in (1, 2, 3)]
    with pytest.raises(InputError) as caught:
        deliver("parcels", [{**parcels()[0], "household": "1-1-101;1-1-102"}])
    assert codes(caught.value) == [
        (1, "building_unknown"), (1, "household_unknown"), (1, "household_unknown"),
    ]  # fmt: skip


def test_a_missing_building_may_be_allowed(session: Session, deliver: Import) -> None:
    deliver("buildings", buildings())
    rows = households()
    rows[1]["building"] = "nowhere"
    rows[2] |= {"building": "nowhere", "geometry": point(500, 500)}
    done = deliver("households", rows, unknown_buildings_allowed=True)
    assert {one.code for one in done.plan.notices} >= {"building_unknown", "building_by_place"}
    inside = one(session, Building, "1").id
    found = [one(session, Household, row["ref"]).building_id for row in rows]
    assert found == [inside, inside, None]


def test_a_file_changes_only_what_it_holds(session: Session, compound: Import) -> None:
    evidence = [{"ref": "绿-1", "title_evidence": "规划图", "geometry": parcels()[0]["geometry"]}]
    done = compound("parcels", evidence, rms_m=None)
    assert done.plan.counts == {"new": 0, "changed": 1, "unchanged": 0}
    parcel = one(session, Parcel, "绿-1")
    assert (parcel.title_evidence, parcel.title_basis) == ("规划图", "owner_common")
    assert parcel.building_id == one(session, Building, "1").id


def test_a_title_needs_its_evidence(session: Session, compound: Import) -> None:
    bare = [{name: row[name] for name in row if name != "title_evidence"} for row in parcels()]
    compound("parcels", bare)
    new = [{**row, "ref": f"new-{at}"} for at, row in enumerate(bare)]
    for row in new:
        row["geometry"] = affinity.translate(row["geometry"], yoff=-50)
    with pytest.raises(InputError) as caught:
        compound("parcels", new)
    assert codes(caught.value) == [(None, "title_unproven")]
    with pytest.raises(InputError) as caught:
        compound(
            "parcels", [{**new[0], "title_evidence": "deed"}, {**new[1], "title_evidence": ""}]
        )
    assert codes(caught.value) == [(2, "title_unproven")]
    with pytest.raises(InputError) as caught:
        compound("parcels", [{**parcels()[0], "title_evidence": ""}])
    assert codes(caught.value) == [(1, "title_unproven")]
    compound("parcels", [{**row, "title_basis": "unknown"} for row in new])
    assert one(session, Parcel, "绿-1").title_evidence == "master plan"


def test_changed_ground_is_looked_at_again(session: Session, compound: Import) -> None:
    compound("observations", [fence("on", 2), fence("beside", 25), fence("far", 200)])
    builders.flagged(session)
    rows = parcels()[:1]
    rows[0]["title_basis"] = "unknown"
    compound("parcels", rows)
    assert builders.waiting(session) == {"on"}
    builders.flagged(session)
    moved = buildings()
    moved[0]["geometry"] = box(0, 0, 40, 13)
    compound("buildings", moved)
    assert builders.waiting(session) == {"on", "beside"}


def test_a_correction_replaces_an_observation_and_keeps_it(
    session: Session, compound: Import
) -> None:
    compound("observations", [fence(note="铁栅栏", occupier_ref="1-1-101"), fence("o2", 25)])
    builders.flagged(session)
    old = one(session, Observation, "o1").id
    corrected = fence(observed_on="2022-03-09", geometry=box(2, -5, 5, 3))
    done = compound("observations", [corrected, fence("o2", 25)])
    assert done.plan.counts == {"new": 0, "changed": 1, "unchanged": 1}
    rows = {
        row.status: row
        for row in session.scalars(select(Observation).where(Observation.ref == "o1"))
    }
    before, after = rows[ObservationStatus.SUPERSEDED], rows[ObservationStatus.OPEN]
    assert (before.id, before.ended_on) == (old, dt.date(2022, 3, 9))
    assert before.area_m2 == pytest.approx(12)
    assert (after.replaces_id, after.note) == (old, "铁栅栏")
    assert after.entered == before.entered
    assert after.occupier_id == one(session, Household, "1-1-101").id
    assert after.observed_on == dt.date(2022, 3, 9)
    assert after.area_m2 == pytest.approx(15)
    assert builders.waiting(session) == {"o1"}


def test_an_id_made_by_a_phone_is_kept_and_one_that_has_ended_is_refused(
    session: Session, compound: Import
) -> None:
    key = uuid.uuid4()
    compound("observations", [fence(id=str(key))])
    assert one(session, Observation, "o1").id == key
    assert compound("observations", [fence(id=str(key))]).plan.counts["unchanged"] == 1
    compound("observations", [fence(id=str(key), geometry=box(2, -5, 5, 3))])
    with pytest.raises(InputError) as caught:
        compound("observations", [fence("another", id=str(key))])
    assert codes(caught.value) == [(1, "observation_ended")]


def test_an_id_and_a_ref_of_different_rows_are_refused(session: Session, compound: Import) -> None:
    row = {**parcels()[0], "id": str(one(session, Parcel, "绿-2").id)}
    with pytest.raises(InputError) as caught:
        compound("parcels", [row])
    assert (1, "key_conflict") in codes(caught.value)


@pytest.mark.parametrize(
    ("width", "is_refused"), [(0.10, False), (1.0, True)], ids=["survey noise", "a strip"]
)
def test_a_parcel_on_another_is_refused_beyond_survey_noise(
    session: Session, compound: Import, width: float, is_refused: bool
) -> None:
    row = {**parcels()[0], "ref": "绿-3", "geometry": box(19 - width, -6, 2 - 0.5 + width, 5)}
    if not is_refused:
        assert compound("parcels", [row]).plan.counts["new"] == 1
        return
    with pytest.raises(InputError, match=r"绿-1 by 5\.00 m2") as caught:
        compound("parcels", [row])
    assert codes(caught.value) == [(1, "parcel_overlap")]
    done = compound("parcels", [row], overlaps_allowed=True)
    assert "parcel_overlap" in {one.code for one in done.plan.notices}


def test_parcels_of_one_file_on_one_another_are_refused(deliver: Import) -> None:
    rows = [{"ref": "a", "geometry": box(0, 0)}, {"ref": "b", "geometry": box(5, 0)}]
    with pytest.raises(InputError, match=r"b lies on a by 50\.00 m2") as caught:
        deliver("parcels", rows)
    assert codes(caught.value) == [(2, "parcel_overlap")]


def test_a_parcel_may_be_divided(session: Session, compound: Import) -> None:
    left, right = box(1, -6, 9, 5), box(10, -6, 9, 5)
    rows = [{**parcels()[0], "geometry": left}, {**parcels()[0], "ref": "绿-1b", "geometry": right}]
    assert compound("parcels", rows).plan.counts == {"new": 1, "changed": 1, "unchanged": 0}
    assert one(session, Parcel, "绿-1").area_m2 == pytest.approx(45)


def test_ground_under_a_case_is_not_moved(session: Session, compound: Import) -> None:
    key = one(session, Parcel, "绿-1").id
    rows = parcels()
    rows[0]["geometry"] = box(1, -7, 18, 6)
    rows[1]["title_basis"] = "municipal"
    with pytest.raises(InputError, match="carries a case") as caught:
        compound("parcels", rows, protect=lambda *_: {key: "It carries a case."})
    assert codes(caught.value) == [(1, "parcel_protected")]
    assert one(session, Parcel, "绿-2").title_basis == "owner_common"


@pytest.mark.parametrize("kind", ["buildings", "observations"])
def test_a_feature_stored_under_another_ref_is_refused(compound: Import, kind: str) -> None:
    compound("observations", [fence()])
    row = {"buildings": buildings()[0], "observations": fence()}[kind]
    with pytest.raises(InputError, match="stored already") as caught:
        compound(kind, [{**row, "ref": "again"}])
    assert codes(caught.value) == [(1, "duplicate")]


def test_a_file_without_refs_gets_them_from_its_rows(session: Session, deliver: Import) -> None:
    rows = [{"geometry": box(0, 0)}, {"geometry": box(20, 0)}]
    done = deliver("parcels", rows)
    assert "ref_numbered" in {one.code for one in done.plan.notices}
    refs = session.scalars(select(Parcel.ref).order_by(Parcel.ref)).all()
    assert refs == ["parcels-1", "parcels-2"]
    assert deliver("parcels", rows).plan.counts["unchanged"] == 2


def test_an_assumed_rms_and_date_are_said(session: Session, deliver: Import) -> None:
    done = deliver("parcels", [{"ref": "a", "geometry": box(0, 0)}], rms_m=None, surveyed_on=None)
    assert {one.code for one in done.plan.notices} >= {"rms_assumed", "date_assumed"}
    assert one(session, Parcel, "a").rms_m == 0.05


def test_an_observation_is_dated_by_the_person_where_the_file_is_not(
    session: Session, deliver: Import
) -> None:
    row = {"ref": "o", "geometry": box(0, 0)}
    with pytest.raises(InputError) as caught:
        deliver("observations", [row], surveyed_on=None)
    assert codes(caught.value) == [(None, "field_missing")]
    deliver("observations", [row], purpose=Purpose.PATROL)
    seen = one(session, Observation, "o")
    assert (seen.observed_on, seen.purpose, seen.structure_type) == (DAY, "patrol", "other")


def test_a_mapping_is_remembered_but_not_what_was_said_of_one_file(
    session: Session, deliver: Import, tmp_path: Path
) -> None:
    row = {"编号": "甲", "geometry": box(0, 0)}
    deliver("parcels", [row], fields={"ref": "编号", "kind": "=other"})
    other = write(tmp_path / "next.gpkg", [{"编号": "乙", "geometry": box(20, 0)}])
    done = deliver("parcels", [], path=other)
    assert "mapping_recalled" in {one.code for one in done.plan.notices}
    assert [one(session, Parcel, ref).kind for ref in ("甲", "乙")] == ["other", "public_green"]


def test_households_find_their_building_by_place(session: Session, deliver: Import) -> None:
    deliver("buildings", [*buildings(), {"ref": "2", "geometry": box(44, 0, 10, 12)}])
    places = {"inside": point(5, 5), "beside": point(-2, 5), "between": point(42, 5),
              "far": point(500, 5), "nowhere": None}  # fmt: skip
    rows = [{"ref": ref, "ground_floor": True, "geometry": at} for ref, at in places.items()]
    done = deliver("households", rows)
    first = one(session, Building, "1").id
    found = {ref: one(session, Household, ref).building_id for ref in places}
    assert found == {"inside": first, "beside": first, "between": None, "far": None,
                     "nowhere": None}  # fmt: skip
    said = next(one for one in done.plan.notices if one.code == "building_by_place")
    assert said.rows == (3, 4, 5)


def test_links_named_by_the_file_are_taken(session: Session, deliver: Import) -> None:
    deliver("buildings", buildings())
    deliver("households", households())
    rows = parcels()
    rows[0] |= {"household": "1-1-101; 1-1-102", "household_role": "adjoining;user",
                "household_share": "0.5"}  # fmt: skip
    rows[1] |= {"household": None, "household_role": None, "household_share": None}
    deliver("parcels", rows)
    assert links(session) == {
        "绿-1": {("1-1-101", "adjoining", 0.5, "attribute"), ("1-1-102", "user", 0.5, "attribute")}
    }
    assert deliver("parcels", rows).plan.counts["unchanged"] == 2
    rows[0]["household"], rows[0]["household_role"] = "1-1-102", "user"
    done = deliver("parcels", rows)
    assert done.plan.table()[0]["changes"] == "household"
    assert links(session) == {"绿-1": {("1-1-102", "user", 0.5, "attribute")}}


def test_terms_that_do_not_fit_the_households_are_refused(deliver: Import) -> None:
    deliver("buildings", buildings())
    deliver("households", households())
    row = {**parcels()[0], "household": "1-1-101;1-1-102;1-1-201", "household_role": "user;owner",
           "household_share": "0.5;0.5;2"}  # fmt: skip
    with pytest.raises(InputError) as caught:
        deliver("parcels", [row])
    assert sorted(codes(caught.value)) == [(1, "link_role"), (1, "link_share"), (1, "link_terms")]


def test_links_are_proposed_by_place_and_never_guessed(session: Session, deliver: Import) -> None:
    deliver("buildings", buildings())
    deliver("households", households())
    rows = [{k: v for k, v in row.items() if k != "building"} for row in parcels()]
    rows.append({"ref": "between", "geometry": box(15, -14, 10, 5)})
    done = deliver("parcels", rows)
    assert [one.parcel for one in done.plan.ambiguous] == ["between"]
    assert {parcel: {home for home, *_ in found} for parcel, found in links(session).items()} == {
        "绿-1": {"1-1-101"}, "绿-2": {"1-1-102"},
    }  # fmt: skip
    assert one(session, Parcel, "绿-1").building_id == one(session, Building, "1").id
    again = deliver("parcels", rows)
    assert (again.plan.linked, len(again.plan.ambiguous)) == ([], 1)


def test_links_can_be_left_alone(session: Session, deliver: Import) -> None:
    deliver("buildings", buildings())
    deliver("households", households())
    row = {**parcels()[0], "household": "1-1-102"}
    deliver("parcels", [row], links=LinkChoice.NONE)
    assert links(session) == {}
    deliver("parcels", [row], links=LinkChoice.SPATIAL)
    assert {home for home, *_ in links(session)["绿-1"]} == {"1-1-101"}


def test_only_parcels_that_something_lies_on_count_as_looked_at(
    session: Session, compound: Import
) -> None:
    noise = fence("noise", geometry=box(38.95, -6, 5, 5))
    done = compound("observations", [fence(), noise, fence("later", 12, observed_on="2022-03-09")])
    assert looked(session) == {"绿-1": dt.date(2022, 3, 5)}
    assert len(done.plan.looked) == 1


def test_nothing_here_is_looked_at_and_found_clear(session: Session, compound: Import) -> None:
    compound("observations", [fence(structure_type="none", geometry=box(21, -6, 18, 5))])
    assert looked(session) == {"绿-2": dt.date(2022, 3, 5)}


@pytest.mark.parametrize(
    ("covers", "expected"),
    [
        (Covers(community=True), {"绿-1", "绿-2"}),
        (Covers(buildings=("1",)), {"绿-1", "绿-2"}),
        (Covers(ground=shapely.MultiPolygon([in_degrees(box(20, -7, 20, 7))])), {"绿-1", "绿-2"}),
        (Covers(ground=shapely.MultiPolygon([in_degrees(box(25, -7, 20, 7))])), {"绿-1"}),
    ],
    ids=["community", "building", "ground", "half of a parcel"],
)
def test_a_survey_says_what_ground_it_covered(
    session: Session, compound: Import, covers: Covers, expected: set[str]
) -> None:
    compound("observations", [fence()], covers=covers)
    assert set(looked(session)) == expected
    assert looked(session)["绿-1"] == dt.date(2022, 3, 5)


def test_coverage_alone_is_news(session: Session, compound: Import) -> None:
    compound("observations", [fence()])
    done = compound("observations", [fence()], covers=Covers(community=True))
    assert done.applied is not None
    assert done.applied.survey_id is not None
    assert looked(session)["绿-2"] == DAY
    again = compound("observations", [fence()], covers=Covers(community=True))
    assert again.applied is not None
    assert again.applied.survey_id is None


def test_an_unknown_building_covers_nothing(compound: Import) -> None:
    with pytest.raises(InputError, match="no building 7"):
        compound("observations", [fence()], covers=Covers(buildings=("1", "7")))


def test_parcels_that_come_later_know_who_looked_at_them(session: Session, deliver: Import) -> None:
    ground = shapely.MultiPolygon([in_degrees(box(20, -7, 20, 7))])
    deliver("observations", [fence()], covers=Covers(ground=ground))
    deliver("parcels", parcels(), fields={"building": ""})
    assert looked(session) == {"绿-1": dt.date(2022, 3, 5), "绿-2": DAY}
    wider = parcels()[1:]
    wider[0]["geometry"] = box(21, -16, 18, 15)
    deliver("parcels", wider, fields={"building": ""})
    assert set(looked(session)) == {"绿-1"}


def test_stated_areas_are_compared(deliver: Import) -> None:
    rows = [
        {"ref": "a", "area_m2": 100.0, "geometry": box(0, 0)},
        {"ref": "b", "area_m2": 150.0, "geometry": box(20, 0)},
    ]
    said = {one.code: one for one in deliver("parcels", rows).plan.notices}
    assert said["area_differs"].rows == (2,)
    assert "1 of 2 areas agree" in said["area_differs"].message
    rows[1]["area_m2"] = 100.4
    assert "area_agrees" in {one.code for one in deliver("parcels", rows).plan.notices}


def test_a_repair_is_shown_before_it_is_taken(session: Session, deliver: Import) -> None:
    bow = shapely.Polygon([box(0, 0).exterior.coords[at] for at in (0, 2, 1, 3)])
    rows = [{"ref": "bow", "geometry": bow}]
    for how in (Repairing.NONE, Repairing.SHOW):
        with pytest.raises(InputError, match="crosses itself"):
            deliver("parcels", rows, repair=how)
    shown = deliver("parcels", rows, repair=Repairing.SHOW, dry_run=True)
    assert [one.row for one in shown.repairs] == [1]
    assert shown.repairs[0].after_m2 == pytest.approx(50)
    assert counts(session)["parcel"] == 0
    deliver("parcels", rows, repair=Repairing.ACCEPT)
    assert one(session, Parcel, "bow").area_m2 == pytest.approx(50)
    assert "row 1 repaired" in session.scalars(select(Survey.transform)).one()


@pytest.mark.parametrize(
    "text", ["{{7*7}}", "</script><script>alert(1)</script>", "${alert(1)}", "=cmd()", "'; DROP--"]
)
def test_hostile_text_is_text(session: Session, deliver: Import, text: str) -> None:
    row = {"ref": text[:64], "title_evidence": text, "source": text, "geometry": box(0, 0)}
    deliver("parcels", [row])
    parcel = one(session, Parcel, text[:64])
    assert (parcel.title_evidence, parcel.source) == (text, text)


def test_a_file_changed_after_it_was_read_is_refused(
    session: Session, deliver: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("layers.imports.intake.original", lambda *_: ("parcels.gpkg", b"another"))
    with pytest.raises(InputError, match="has changed since it was read"):
        deliver("parcels", parcels(), fields={"building": ""})
    assert counts(session)["parcel"] == 0
