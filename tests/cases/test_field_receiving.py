"""What phones send: kept once as it came, refused with every reason, never overwritten."""

import datetime as dt
import json
import uuid
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import shapely
from geoalchemy2.shape import to_shape
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from cases.access import Permission
from cases.decisions import withdraw
from cases.field.clocks import PhoneClock, judge_clock
from cases.field.receiving import Corrected, Correction, Position, Sent, receive
from cases.field.versions import observation_version
from cases.models import (
    CaptureMethod,
    Datum,
    FieldDecision,
    FieldSubmission,
    FieldVerdict,
    SubmissionKind,
)
from cases.signing import Signature
from gis.datum import to_gcj02
from gis.problems import InputError
from layers.models import Community, Purpose, StructureType, WaitingObservation
from tests.cases.conftest import Scene, rectangle

BY = Signature("ana@example.org", None, frozenset({Permission.FIELD_CAPTURE}))
NOW = dt.datetime.now(dt.UTC)


def sent(scene: Scene, **values: Any) -> Sent:
    """Return the submission of a fence on the first parcel, as a phone would make it."""
    made = Sent(
        uuid.uuid4(),
        b"",
        SubmissionKind.ENCLOSURE,
        CaptureMethod.DRAWN,
        0.3,
        PhoneClock(dt.datetime.now(dt.UTC)),
        polygon=scene.polygon(rectangle(1, 1, 3, 8)),
        structure_types=(StructureType.FENCE,),
    )
    made = replace(made, **values)
    return replace(made, body=json.dumps(repr(made)).encode())


def codes(error: pytest.ExceptionInfo[InputError]) -> set[str]:
    return {problem.code for problem in error.value.problems}


def kept(scene: Scene) -> list[FieldSubmission]:
    rows = select(FieldSubmission).where(FieldSubmission.community_id == scene.community.id)
    return list(scene.session.scalars(rows.order_by(FieldSubmission.received_at)))


def place(outline: shapely.Geometry) -> tuple[float, float]:
    """Return the middle of an outline, longitude and latitude."""
    return outline.centroid.x, outline.centroid.y


def test_it_is_kept_as_it_came_and_flags_nothing(scene: Scene) -> None:
    first = sent(scene, phone_area_m2=24.0, note=" by the wall ", height_m=1.5)
    receipt = receive(scene.session, scene.community, first, BY)
    assert (receipt.id, receipt.sha256) == (first.id, first.sha256.hex())
    (row,) = kept(scene)
    assert row.geom is not None
    assert to_shape(row.geom).equals(shapely.MultiPolygon([first.polygon]))
    assert row.area_m2 == pytest.approx(24.0, abs=1e-6)
    assert (row.note, row.height_m, row.is_clock_doubtful) == ("by the wall", 1.5, False)
    waiting = select(func.count()).select_from(WaitingObservation)
    assert scene.session.scalar(waiting.where(
        WaitingObservation.community_id == scene.community.id
    )) == 0  # fmt: skip


def test_the_same_again_is_answered_the_same_and_something_else_is_refused(scene: Scene) -> None:
    first = sent(scene)
    receipt = receive(scene.session, scene.community, first, BY)
    again = receive(scene.session, scene.community, first, BY)
    assert (receipt.is_new, again.is_new) == (True, False)
    assert replace(again, is_new=True) == receipt
    other = replace(first, body=b"{}")
    with pytest.raises(InputError) as refused:
        receive(scene.session, scene.community, other, BY)
    assert codes(refused) == {"key_reused"}
    with pytest.raises(InputError) as refused:
        receive(scene.session, scene.community, first, replace(BY, actor="bo@example.org"))
    assert codes(refused) == {"key_reused"}
    assert len(kept(scene)) == 1


def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_kept(scene: Scene) -> None:
    scene.community.boundary = scene.stored(rectangle(-5, -5, 40, 40))
    wrong = sent(
        scene,
        polygon=shapely.box(0, 0, 1, 1),
        structure_types=(),
        household="99-9-999",
        corrects=Correction(uuid.uuid4(), "0" * 16),
        follows=uuid.uuid4(),
        note="x" * 3_000,
        announced=[{"id": "1"}, {"id": "1"}],
    )
    with pytest.raises(InputError) as refused:
        receive(scene.session, scene.community, wrong, BY)
    assert codes(refused) == {
        "polygon_elsewhere",
        "structure_missing",
        "unknown_household",
        "unknown_observation",
        "unknown_submission",
        "too_long",
        "photographs",
    }
    assert kept(scene) == []
    with pytest.raises(InputError) as refused:
        receive(scene.session, scene.community, sent(scene), replace(BY, permissions=frozenset()))
    assert codes(refused) == {"not_permitted"}


def test_nothing_here_names_a_household_and_no_outline(scene: Scene) -> None:
    household = scene.households[0].ref
    clear = {"kind": SubmissionKind.CLEAR, "structure_types": ()}
    position = Position(*place(scene.polygon(rectangle(1, 1, 3, 8))), 4.0)
    found = sent(scene, **clear, polygon=None, household=household, position=position)
    receive(scene.session, scene.community, found, BY)
    (row,) = kept(scene)
    assert (row.geom, row.area_m2, row.structure_types) == (None, None, ["none"])
    assert row.position is not None
    with pytest.raises(InputError) as refused:
        receive(scene.session, scene.community, sent(scene, **clear, polygon=None), BY)
    assert codes(refused) == {"household_missing"}
    with pytest.raises(InputError) as refused:
        receive(scene.session, scene.community, sent(scene, **clear, household=household), BY)
    assert codes(refused) == {"polygon_of_nothing"}


def test_positions_in_gcj02_are_found_out_and_never_kept(scene: Scene) -> None:
    # Small, so that what is shifted by some hundred metres lies outside.
    outline = scene.polygon(rectangle(-5, -5, 40, 40))
    scene.community.boundary = scene.stored(rectangle(-5, -5, 40, 40))
    scene.session.flush()
    here = place(outline)
    ((x, y),) = to_gcj02(np.array([here]))
    shifted = Position(float(x), float(y), 5.0)
    receive(scene.session, scene.community, sent(scene, position=shifted), BY)
    declared = Position(*here, 5.0, Datum.GCJ02)
    receive(scene.session, scene.community, sent(scene, position=declared), BY)
    honest = Position(*here, 5.0)
    receive(scene.session, scene.community, sent(scene, position=honest), BY)
    assert [(row.datum, row.position is None, row.accuracy_m) for row in kept(scene)] == [
        (Datum.GCJ02, True, None),
        (Datum.GCJ02, True, None),
        (Datum.WGS84, False, 5.0),
    ]
    walked = sent(scene, method=CaptureMethod.WALKED, position=shifted)
    with pytest.raises(InputError) as refused:
        receive(scene.session, scene.community, walked, BY)
    assert codes(refused) == {"walked_gcj02"}


def test_places_just_outside_the_boundary_are_no_other_datum(scene: Scene) -> None:
    """The compound is as large as the demo's, so that the shift leads from beyond it into it."""
    scene.community.boundary = scene.stored(rectangle(-300, -270, 619, 546))
    scene.session.flush()
    edge = 319
    at_gate = place(scene.polygon(rectangle(edge + 2.5, -0.5, 1, 1)))
    receive(scene.session, scene.community, sent(scene, position=Position(*at_gate, 5.0)), BY)
    across = place(scene.polygon(rectangle(edge + 60, 0, 1, 1)))
    vague = Position(*across, 40.0)
    receive(scene.session, scene.community, sent(scene, position=vague), BY)
    stamp = {"accuracy_m": 5.0, "at": NOW.isoformat()}
    walk = [{"longitude": at_gate[0], "latitude": at_gate[1], **stamp}] * 8
    walk += [{"longitude": across[0], "latitude": across[1], **stamp}] * 2
    walked = sent(scene, method=CaptureMethod.WALKED, fixes=walk, position=Position(*across, 5.0))
    receive(scene.session, scene.community, walked, BY)
    assert {(row.datum, row.position is None) for row in kept(scene)} == {(Datum.WGS84, False)}
    alone = sent(scene, position=Position(*across, 5.0))
    receive(scene.session, scene.community, alone, BY)
    assert kept(scene)[-1].datum is Datum.GCJ02


def test_who_corrects_what_somebody_changed_is_told_and_both_can_be_kept(scene: Scene) -> None:
    seen = scene.observe("O1", 1, 1, 3, 8)
    read = Correction(seen.id, observation_version(seen))
    receive(scene.session, scene.community, sent(scene, corrects=read), BY)
    withdraw(scene.session, scene.community, seen.ref, "a shadow", Signature("bo"))
    late = sent(scene, corrects=read)
    with pytest.raises(Corrected) as outcome:
        receive(scene.session, scene.community, late, BY)
    assert outcome.value.now.id == seen.id
    assert len(kept(scene)) == 1
    receive(scene.session, scene.community, replace(late, keep_both=True, body=b"both"), BY)
    assert [row.keep_both for row in kept(scene)] == [False, True]


def test_neither_a_residual_nor_what_is_clear_is_a_correction(scene: Scene) -> None:
    rest = scene.observe("R1", 1, 1, 3, 8, purpose=Purpose.RESIDUAL)
    read = Correction(rest.id, observation_version(rest))
    with pytest.raises(InputError) as error:
        receive(scene.session, scene.community, sent(scene, corrects=read), BY)
    assert codes(error) == {"residual_corrected"}
    clear: dict[str, Any] = {
        "kind": SubmissionKind.CLEAR,
        "polygon": None,
        "structure_types": (),
        "household": "H0",
    }
    with pytest.raises(InputError) as error:
        receive(scene.session, scene.community, sent(scene, corrects=read, **clear), BY)
    assert codes(error) == {"clear_corrects"}
    assert kept(scene) == []


def test_a_waiting_submission_gives_way_to_the_one_that_follows_it(scene: Scene) -> None:
    first = sent(scene)
    receive(scene.session, scene.community, first, BY)
    receive(scene.session, scene.community, sent(scene, follows=first.id), BY)
    decided = select(FieldDecision).where(FieldDecision.submission_id == first.id)
    decision = scene.session.scalars(decided).one()
    assert (decision.verdict, decision.decided_by) == (FieldVerdict.REPLACED, BY.actor)
    with pytest.raises(InputError) as refused:
        receive(scene.session, scene.community, sent(scene, follows=first.id), BY)
    assert codes(refused) == {"decided_already"}


PLACE = Community(time_zone="Asia/Shanghai")


def test_a_clock_that_is_wrong_by_a_year_is_put_right_by_what_it_said_at_sending() -> None:
    behind = dt.timedelta(days=365)
    clock = PhoneClock(
        NOW - behind - dt.timedelta(hours=3), NOW - behind, NOW - dt.timedelta(days=1)
    )
    judged = judge_clock(PLACE, clock, NOW)
    assert not judged.is_doubtful
    assert judged.offset_s == pytest.approx(behind.total_seconds())
    assert judged.day == judge_clock(PLACE, PhoneClock(NOW - dt.timedelta(hours=3)), NOW).day


def test_a_clock_that_was_set_in_between_is_doubtful() -> None:
    clock = PhoneClock(NOW - dt.timedelta(days=365), NOW, NOW - dt.timedelta(days=1))
    assert judge_clock(PLACE, clock, NOW).is_doubtful
    ahead = PhoneClock(NOW + dt.timedelta(days=365), NOW, NOW - dt.timedelta(days=1))
    assert judge_clock(PLACE, ahead, NOW).is_doubtful


@given(
    st.timedeltas(dt.timedelta(days=-4000), dt.timedelta(days=4000)),
    st.timedeltas(dt.timedelta(), dt.timedelta(days=10)),
    st.timedeltas(dt.timedelta(), dt.timedelta(days=10)),
)
def test_a_steady_clock_however_wrong_gives_the_true_day(
    wrong: dt.timedelta, ago: dt.timedelta, before: dt.timedelta
) -> None:
    sent_at = NOW + wrong
    judged = judge_clock(PLACE, PhoneClock(sent_at - ago, sent_at, NOW - ago - before), NOW)
    true = judge_clock(PLACE, PhoneClock(NOW - ago, NOW, NOW - ago - before), NOW)
    slack = dt.timedelta(minutes=2)
    assert not judged.is_doubtful
    if abs(wrong) > slack or wrong == dt.timedelta():
        assert judged.day == true.day
