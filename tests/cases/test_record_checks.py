"""What the application could still change by mistake, `check` finds against the history."""

import datetime as dt
from collections.abc import Callable

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from cases.casework import NOTHING_LEFT
from cases.checks import check_community
from cases.documents import Paper, issue
from cases.models import AreaEntry, Case, DocumentRecord, EntryKind, Objection
from cases.objections import Decision, decide_objection, lodge
from cases.signing import Signature
from cases.workflow import Document, State
from gis.problems import InputError
from tests import builders
from tests.cases.conftest import Scene


@pytest.fixture
def case(scene: Scene) -> Case:
    """An announced case of 20 m2."""
    scene.observe("O1", 2, 1, 4, 5)
    scene.flag()
    (made,) = scene.cases()
    scene.move(made, State.VERIFIED)
    return scene.announce(made)


def another_deadline(_scene: Scene, case: Case) -> None:
    assert case.deadline_on is not None
    case.deadline_on += dt.timedelta(days=1)


def a_number_left_out(scene: Scene, _case: Case) -> None:
    record = DocumentRecord(
        community_id=scene.community.id,
        kind=Document.MINUTES,
        year=scene.clock.year,
        number=3,
        title="Minutes",
        issued_on=scene.clock.date(),
        issued_by="ana",
        data={},
    )
    builders.add(scene.session, record)


def a_paper_that_is_not_there(scene: Scene, case: Case) -> None:
    builders.event(scene.session, case, scene.tick().date(), None, document="2022-077")


def an_objection_without_events(scene: Scene, case: Case) -> None:
    made = Objection(
        community_id=scene.community.id,
        case_id=case.id,
        lodged_on=scene.clock.date(),
        recorded_by="ana",
        grounds="It is ours.",
    )
    builders.add(scene.session, made)


def verified_by_nobody(scene: Scene, _case: Case) -> None:
    (found,) = scene.current()
    found.verified_on = None


def cleared_by_nobody(scene: Scene, _case: Case) -> None:
    (found,) = scene.current()
    found.cleared_on = scene.clock.date()


def declared_by_nobody(scene: Scene, case: Case) -> None:
    (found,) = scene.current()
    entry = AreaEntry(
        community_id=scene.community.id,
        case_id=case.id,
        encroachment_id=found.id,
        kind=EntryKind.DECLARED,
        day=scene.clock.date(),
        area_m2=found.occupied_m2,
        geom=found.geom,
    )
    builders.add(scene.session, entry)


def closed_without_patrols(scene: Scene, case: Case) -> None:
    scene.move(case, State.SELF_CLEARING)
    scene.move(case, State.INSPECTED, residual=NOTHING_LEFT)
    scene.move(case, State.ACCEPTED, actor="bo", document="A-1")
    builders.event(scene.session, case, scene.tick().date(), State.CLOSED)


@pytest.mark.parametrize(
    ("mistake", "rule"),
    [
        (another_deadline, "deadline"),
        (a_number_left_out, "number"),
        (a_paper_that_is_not_there, "paper"),
        (an_objection_without_events, "objection"),
        (verified_by_nobody, "verified"),
        (cleared_by_nobody, "cleared"),
        (declared_by_nobody, "declared"),
        (closed_without_patrols, "patrol"),
    ],
)
def test_a_projection_that_history_does_not_explain_is_found(
    scene: Scene, case: Case, mistake: Callable[[Scene, Case], None], rule: str
) -> None:
    assert check_community(scene.session, scene.community) == []
    mistake(scene, case)
    scene.session.flush()
    assert {found.rule for found in check_community(scene.session, scene.community)} == {rule}


def test_an_objection_is_decided_once(scene: Scene, case: Case) -> None:
    at = scene.tick()
    lodge(scene.session, scene.community, case.id, "It is ours.", Signature("ana", at))
    refused = Decision(upheld=False, reason="It is not.", document="OD-1")
    decide_objection(
        scene.session, scene.community, case.id, refused, Signature("bo", scene.tick())
    )
    scene.session.flush()
    assert check_community(scene.session, scene.community) == []
    for change in (
        "UPDATE objection SET upheld = true",
        "UPDATE objection SET grounds = 'x'",
    ):
        with pytest.raises(DBAPIError, match="decided once"), scene.session.begin_nested():
            scene.session.execute(text(change))
    with pytest.raises(DBAPIError, match="permission denied"), scene.session.begin_nested():
        scene.session.execute(text("DELETE FROM objection"))


def test_a_number_of_ours_must_be_the_paper_of_the_case(scene: Scene, case: Case) -> None:
    scene.move(case, State.VISITED)
    other = builders.case(
        scene.session, scene.households[2], builders.campaign(scene.session, scene.community)
    )
    day = scene.clock.date()
    foreign = Paper(Document.CREDIT_CONTRACT, "Contract", day, "ana", case_id=other.id)
    minutes = Paper(Document.MINUTES, "Minutes", day, "ana")
    own = Paper(Document.CREDIT_CONTRACT, "Contract", day, "ana", case_id=case.id)
    numbers = []
    for paper in (foreign, minutes, own):
        record = issue(scene.session, scene.community, paper)
        numbers.append(f"{record.year}-{record.number:03d}")
    *wrong, right = numbers
    for number in (*wrong, "2022-999", f"{right} v2"):
        with pytest.raises(InputError) as error:
            scene.move(case, State.SIGNED, document=number)
        assert [(one.code, one.field) for one in error.value.problems] == [
            ("wrong_document", "document")
        ]
    scene.move(case, State.SIGNED, document=right)
    events = scene.session.scalars(select(Case.state).where(Case.id == case.id)).all()
    assert events == [State.SIGNED]
