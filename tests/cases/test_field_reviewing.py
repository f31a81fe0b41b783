"""What the office makes of submissions: once, by another, flagged at once, nothing overwritten."""

import datetime as dt
import uuid
from dataclasses import replace
from typing import Any

import pytest
import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy import select

from cases.access import Permission
from cases.chain import first_fault
from cases.decisions import decide
from cases.field.checks import field_violations
from cases.field.judging import Overtaken
from cases.field.overlap import overlap_of
from cases.field.reviewing import Acceptance, Merger, accept, merge, send_back
from cases.field.versions import observation_version
from cases.models import (
    Case,
    CaseEvent,
    FieldDecision,
    FieldSubmission,
    FieldVerdict,
    SubmissionKind,
)
from cases.reassigning import reassign
from cases.signing import Signature
from cases.workflow import State
from gis.problems import InputError
from layers.models import Observation, ObservationStatus, StructureType
from tests import builders
from tests.cases.conftest import Scene, rectangle

REVIEWER = Signature("sue", permissions=frozenset({Permission.FIELD_REVIEW}))


def codes(refused: pytest.ExceptionInfo[InputError]) -> list[str]:
    return [one.code for one in refused.value.problems]


def wkb(one: FieldSubmission | Observation) -> bytes:
    assert one.geom is not None
    return bytes(to_shape(one.geom).wkb)


def send(scene: Scene, x: float, width: float = 4, **values: Any) -> FieldSubmission:
    """Let Ana's phone have sent a rectangle of 4 m, ``x`` metres along the parcels."""
    given: dict[str, Any] = {
        "geom": scene.stored(rectangle(x, 1, width, 5)),
        "area_m2": width * 5.0,
        "observed_on": dt.date(2022, 4, 3),
        **values,
    }
    near = Observation(community_id=scene.community.id, geom=given["geom"])
    return builders.submission(scene.session, near, id=uuid.uuid4(), **given)


def correction(scene: Scene, seen: Observation, x: float, **values: Any) -> FieldSubmission:
    given: dict[str, Any] = {
        "corrects_id": seen.id,
        "corrects_version": observation_version(seen),
        **values,
    }
    return send(scene, x, **given)


def test_accepted_ground_is_flagged_at_once(scene: Scene) -> None:
    sent = send(scene, 2, household_id=scene.households[0].id, note="bamboo", plants="leek")
    done = accept(scene.session, scene.community, sent.id, Acceptance(reason="seen"), REVIEWER)
    assert done.observation is not None
    assert done.report.new == 1
    assert done.report.cases_opened == 1
    assert done.observation.area_m2 == pytest.approx(20.0, abs=0.01)
    assert done.observation.occupier_id == scene.households[0].id
    assert done.observation.note == "bamboo\nleek"
    assert done.decision.observation_id == done.observation.id
    assert wkb(done.observation) == wkb(sent)
    assert scene.figures(dt.date.today())["surveyed_households"] == 1


def told(scene: Scene, case: Case) -> list[CaseEvent]:
    """Return the events by which ground of the field came to a case."""
    own = CaseEvent.case_id == case.id, CaseEvent.event.startswith("case:field:")
    return list(scene.session.scalars(select(CaseEvent).where(*own).order_by(CaseEvent.seq)))


def test_the_history_of_a_case_tells_who_captured_and_who_accepted(scene: Scene) -> None:
    scene.observe("O-1", 2, 7, 4, 2, observed_on=dt.date(2022, 4, 1))
    scene.flag()
    (case,) = scene.cases()
    sent = send(scene, 2)
    accept(scene.session, scene.community, sent.id, Acceptance(reason="seen"), REVIEWER)
    first, second = send(scene, 7, 1), send(scene, 8, 1, recorded_by="bo")
    merge(scene.session, scene.community, first.id, Merger([second.id], reason="one"), REVIEWER)
    accepted, merged = told(scene, case)
    assert (accepted.event, accepted.actor) == ("case:field:accepted", "sue")
    assert (accepted.note, accepted.data["decided_by"]) == ("seen", "sue")
    (captured,) = accepted.data["captured"]
    assert captured["submission"] == str(sent.id)
    assert (captured["recorded_by"], captured["observed_on"]) == ("ana", "2022-04-03")
    assert merged.event == "case:field:merged"
    assert {one["recorded_by"] for one in merged.data["captured"]} == {"ana", "bo"}
    assert first_fault(scene.session, scene.community) is None


def test_ground_that_comes_to_a_case_later_brings_its_story(scene: Scene) -> None:
    builders.link(scene.session, scene.parcels[0], scene.households[1])
    sent = send(scene, 2, is_clock_doubtful=True)
    asked = Acceptance(reason="seen", observed_on=dt.date(2022, 4, 2))
    done = accept(scene.session, scene.community, sent.id, asked, REVIEWER)
    assert done.observation is not None
    assert (done.report.undecided, scene.cases()) == (1, [])
    by = Signature("eve")
    session, community = scene.session, scene.community
    first = decide(session, community, done.observation.ref, "H0", "the key", by)
    other = reassign(session, community, first.id, "H1", "the lease", by)
    for case in (first, other):
        (event,) = told(scene, case)
        assert (event.actor, event.note, event.data["decided_by"]) == ("eve", "seen", "sue")
        assert event.data["captured"][0]["observed_on"] == "2022-04-02"


def test_a_reviewer_says_what_the_phone_did_not_know(scene: Scene) -> None:
    sent = send(scene, 2, is_clock_doubtful=True)
    with pytest.raises(InputError) as refused:
        accept(scene.session, scene.community, sent.id, Acceptance(household="?"), REVIEWER)
    assert codes(refused) == ["unknown_household", "day_unconfirmed"]
    asked = Acceptance(StructureType.SHED, "H1", dt.date(2022, 4, 2))
    done = accept(scene.session, scene.community, sent.id, asked, REVIEWER)
    assert done.observation is not None
    assert done.observation.structure_type is StructureType.SHED
    assert done.observation.observed_on == dt.date(2022, 4, 2)
    assert done.observation.occupier_id == scene.households[1].id
    assert sent.observed_on == dt.date(2022, 4, 3)


def test_nobody_decides_about_the_own_work_or_without_the_right(scene: Scene) -> None:
    sent = send(scene, 2)
    own = Signature("Ana", permissions=REVIEWER.permissions)
    with pytest.raises(InputError) as refused:
        send_back(scene.session, scene.community, sent.id, "", own)
    assert codes(refused) == ["own_submission", "reason_missing"]
    with pytest.raises(InputError) as refused:
        send_back(
            scene.session, scene.community, sent.id, "no", Signature("sue", None, frozenset())
        )
    assert codes(refused) == ["not_permitted"]
    assert scene.session.scalars(select(FieldDecision)).all() == []


@pytest.mark.parametrize("days", [-1, 1])
def test_nothing_is_decided_in_the_future_or_before_it_was_received(
    scene: Scene, days: int
) -> None:
    first, second = send(scene, 2), send(scene, 5)
    at = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    by = replace(REVIEWER, at=at)
    with pytest.raises(InputError) as refused:
        accept(scene.session, scene.community, first.id, Acceptance(), by)
    assert [(one.code, one.field) for one in refused.value.problems] == [("wrong_time", "at")]
    with pytest.raises(InputError) as refused:
        merge(scene.session, scene.community, first.id, Merger([second.id], None, "one"), by)
    assert codes(refused) == ["wrong_time"]


def test_a_submission_is_decided_about_once(scene: Scene) -> None:
    sent = send(scene, 2)
    done = send_back(scene.session, scene.community, sent.id, "Walk around the shed.", REVIEWER)
    assert done.decision.verdict is FieldVerdict.RETURNED
    assert done.observation is None
    for again in (
        lambda: accept(scene.session, scene.community, sent.id, Acceptance(), REVIEWER),
        lambda: send_back(scene.session, scene.community, sent.id, "no", REVIEWER),
        lambda: merge(scene.session, scene.community, sent.id, Merger(reason="r"), REVIEWER),
    ):
        with pytest.raises(InputError) as refused:
            again()  # type: ignore[no-untyped-call]
        assert "decided_already" in codes(refused)
    assert scene.session.scalars(select(Observation)).all() == []


def test_a_correction_takes_the_place_of_what_it_corrects(scene: Scene) -> None:
    seen = scene.observe("O-1", 2, 1, 4, 5, observed_on=dt.date(2022, 4, 1))
    scene.flag()
    sent = correction(scene, seen, 3)
    done = accept(scene.session, scene.community, sent.id, Acceptance(), REVIEWER)
    scene.session.refresh(seen)
    assert done.observation is not None
    assert (done.observation.ref, done.observation.replaces_id) == ("O-1", seen.id)
    assert seen.status is ObservationStatus.SUPERSEDED
    assert seen.ended_on == dt.date(2022, 4, 3)
    (found,) = scene.current()
    assert found.observation_id == done.observation.id


@pytest.mark.parametrize("choice", [Overtaken.REPLACE, Overtaken.BESIDE])
def test_what_somebody_else_changed_is_replaced_only_by_a_choice(
    scene: Scene, choice: Overtaken
) -> None:
    seen = scene.observe("O-1", 2, 1, 4, 5, observed_on=dt.date(2022, 4, 1))
    first, second = correction(scene, seen, 3), correction(scene, seen, 4, recorded_by="bo")
    accept(scene.session, scene.community, first.id, Acceptance(), REVIEWER)
    with pytest.raises(InputError) as refused:
        accept(scene.session, scene.community, second.id, Acceptance(), REVIEWER)
    assert codes(refused) == ["overtaken"]
    asked = Acceptance(overtaken=choice)
    done = accept(scene.session, scene.community, second.id, asked, REVIEWER)
    standing = scene.session.scalars(
        select(Observation).where(Observation.status == ObservationStatus.OPEN)
    ).all()
    assert len(standing) == (1 if choice is Overtaken.REPLACE else 2)
    assert done.observation in standing


def test_several_become_one_and_stay_in_the_record(scene: Scene) -> None:
    seen = scene.observe("O-1", 8, 1, 3, 5, observed_on=dt.date(2022, 4, 1))
    first, second = send(scene, 2), send(scene, 5, recorded_by="bo", rms_m=0.5)
    before = [wkb(one) for one in (first, second, seen)]
    asked = Merger([second.id], seen.id, "one fence")
    done = merge(scene.session, scene.community, first.id, asked, REVIEWER)
    assert done.observation is not None
    assert done.observation.area_m2 == pytest.approx(9 * 5, abs=0.01)
    assert done.observation.rms_m == 0.5
    assert done.observation.replaces_id == seen.id
    assert done.observation.ref == "O-1"
    verdicts = scene.session.scalars(select(FieldDecision)).all()
    assert {one.submission_id for one in verdicts} == {first.id, second.id}
    assert {one.observation_id for one in verdicts} == {done.observation.id}
    assert before == [wkb(one) for one in (first, second, seen)]


def test_what_cannot_be_merged_is_said_at_once(scene: Scene) -> None:
    one = scene.observe("O-1", 2, 1, 4, 5)
    two = scene.observe("O-2", 12, 1, 4, 5)
    mine = send(scene, 1, household_id=scene.households[0].id)
    theirs = correction(scene, one, 2, household_id=scene.households[1].id)
    clear = send(scene, 1, kind=SubmissionKind.CLEAR, geom=None, area_m2=None, structure_types=[])
    asked = Merger([theirs.id, clear.id, uuid.uuid4()], two.id)
    with pytest.raises(InputError) as refused:
        merge(scene.session, scene.community, mine.id, asked, REVIEWER)
    assert sorted(codes(refused)) == [
        "merger_clear",
        "merger_households",
        "merger_several",
        "reason_missing",
        "unknown_submission",
    ]
    with pytest.raises(InputError) as refused:
        merge(scene.session, scene.community, mine.id, Merger(reason="alone"), REVIEWER)
    assert codes(refused) == ["merger_alone"]


def test_nothing_here_makes_a_household_surveyed_and_clears_no_case(scene: Scene) -> None:
    scene.observe("O-1", 2, 1, 4, 5)
    scene.flag()
    before = scene.figures(dt.date.today())
    clear: dict[str, Any] = {
        "kind": SubmissionKind.CLEAR,
        "geom": None,
        "area_m2": None,
        "structure_types": [],
    }
    sent = send(scene, 0, household_id=scene.households[1].id, **clear)
    done = accept(scene.session, scene.community, sent.id, Acceptance(), REVIEWER)
    assert done.observation is not None
    assert done.observation.structure_type is StructureType.NONE
    after = scene.figures(dt.date.today())
    assert after["surveyed_households"] == before["surveyed_households"] + 1
    same = {name: value for name, value in after.items() if name.endswith("_m2")}
    assert same == {name: before[name] for name in same}
    lost = builders.household(scene.session, scene.community, ref="L", building_id=None)
    nowhere = send(scene, 0, household_id=lost.id, **clear)
    with pytest.raises(InputError) as refused:
        accept(scene.session, scene.community, nowhere.id, Acceptance(), REVIEWER)
    assert codes(refused) == ["household_without_parcel"]


def test_what_is_not_there_cannot_be_decided_about(scene: Scene) -> None:
    with pytest.raises(LookupError):
        accept(scene.session, scene.community, uuid.uuid4(), Acceptance(), REVIEWER)


def test_touching_parts_become_one_sound_polygon(scene: Scene) -> None:
    first, second = send(scene, 2), send(scene, 6, recorded_by="bo")
    done = merge(
        scene.session, scene.community, first.id, Merger([second.id], None, "one"), REVIEWER
    )
    assert done.observation is not None
    ground = to_shape(done.observation.geom)
    assert shapely.is_valid(ground)
    assert done.observation.area_m2 == pytest.approx(40.0, abs=0.01)


def test_what_was_decided_holds_together_and_what_does_not_is_named(scene: Scene) -> None:
    first, second, third = send(scene, 2), send(scene, 5), send(scene, 12)
    session, community = scene.session, scene.community
    merge(session, community, first.id, Merger([second.id], None, "one"), REVIEWER)
    accept(session, community, third.id, Acceptance(), REVIEWER)
    clear = send(
        scene,
        0,
        kind=SubmissionKind.CLEAR,
        geom=None,
        area_m2=None,
        structure_types=["none"],
        household_id=scene.households[2].id,
    )
    accept(session, community, clear.id, Acceptance(), REVIEWER)
    assert list(field_violations(session, community)) == []
    elsewhere = scene.observe("O-9", 40, 1, 4, 5)
    faults = {
        "has no observation": decision(FieldVerdict.ACCEPTED),
        "was returned and is one": decision(FieldVerdict.RETURNED, observation_id=elsewhere.id),
        "was decided about by its inspector": decision(FieldVerdict.RETURNED, decided_by="ana"),
        "is followed by none": decision(FieldVerdict.REPLACED, decided_by="ana"),
        "is other ground": decision(FieldVerdict.ACCEPTED, observation_id=elsewhere.id),
        "lies outside": decision(FieldVerdict.MERGED, observation_id=elsewhere.id),
    }
    for told, values in faults.items():
        sent = send(scene, 2)
        given = {"community_id": community.id, "submission_id": sent.id, **values}
        builders.add(session, FieldDecision(id=uuid.uuid4(), **given))
        found = [one for one in field_violations(session, community) if str(sent.id) in one.message]
        assert len(found) == 1, told


def decision(verdict: FieldVerdict, **values: Any) -> dict[str, Any]:
    return {"verdict": verdict, "decided_by": "sue", **values}


@pytest.mark.parametrize(("x", "day"), [(2.0, 1), (4.0, 1), (8.0, 1), (18.5, 1), (4.0, 3)])
def test_what_a_reviewer_is_shown_is_what_flagging_finds(scene: Scene, x: float, day: int) -> None:
    """Beside an open observation, over two parcels, over verified ground, seen on one day."""
    last = uuid.UUID(int=2**128 - 1)
    scene.observe("O-1", 3, 1, 4, 5, id=last, observed_on=dt.date(2022, 4, day))
    scene.observe("O-2", 14, 1, 4, 5, observed_on=dt.date(2022, 4, 1))
    scene.flag()
    scene.move(scene.cases()[1], State.VERIFIED)
    sent = send(scene, x, 5)
    shown = overlap_of(scene.session, scene.community, sent)
    done = accept(scene.session, scene.community, sent.id, Acceptance(), REVIEWER)
    assert done.observation is not None
    found = [one for one in scene.current() if one.observation_id == done.observation.id]
    taken = sorted(one.occupied_m2 for one in shown.taken if not one.is_listed)
    assert taken == pytest.approx([one.occupied_m2 for one in found], abs=1e-6)
    sigmas = sorted(one.uncertainty_m2 for one in shown.taken if not one.is_listed)
    assert sigmas == pytest.approx(sorted(2 * one.sigma_m2 for one in found), abs=1e-6)
    # Whoever comes later on that day takes nothing of what is shown of it.
    later = send(scene, x + 1, 5)
    accept(scene.session, scene.community, later.id, Acceptance(), REVIEWER)
    own = done.observation
    again = overlap_of(scene.session, scene.community, sent, {own.id}, own)
    assert [one.occupied_m2 for one in again.taken] == [one.occupied_m2 for one in shown.taken]


def test_ground_cleared_in_part_is_not_forgotten_when_its_observation_is_corrected(
    scene: Scene,
) -> None:
    scene.community.policy = {"residual_tolerance_m2": 3.0}
    seen = scene.observe("O-1", 2, 1, 4, 5, observed_on=dt.date(2022, 4, 1))
    scene.flag()
    scene.clear(scene.cases()[0], residual=scene.polygon(rectangle(2, 1, 0.5, 5)))
    sent = correction(scene, seen, 2, width=6)
    shown = overlap_of(scene.session, scene.community, sent, {seen.id})
    assert (shown.standing_m2, shown.cleared_m2) == pytest.approx((2.5, 17.5), abs=1e-6)
    accept(scene.session, scene.community, sent.id, Acceptance(), REVIEWER)
    found = sum(one.occupied_m2 for one in scene.current() if one.verified_on is None)
    assert found == pytest.approx(shown.occupied_m2, abs=1e-6)


def test_what_was_enclosed_is_not_accepted_as_clear(scene: Scene) -> None:
    sent = send(scene, 2)
    asked = Acceptance(structure_type=StructureType.NONE)
    with pytest.raises(InputError) as refused:
        accept(scene.session, scene.community, sent.id, asked, REVIEWER)
    assert codes(refused) == ["structure_of_enclosure"]


def test_a_merger_overwrites_nothing_that_the_reviewer_did_not_name(scene: Scene) -> None:
    seen = scene.observe("O-1", 2, 1, 4, 5, observed_on=dt.date(2022, 4, 1))
    first, late = correction(scene, seen, 2.5), correction(scene, seen, 3)
    other = send(scene, 4)
    done = accept(scene.session, scene.community, first.id, Acceptance(), REVIEWER)
    assert done.observation is not None
    asked = Merger([late.id], reason="one fence")
    with pytest.raises(InputError) as refused:
        merge(scene.session, scene.community, other.id, asked, REVIEWER)
    assert codes(refused) == ["overtaken"]
    named = Merger([late.id], done.observation.id, "one fence")
    merged = merge(scene.session, scene.community, other.id, named, REVIEWER)
    assert merged.observation is not None
    assert merged.observation.replaces_id == done.observation.id


def test_a_correction_of_what_was_split_replaces_no_part_by_chance(scene: Scene) -> None:
    seen = scene.observe("O-1", 2, 1, 4, 5, observed_on=dt.date(2022, 4, 1))
    waiting = correction(scene, seen, 2)
    seen.status, seen.ended_on = ObservationStatus.SUPERSEDED, seen.observed_on
    scene.session.flush()
    for number, width in enumerate((3, 1)):
        x = 2 + 3 * number
        part = scene.observe(f"O-1-{number}", x, 1, width, 5, observed_on=seen.observed_on)
        part.replaces_id = seen.id
    scene.session.flush()
    asked = Acceptance(overtaken=Overtaken.REPLACE)
    with pytest.raises(InputError) as refused:
        accept(scene.session, scene.community, waiting.id, asked, REVIEWER)
    assert codes(refused) == ["split_since"]
