"""Campaigns, meetings, announcements, visits and their papers."""

import datetime as dt
import uuid
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from cases.access import Permission, Role, permissions
from cases.announcements import (
    Notice,
    Posted,
    announce,
    announceable,
    announcements,
    post,
)
from cases.campaigns import Plan, add_body, begin_campaign, bodies, end_campaign, standing
from cases.casework import confirm
from cases.deadlines import extend, latest_extension
from cases.documents import Paper, correct, issue, number_of, papers
from cases.ground import Ground
from cases.issuing import Item, PaperDetails, case_facts, move_with_paper
from cases.meetings import Held, Vote, meetings, record_meeting
from cases.models import (
    BodyKind,
    Campaign,
    Case,
    CaseEvent,
    Channel,
    DocumentRecord,
    EntryKind,
    VisitOutcome,
)
from cases.requirements import NOTHING_LEFT, Request
from cases.signing import Signature
from cases.visits import Visited, record_visit, visits
from cases.workflow import Document, State
from gis.problems import InputError
from tests import builders
from tests.cases.conftest import Scene, rectangle


def by(scene: Scene, role: Role = Role.SECRETARY) -> Signature:
    return Signature(f"{role}@example.org", scene.tick(), permissions([role]))


def campaign(scene: Scene) -> Campaign:
    """Return the campaign that flagging began."""
    return scene.session.scalars(
        select(Campaign).where(Campaign.community_id == scene.community.id)
    ).one()


def verified(scene: Scene, *indexes: int) -> list[Case]:
    for index in indexes:
        scene.observe(f"O{index}", index * 10 + 2, 1, 4, 5)
    scene.flag()
    for case in scene.cases():
        scene.move(case, State.VERIFIED)
    return scene.cases()


def body(scene: Scene) -> uuid.UUID:
    signed = by(scene)
    return add_body(
        scene.session, scene.community, "PB", BodyKind.PARTY_BRANCH, "Branch", signed
    ).id


def notice(scene: Scene, *cases: Case) -> Notice:
    return Notice(body(scene), "2022-1", "the office", "Clear it.", [case.id for case in cases])


def fields(error: pytest.ExceptionInfo[InputError]) -> set[str | None]:
    return {problem.field for problem in error.value.problems}


def documents(scene: Scene) -> int:
    counted = select(func.count()).where(DocumentRecord.community_id == scene.community.id)
    return scene.session.scalar(counted) or 0


def test_campaigns_follow_one_another(scene: Scene) -> None:
    signed = by(scene)
    first = Plan("C1", "First", dt.date(2022, 1, 1))
    made = begin_campaign(scene.session, scene.community, first, signed)
    second = Plan("C2", "Second", dt.date(2022, 1, 20))
    with pytest.raises(InputError, match="has not ended"):
        begin_campaign(scene.session, scene.community, second, signed)
    ended = dt.date(2022, 2, 1)
    end_campaign(scene.session, scene.community, made, ended, "taken again", signed)
    with pytest.raises(InputError) as error:
        begin_campaign(scene.session, scene.community, replace(second, ref="C1"), signed)
    assert fields(error) == {"ref", "started_on"}
    later = replace(second, started_on=ended)
    assert begin_campaign(scene.session, scene.community, later, signed).ended_on is None


def test_only_who_may_begins_or_ends(scene: Scene) -> None:
    plan = Plan("C1", "First", dt.date(2022, 1, 1))
    with pytest.raises(InputError, match=Permission.CAMPAIGN_EDIT):
        begin_campaign(scene.session, scene.community, plan, by(scene, Role.INSPECTOR))


def test_a_campaign_stands_as_its_ledger_says(scene: Scene) -> None:
    case, _other = verified(scene, 0, 1)
    scene.move(case, State.SELF_CLEARING)
    scene.move(case, State.INSPECTED, residual=NOTHING_LEFT)
    scene.move(case, State.ACCEPTED, actor="bo", document="A-1")
    shown = standing(scene.session, campaign(scene))
    assert (shown.cases, shown.cleared) == (2, 1)
    assert shown.m2(EntryKind.ENCROACHED) == pytest.approx(40)
    assert shown.outstanding_m2 == pytest.approx(scene.figures()["outstanding_m2"])


def test_a_meeting_is_numbered_and_its_votes_fit_who_came(scene: Scene) -> None:
    verified(scene, 0)
    branch = body(scene)
    day = scene.clock.date()
    held = Held(day, "Score standard", {branch: 12}, resolutions=[Vote("Adopt it.", 11, 0, 1)])
    run = campaign(scene)
    run.started_on = dt.date(2022, 1, 1)
    for number in (1, 2):
        made = record_meeting(scene.session, scene.community, run, held, by(scene))
        assert made.number == number
    sheet = meetings(scene.session, run)[0]
    assert (sheet.people, sheet.resolutions[0].votes_for) == (12, 11)
    wrong = Held(dt.date(2021, 1, 1), " ", {branch: 0, uuid.uuid4(): 1}, resolutions=[Vote("", 30)])
    with pytest.raises(InputError) as error:
        record_meeting(scene.session, scene.community, run, wrong, by(scene))
    assert fields(error) == {"agenda", "held_on", "people", "wording-1"}


def test_a_refusal_without_a_poster_is_not_referred_but_announced(scene: Scene) -> None:
    (case,) = verified(scene, 0)
    for state in (State.SELF_CLEARING, State.VISITED, State.DECLINED):
        scene.move(case, state, reason="says it is mine")
    refused = {"document": "R-1", "reason": "declined"}
    with pytest.raises(InputError) as error:
        scene.move(case, State.REFERRED, **refused)
    assert {one.code for one in error.value.problems} == {"no_deadline", "ground_unannounced"}
    run = campaign(scene)
    assert list(announceable(scene.session, run)) == [case]
    made = announce(scene.session, scene.community, run, notice(scene, case), by(scene))
    scene.session.expire_all()
    assert list(announceable(scene.session, run)) == []
    for state in (State.VISITED, State.DECLINED):
        scene.move(case, state, reason="says it is mine")
    scene.clock = dt.datetime.combine(made.deadline_on, dt.time(4), dt.UTC)
    scene.move(case, State.REFERRED, **refused)


def test_ground_that_was_found_later_is_announced_again(scene: Scene) -> None:
    (case,) = verified(scene, 0)
    run = campaign(scene)
    first = announce(scene.session, scene.community, run, notice(scene, case), by(scene))
    scene.session.expire_all()
    with pytest.raises(InputError) as error:
        builders.announce(scene.session, case, scene.tick())
    assert {one.code for one in error.value.problems} == {"already_announced"}
    later = latest_extension(scene.session, scene.community, case)
    assert later is not None
    signed = by(scene)
    extend(scene.session, scene.community, case.id, later, "asked for help", signed)
    scene.observe("O9", 7, 1, 2, 5)
    scene.flag()
    confirm(scene.session, scene.community, case.id, Signature("ana", scene.tick()))
    for state in (State.VISITED, State.DECLINED):
        scene.move(case, state, reason="will not")
    scene.clock = dt.datetime.combine(later, dt.time(4), dt.UTC)
    with pytest.raises(InputError, match=r"10\.00 m2 of the case have not been announced"):
        scene.move(case, State.REFERRED, document="R-1", reason="declined")
    assert list(announceable(scene.session, run)) == [case]
    second = builders.announce(scene.session, case, scene.tick())
    scene.session.expire_all()
    assert case.deadline_on == second.deadline_on > later > first.deadline_on


def test_a_poster_of_before_showed_what_was_verified_by_then(scene: Scene) -> None:
    (case,) = verified(scene, 0)
    builders.event(scene.session, case, scene.tick().date(), State.ANNOUNCED)
    assert list(announceable(scene.session, campaign(scene))) == []
    assert Ground(scene.session, scene.community, case).unannounced_m2() == 0
    scene.observe("O9", 7, 1, 2, 5)
    scene.flag()
    confirm(scene.session, scene.community, case.id, Signature("ana", scene.tick()))
    assert list(announceable(scene.session, campaign(scene))) == [case]
    left = Ground(scene.session, scene.community, case).unannounced_m2()
    assert left == pytest.approx(10, abs=1e-6)


def test_what_is_taken_again_is_announced_by_the_campaign_that_runs(scene: Scene) -> None:
    case, left = sorted(
        verified(scene, 0, 1), key=lambda one: one.household_id != scene.households[0].id
    )
    earlier = campaign(scene)
    scene.move(case, State.SELF_CLEARING)
    scene.move(case, State.INSPECTED, residual=NOTHING_LEFT)
    scene.move(case, State.ACCEPTED, actor="bo", document="A-1")
    signed = by(scene)
    end_campaign(scene.session, scene.community, earlier, scene.clock.date(), "taken", signed)
    scene.observe("O9", 2, 1, 4, 5, observed_on=scene.tick().date())
    scene.flag()
    assert case.state is State.REBOUND
    told = notice(scene, case, left)
    with pytest.raises(InputError, match="has ended"):
        announce(scene.session, scene.community, earlier, told, by(scene))
    plan = Plan("C9", "The next", scene.clock.date())
    running = begin_campaign(scene.session, scene.community, plan, signed)
    assert set(announceable(scene.session, running)) == {case, left}
    later = replace(told, standard_version="2023-1")
    announce(scene.session, scene.community, running, later, by(scene))
    scene.session.expire_all()
    assert (case.state, left.state) == (State.ANNOUNCED, State.ANNOUNCED)
    assert case_facts(scene.session, scene.community, case)["standard_version"] == "2023-1"


def test_an_announcement_moves_its_cases_and_starts_their_clock(scene: Scene) -> None:
    first, second = verified(scene, 0, 1)
    run = campaign(scene)
    assert list(announceable(scene.session, run)) == [first, second]  # by their number
    made = announce(scene.session, scene.community, run, notice(scene, first, second), by(scene))
    scene.session.expire_all()
    (sheet,) = announcements(scene.session, run)
    for case in scene.cases():
        assert (case.state, case.deadline_on) == (State.ANNOUNCED, made.deadline_on)
        told = scene.session.scalars(
            select(CaseEvent.document).where(
                CaseEvent.case_id == case.id, CaseEvent.state == State.ANNOUNCED
            )
        ).one()
        assert told == sheet.number
    assert sheet.document.data["parcels"] == [{"ref": "P0", "m2": 20.0}, {"ref": "P1", "m2": 20.0}]
    posted = Posted(Channel.DOOR, "building 1", made.issued_on, "photograph 3")
    post(scene.session, scene.community, made, posted, by(scene))
    assert [one.place for one in announcements(scene.session, run)[0].postings] == ["building 1"]
    early = replace(posted, posted_on=dt.date(2021, 1, 1), proof="")
    with pytest.raises(InputError) as error:
        post(scene.session, scene.community, made, early, by(scene))
    assert fields(error) == {"posted_on", "proof"}


def test_an_announcement_is_for_all_of_its_cases_or_none(scene: Scene) -> None:
    first, second = verified(scene, 0, 1)
    scene.parcels[1].title_disputed = True
    wanted = notice(scene, first, second)
    run = campaign(scene)
    with pytest.raises(InputError) as error, scene.session.begin_nested():
        announce(scene.session, scene.community, run, wanted, by(scene))
    assert [problem.code for problem in error.value.problems] == ["title_doubtful"]
    theirs = {case.household_id: case.number for case in (first, second)}
    number = theirs[scene.households[1].id]
    assert f"Case {number}" in error.value.problems[0].message
    scene.session.expire_all()
    assert {case.state for case in scene.cases()} == {State.VERIFIED}
    assert documents(scene) == 0
    soon = replace(wanted, issuer_id=None, cases=[], deadline_on=scene.clock.date())
    with pytest.raises(InputError) as error:
        announce(scene.session, scene.community, run, soon, by(scene))
    assert fields(error) == {"issuer_id", "cases", "deadline_on"}


def test_a_paper_names_what_stands_and_not_what_was_cleared(scene: Scene) -> None:
    (case,) = verified(scene, 0)
    scene.move(case, State.SELF_CLEARING)
    scene.move(case, State.INSPECTED, residual=NOTHING_LEFT)
    scene.move(case, State.ACCEPTED, actor="bo", document="A-1")
    scene.observe("O9", 3, 2, 2, 3, observed_on=scene.tick().date())
    scene.flag()
    assert scene.cases()[0].state is State.REBOUND
    made = announce(scene.session, scene.community, campaign(scene), notice(scene, case), by(scene))
    told = scene.session.get_one(DocumentRecord, (scene.community.id, made.document_id)).data
    assert (told["parcels"], told["m2"]) == ([{"ref": "P0", "m2": 6.0}], 6.0)


def test_a_paper_names_the_rest_that_an_inspection_left(scene: Scene) -> None:
    scene.community.policy = {"residual_tolerance_m2": 3}
    (case,) = verified(scene, 0)
    scene.move(case, State.SELF_CLEARING)
    rest = scene.polygon(rectangle(2, 1, 2, 1))
    scene.move(case, State.INSPECTED, residual=rest)
    scene.move(case, State.ACCEPTED, actor="bo", document="A-1")
    (left,) = case_facts(scene.session, scene.community, scene.cases()[0])["parcels"]
    assert left["m2"] == pytest.approx(2, abs=0.01)
    assert left["uncertainty_m2"] is None


def test_a_total_is_rounded_once(scene: Scene) -> None:
    for index in (0, 1):
        scene.observe(f"O{index}", index * 10 + 2, 1, 2.004, 1)
    scene.flag()
    first, second = scene.cases()
    for case in (first, second):
        scene.move(case, State.VERIFIED)
    told = notice(scene, first, second)
    made = announce(scene.session, scene.community, campaign(scene), told, by(scene))
    data = scene.session.get_one(DocumentRecord, (scene.community.id, made.document_id)).data
    assert [one["m2"] for one in data["parcels"]] == [2.0, 2.0]
    assert data["m2"] == 4.01


def announced(scene: Scene) -> Case:
    (case,) = verified(scene, 0)
    announce(scene.session, scene.community, campaign(scene), notice(scene, case), by(scene))
    scene.session.expire_all()
    return scene.cases()[0]


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (VisitOutcome.NOT_HOME, State.ANNOUNCED),
        (VisitOutcome.UNDECIDED, State.VISITED),
        (VisitOutcome.WILL_CLEAR, State.SELF_CLEARING),
        (VisitOutcome.SIGNED, State.SIGNED),
        (VisitOutcome.DECLINED, State.DECLINED),
    ],
)
def test_a_visit_leads_where_its_outcome_says(
    scene: Scene, outcome: VisitOutcome, state: State
) -> None:
    case = announced(scene)
    signed = by(scene, Role.LANE_HOUSEKEEPER)
    visited = Visited(outcome, "they keep the rose bush", signed.at.date() + dt.timedelta(days=3))  # type: ignore[union-attr]
    record_visit(scene.session, scene.community, case.id, visited, signed)
    scene.session.expire_all()
    assert scene.cases()[0].state is state
    assert [one.outcome for one in visits(scene.session, case)] == [outcome]
    issued = papers(scene.session, scene.community, case_id=case.id)
    wanted = [Document.CREDIT_CONTRACT] if outcome is VisitOutcome.SIGNED else []
    assert [one.kind for one in issued] == wanted
    for paper in issued:
        assert paper.data["standard_version"] == "2022-1"
        assert paper.data["parcels"][0]["m2"] == 20


def test_every_fault_of_a_visit_is_named(scene: Scene) -> None:
    scene.observe("O1", 2, 1, 4, 5)
    scene.flag()
    case = scene.cases()[0]
    wrong = Visited(VisitOutcome.DECLINED, " ", dt.date(2022, 1, 1))
    with pytest.raises(InputError) as error:
        record_visit(scene.session, scene.community, case.id, wrong, by(scene))
    assert fields(error) == {"outcome", "note", "next_on"}


def test_help_needs_an_inventory_and_a_referral_its_authority(scene: Scene) -> None:
    case = announced(scene)
    session, place = scene.session, scene.community
    record_visit(session, place, case.id, Visited(VisitOutcome.SIGNED), by(scene))
    signed = by(scene)
    wanted = Request(State.ASSISTED, signed.actor, at=signed.at, permissions=signed.permissions)
    with pytest.raises(InputError) as error:
        move_with_paper(session, place, case.id, wanted, PaperDetails())
    assert fields(error) == {"inventory"}
    before = documents(scene)
    details = PaperDetails(inventory=[Item("bamboo fence", 12, "old")])
    moved = move_with_paper(session, place, case.id, wanted, details)
    assert (moved.state, documents(scene)) == (State.ASSISTED, before + 1)
    (consent, *_rest) = papers(session, place, case_id=case.id)
    assert consent.data["inventory"] == [{"what": "bamboo fence", "count": 12, "condition": "old"}]


LONG = "长" * 201


@pytest.mark.parametrize(
    "item", [Item(LONG), Item("fence", 1, LONG), Item("fence", 0), Item("fence", 10_000)]
)
def test_a_line_of_an_inventory_that_no_paper_holds_is_refused(scene: Scene, item: Item) -> None:
    case = announced(scene)
    session, place = scene.session, scene.community
    record_visit(session, place, case.id, Visited(VisitOutcome.SIGNED), by(scene))
    wanted = Request(State.ASSISTED, "bo", at=scene.tick(), reason="x" * 2_001)
    with pytest.raises(InputError) as error:
        move_with_paper(session, place, case.id, wanted, PaperDetails(inventory=[item]))
    # What the move itself lacks is told with it.
    assert fields(error) == {"inventory", "reason"}


def test_the_name_of_an_authority_has_its_length_and_every_fault_is_told(scene: Scene) -> None:
    case = announced(scene)
    session, place = scene.session, scene.community
    declined = Visited(VisitOutcome.DECLINED, "will not")
    record_visit(session, place, case.id, declined, by(scene))
    wanted = Request(State.REFERRED, "bo", at=scene.tick(), reason=" ")
    before = documents(scene)
    for authority in (LONG, " "):
        with pytest.raises(InputError) as error:
            move_with_paper(session, place, case.id, wanted, PaperDetails(authority=authority))
        assert {"authority", "reason"} <= fields(error)
        assert "document" not in fields(error)
    assert documents(scene) == before


def paper(day: dt.date) -> Paper:
    return Paper(Document.MINUTES, "Minutes", day, "bo", {"text": "x"})


def test_numbers_run_without_gaps_and_a_correction_keeps_its_own(scene: Scene) -> None:
    session, place, day = scene.session, scene.community, dt.date(2022, 5, 1)
    first = issue(session, place, paper(day))
    undone = session.begin_nested()
    issue(session, place, paper(day))
    undone.rollback()
    second = issue(session, place, paper(day))
    other = issue(session, place, paper(day.replace(year=2023)))
    assert [number_of(one) for one in (first, second, other)] == [
        "2022-001",
        "2022-002",
        "2023-001",
    ]
    corrected = correct(session, place, first, replace(paper(day), data={"text": "y"}))
    assert number_of(corrected) == "2022-001 v2"
    with pytest.raises(InputError, match="corrected since"):
        correct(session, place, first, paper(day))
    assert [one.version for one in papers(session, place)] == [1, 1, 2]


def test_bodies_stand_in_the_order_of_the_1_3_x(scene: Scene) -> None:
    signed = by(scene)
    for ref, kind in (("V", BodyKind.VOLUNTEER), ("B", BodyKind.PARTY_BRANCH)):
        add_body(scene.session, scene.community, ref, kind, ref, signed)
    with pytest.raises(InputError, match="there already"):
        add_body(scene.session, scene.community, "V", BodyKind.OTHER, "V", signed)
    assert [one.ref for one in bodies(scene.session, scene.community)] == ["B", "V"]
