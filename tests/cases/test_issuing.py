"""Papers that a verb issues: by whom, of what, under which number, and once."""

import datetime as dt
import io
import uuid

import pytest
from docx import Document as open_docx
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from cases.access import Role, permissions
from cases.calendar import add_working_days
from cases.campaigns import add_body
from cases.correcting import correct_paper
from cases.deadlines import extend, set_deadline
from cases.documents import issue, number_of, papers, subject_of
from cases.issuing import (
    Issued,
    PaperDetails,
    case_paper,
    confirm_with_paper,
    move_with_paper,
)
from cases.meetings import Held, issue_minutes, record_meeting
from cases.models import BodyKind, Campaign, Case, CaseEvent, DocumentRecord, Visit, VisitOutcome
from cases.objections import Decision, decide_objection, lodge
from cases.papers.docx import write_docx
from cases.papers.layout import lay_out
from cases.papers.pdf import as_html
from cases.requirements import Request
from cases.signing import Signature
from cases.visit_records import issue_visit_record
from cases.visits import Visited, record_visit
from cases.workflow import Document, State
from gis.problems import InputError
from tests.cases.conftest import Scene

HOUSEKEEPER = "li@example.org"


def by(scene: Scene, role: Role, actor: str = "") -> Signature:
    return Signature(actor or f"{role}@example.org", scene.tick(), permissions([role]))


@pytest.fixture
def case(scene: Scene) -> Case:
    """A suspected case of 20 m2, seen in one survey."""
    scene.observe("O1", 2, 1, 4, 5)
    scene.flag()
    return scene.cases()[0]


def verify(scene: Scene, case: Case) -> None:
    signed = by(scene, Role.INSPECTOR)
    wanted = Request(
        State.VERIFIED, signed.actor, signed.at, reason="seen", permissions=signed.permissions
    )
    move_with_paper(scene.session, scene.community, case.id, wanted, PaperDetails())
    scene.session.expire_all()


@pytest.fixture
def announced(scene: Scene, case: Case) -> Case:
    verify(scene, case)
    return scene.announce(case)


def issued(scene: Scene, kind: Document) -> list[DocumentRecord]:
    found = papers(scene.session, scene.community, case_id=scene.cases()[0].id)
    return [one for one in found if one.kind is kind]


def events(scene: Scene, case: Case) -> list[CaseEvent]:
    rows = select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq)
    return list(scene.session.scalars(rows))


def last_event(scene: Scene, case: Case) -> CaseEvent:
    return events(scene, case)[-1]


def words_of(record: DocumentRecord, language: str = "en") -> str:
    return as_html(lay_out(record, language))


def visit(scene: Scene, case: Case, actor: str = HOUSEKEEPER) -> Visit:
    signed = by(scene, Role.LANE_HOUSEKEEPER, actor)
    visited = Visited(VisitOutcome.UNDECIDED, "They ask for a week.")
    return record_visit(scene.session, scene.community, case.id, visited, signed)


def test_verifying_issues_the_survey_sheet_of_what_was_measured(scene: Scene, case: Case) -> None:
    verify(scene, case)
    (sheet,) = issued(scene, Document.SURVEY_SHEET)
    assert last_event(scene, case).document == number_of(sheet) == "2022-001"
    (line,) = sheet.data["observations"]
    assert (line["ref"], line["m2"], sheet.data["m2"]) == ("O1", 20.0, 20.0)
    assert line["title_basis"] == "owner_common"
    assert len(sheet.data["map"]["ground"]) == len(sheet.data["map"]["parcels"]) == 1
    page = words_of(sheet)
    for said in ("O1", "owners in common", "It accuses nobody", "<svg", "Checked by"):
        assert said in page
    for said in ("圈占绿地摸底表", "业主共有", "不作为对住户的认定"):
        assert said in words_of(sheet, "zh_Hans")


def test_ground_found_later_gets_a_sheet_of_its_own(scene: Scene, case: Case) -> None:
    verify(scene, case)
    scene.observe("O2", 7, 1, 2, 5)
    scene.flag()
    inspector = by(scene, Role.INSPECTOR)
    confirm_with_paper(scene.session, scene.community, case.id, inspector, "a second fence")
    later, first = issued(scene, Document.SURVEY_SHEET)
    assert (later.number, last_event(scene, case).document) == (first.number + 1, number_of(later))
    assert {one["ref"] for one in later.data["observations"]} >= {"O2"}
    with pytest.raises(InputError) as error:
        confirm_with_paper(scene.session, scene.community, case.id, by(scene, Role.INSPECTOR))
    assert {one.code for one in error.value.problems} == {"nothing_to_confirm"}
    assert len(issued(scene, Document.SURVEY_SHEET)) == 2


def test_a_sheet_on_other_paper_is_not_issued_twice(scene: Scene, case: Case) -> None:
    wanted = Request(State.VERIFIED, "ana", scene.tick(), document="survey of May")
    move_with_paper(scene.session, scene.community, case.id, wanted, PaperDetails())
    assert issued(scene, Document.SURVEY_SHEET) == []


def test_more_time_issues_its_notice_and_numbers_have_no_gap(scene: Scene, announced: Case) -> None:
    before = announced.deadline_on
    assert before is not None
    until = add_working_days(scene.community.calendar, before, 3)
    signed = by(scene, Role.SECRETARY)
    extend(scene.session, scene.community, announced.id, until, "They move house.", signed)
    (notice,) = issued(scene, Document.DEADLINE_NOTICE)
    assert last_event(scene, announced).document == number_of(notice)
    assert notice.data["deadline_on"] == until.isoformat()
    assert notice.data["deadline_before"] == before.isoformat()
    page = words_of(notice)
    for said in ("They move house.", "is extended to", "How to object", "no force", "<svg"):
        assert said in page
    with pytest.raises(InputError), scene.session.begin_nested():
        extend(scene.session, scene.community, announced.id, until, "", by(scene, Role.SECRETARY))
    later, after = by(scene, Role.SECRETARY), add_working_days(scene.community.calendar, until, 3)
    set_deadline(scene.session, scene.community, announced, after, later)
    notices = issued(scene, Document.DEADLINE_NOTICE)
    assert [one.number for one in notices] == [notice.number + 1, notice.number]


@pytest.mark.parametrize(
    ("upheld", "outcome", "said"),
    [
        (False, None, "The objection is not upheld. The clock runs on"),
        (True, State.REJECTED, "nothing is asked of the household"),
        (True, State.SUSPECTED, "The ground is verified again"),
    ],
)
def test_a_decision_issues_its_paper(
    scene: Scene, announced: Case, upheld: bool, outcome: State | None, said: str
) -> None:
    session, place = scene.session, scene.community
    lodge(session, place, announced.id, "It is our own yard.", by(scene, Role.SECRETARY))
    decision = Decision(upheld, "The deed says so.", outcome=outcome)
    made = decide_objection(session, place, announced.id, decision, by(scene, Role.SECRETARY))
    (paper,) = issued(scene, Document.OBJECTION_DECISION)
    assert subject_of(paper) == made.id
    assert {one.document for one in events(scene, announced)} >= {number_of(paper)}
    page = words_of(paper)
    for words in (said, "It is our own yard.", "The deed says so.", "Received by"):
        assert words in page
    session.expire_all()
    until = scene.cases()[0].deadline_on
    told = None if upheld or until is None else until.isoformat()
    assert paper.data["clock_until"] == told


def test_a_visit_has_one_record(scene: Scene, announced: Case) -> None:
    made = visit(scene, announced)
    own = by(scene, Role.LANE_HOUSEKEEPER, HOUSEKEEPER)
    record = issue_visit_record(scene.session, scene.community, made.id, own)
    assert subject_of(record) == made.id
    page = words_of(record)
    for said in ("talked, undecided", "They ask for a week.", HOUSEKEEPER, "Visited by"):
        assert said in page
    with pytest.raises(InputError, match=f"issued already, as {number_of(record)}"):
        issue_visit_record(scene.session, scene.community, made.id, own)
    reason = "The week was a month."
    changed = correct_paper(
        scene.session,
        scene.community,
        record,
        {"note": "They ask for a month."},
        reason,
        by(scene, Role.SECRETARY),
    )
    assert number_of(changed) == f"{number_of(record)} v2"
    with pytest.raises(InputError, match=f"issued already, as {number_of(changed)}"):
        issue_visit_record(scene.session, scene.community, made.id, own)
    with pytest.raises(InputError, match="no such visit"):
        issue_visit_record(scene.session, scene.community, uuid.uuid4(), own)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("is_own", [True, False])
def test_who_may_issue_the_record_of_a_visit(
    scene: Scene, announced: Case, role: Role, is_own: bool
) -> None:
    """A housekeeper issues those of own visits, the secretary any, nobody else one (SAFETY)."""
    made = visit(scene, announced)
    signed = by(scene, role, HOUSEKEEPER if is_own else "zhao@example.org")
    if role is Role.SECRETARY or (role is Role.LANE_HOUSEKEEPER and is_own):
        issue_visit_record(scene.session, scene.community, made.id, signed)
        return
    with pytest.raises(InputError) as error:
        issue_visit_record(scene.session, scene.community, made.id, signed)
    assert {one.code for one in error.value.problems} == {"not_permitted"}
    assert issued(scene, Document.VISIT_RECORD) == []


@pytest.mark.parametrize("role", list(Role))
def test_minutes_are_issued_once_by_a_secretary_alone(scene: Scene, case: Case, role: Role) -> None:
    session, place = scene.session, scene.community
    secretary = by(scene, Role.SECRETARY)
    body = add_body(session, place, "PB", BodyKind.PARTY_BRANCH, "Branch", secretary)
    run = session.get_one(Campaign, (place.id, case.campaign_id))
    held = Held(secretary.at.date() if secretary.at else run.started_on, "Standard", {body.id: 9})
    meeting = record_meeting(session, place, run, held, secretary)
    if role is not Role.SECRETARY:
        with pytest.raises(InputError) as error:
            issue_minutes(session, place, meeting.id, by(scene, role))
        assert {one.code for one in error.value.problems} == {"not_permitted"}
        return
    minutes = issue_minutes(session, place, meeting.id, by(scene, role))
    with pytest.raises(InputError, match=f"issued already, as {number_of(minutes)}"):
        issue_minutes(session, place, meeting.id, by(scene, role))
    assert len(papers(session, place, campaign_id=run.id)) == 1


def test_the_database_refuses_a_second_paper_too(scene: Scene, announced: Case) -> None:
    made = visit(scene, announced)
    told = Issued(dt.date(2022, 5, 1), "bo", {}, made.id)
    paper = case_paper(scene.session, scene.community, announced, Document.VISIT_RECORD, told)
    record = issue(scene.session, scene.community, paper)
    twin = DocumentRecord(
        community_id=record.community_id,
        id=uuid.uuid4(),
        kind=record.kind,
        year=record.year,
        number=record.number + 1,
        version=1,
        title="x",
        issued_on=record.issued_on,
        issued_by="bo",
        data=record.data,
    )
    scene.session.add(twin)
    with pytest.raises(IntegrityError, match="uq_document_subject"):
        scene.session.flush()


def test_a_plan_is_a_picture_in_the_docx(scene: Scene, case: Case) -> None:
    verify(scene, case)
    (sheet,) = issued(scene, Document.SURVEY_SHEET)
    made = open_docx(io.BytesIO(write_docx(lay_out(sheet, "zh_Hans"))))
    (picture,) = made.inline_shapes
    size = sheet.data["map"]["size"]
    assert picture.width / picture.height == pytest.approx(size[0] / size[1], rel=0.01)
