import datetime as dt
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import shapely

from cases.access import GRANTS
from cases.demo.events import HOLIDAYS, working_day
from cases.demo.layout import DemoCompound, layout
from cases.demo.story import PATROL_DAYS, Move, Story, role_of, tell
from cases.workflow import MOVES, Requirement, State

CHINA = dt.timedelta(hours=8)


@pytest.fixture(scope="module")
def compound() -> DemoCompound:
    return layout(1, finished=True)


@pytest.fixture(scope="module")
def whole(compound: DemoCompound) -> Story:
    return tell(compound)


@pytest.fixture(scope="module")
def half() -> Story:
    return tell(layout(2, finished=False))


@pytest.fixture(scope="module", params=[1, 2])
def any_story(request: pytest.FixtureRequest, whole: Story, half: Story) -> Story:
    return whole if request.param == 1 else half


def times(story: Story, state: State) -> list[dt.datetime]:
    return [move.at for moves in story.moves.values() for move in moves if move.state is state]


def everything(story: Story) -> list[Move]:
    return [move for moves in story.moves.values() for move in moves]


def test_same_compound_tells_the_same_story(compound: DemoCompound, whole: Story) -> None:
    assert tell(compound) == whole


def test_all_179_are_cleared_and_closed(compound: DemoCompound, whole: Story) -> None:
    assert len(whole.moves) == 179
    assert set(whole.moves) == {holder for holder in compound.holders if holder}
    assert {moves[-1].state for moves in whole.moves.values()} == {State.CLOSED}
    assert whole.as_of is None


def test_cleared_within_a_month_of_the_announcement(whole: Story) -> None:
    posted = whole.announcement.posted_at
    assert (posted.year, posted.month) == (2022, 6)
    assert posted < min(times(whole, State.ACCEPTED))
    assert max(times(whole, State.ACCEPTED)).date() <= dt.date(2022, 7, 27)


def test_hardest_come_last_by_the_remedial_team(whole: Story) -> None:
    accepted = {
        household: next(move.at for move in moves if move.state is State.ACCEPTED)
        for household, moves in whole.moves.items()
    }
    talked_to = [
        household
        for household, moves in whole.moves.items()
        if any(move.actor == "remedial_team" and move.state is State.VISITED for move in moves)
    ]
    others = sorted(accepted[household] for household in set(accepted) - set(talked_to))
    assert len(talked_to) == 12
    assert max(accepted.values()) == max(accepted[household] for household in talked_to)
    assert min(accepted[household] for household in talked_to) > others[len(others) * 8 // 10]


def test_meetings_standard_files_and_announcement_follow_each_other(whole: Story) -> None:
    held = [meeting.at for meeting in whole.meetings]
    assert len(held) == 16
    assert [meeting.number for meeting in whole.meetings] == list(range(1, 17))
    assert held == sorted(held)
    assert (held[0].year, held[0].month) == (2022, 3)
    adopted = whole.meetings[whole.standard.meeting - 1].at.date()
    assert whole.standard.adopted_on == adopted < whole.standard.effective_from
    assert whole.standard.effective_from <= whole.announcement.posted_at.date()
    assert adopted < whole.files_opened[0] <= whole.files_opened[1]
    assert whole.files_opened[1] < whole.announcement.posted_at.date()
    assert held[-1] < whole.announcement.posted_at
    codes = {item.code for item in whole.standard.items}
    assert set(whole.announcement.at_stake) <= codes
    assert whole.announcement.standard_version == whole.standard.version


def test_announcement_leaves_at_least_fifteen_days(any_story: Story) -> None:
    post = any_story.announcement
    assert (post.deadline - post.posted_at.date()).days >= 15
    assert {channel for channel, _ in post.channels} == {"notice_board", "door", "chat_group"}
    assert all(post.posted_at <= posted for _, posted in post.channels)


def test_survey_comes_before_every_case(compound: DemoCompound, whole: Story) -> None:
    assert whole.meetings[0].at.date() < whole.survey_days[0]
    assert list(whole.survey_days) == sorted(set(compound.observations["observed_on"]))
    seen = dict(zip(compound.holders, compound.observations["observed_on"], strict=True))
    assert all(moves[0].at.date() == seen[household] for household, moves in whole.moves.items())


def test_four_campaigns_failed_before(any_story: Story) -> None:
    assert len(any_story.earlier) == 4
    ends = [campaign.ended for campaign in any_story.earlier]
    assert all(campaign.started < campaign.ended for campaign in any_story.earlier)
    assert ends == sorted(ends)
    assert ends[-1].year < 2022
    assert all(campaign.order == "easy_first" for campaign in any_story.earlier)
    assert all(campaign.taken_again > 0.9 * campaign.cleared for campaign in any_story.earlier)


def test_every_move_is_in_the_table_with_what_it_needs(any_story: Story) -> None:
    for moves in any_story.moves.values():
        assert moves[0].state is State.SUSPECTED
        for before, after in pairwise(moves):
            step = MOVES[before.state, after.state]
            assert before.at < after.at
            assert step.permission in GRANTS[role_of(after.actor)]
            if step.document is not None:
                assert (after.document or "").startswith(f"{step.document} 2022-")
            if Requirement.REASON in step.requires:
                assert after.note
            if Requirement.NEW_OBSERVATION in step.requires:
                assert after.residual is not None
            if Requirement.SECOND_PERSON in step.requires:
                assert before.actor != after.actor
                assert before.residual is None


def test_paper_numbers_are_given_once(any_story: Story) -> None:
    papers = Counter(move.document for move in everything(any_story) if move.document)
    post = any_story.announcement.document
    assert papers.pop(post) == len(times(any_story, State.ANNOUNCED))
    assert set(papers.values()) == {1}


def test_moves_keep_office_hours(any_story: Story) -> None:
    moments = [move.at for move in everything(any_story)]
    moments += [patrol.at for patrol in any_story.patrols]
    moments += [meeting.at for meeting in any_story.meetings]
    assert {moment.utcoffset() for moment in moments} == {CHINA}
    assert all(dt.time(8, 30) <= moment.time() <= dt.time(20, 0) for moment in moments)
    days = np.array([moment.date() for moment in moments], dtype="datetime64[D]")
    assert np.is_busday(days, holidays=HOLIDAYS).all()


def test_nobody_is_in_two_households_at_once(any_story: Story) -> None:
    at_the_door = {State.VERIFIED, State.VISITED, State.ASSISTED, State.INSPECTED, State.ACCEPTED}
    slots = Counter(
        (move.actor, move.at) for move in everything(any_story) if move.state in at_the_door
    )
    assert set(slots.values()) == {1}


def test_patrols_are_due_and_the_ground_stays_clear(whole: Story) -> None:
    assert len(whole.patrols) == 179 * 5
    assert all(patrol.is_clear for patrol in whole.patrols)
    for patrol in whole.patrols:
        moves = whole.moves[patrol.household]
        accepted = next(move.at.date() for move in moves if move.state is State.ACCEPTED)
        assert patrol.at.date() == working_day(accepted + dt.timedelta(days=patrol.due))
        assert patrol.at < moves[-1].at
    assert {patrol.due for patrol in whole.patrols} == set(PATROL_DAYS)


def test_second_compound_is_spread_over_the_table(half: Story) -> None:
    last = Counter(moves[-1].state for moves in half.moves.values())
    assert set(last) == set(State) - {State.CLOSED}
    assert half.as_of is not None
    assert max(move.at for move in everything(half)).date() <= half.as_of
    assert max(patrol.at for patrol in half.patrols).date() <= half.as_of
    found = {patrol.household for patrol in half.patrols if not patrol.is_clear}
    assert found == {h for h, moves in half.moves.items() if moves[-1].state is State.REBOUND}


def test_second_compound_has_rests_that_send_back(half: Story) -> None:
    sent_back = [
        (before, after)
        for moves in half.moves.values()
        for before, after in pairwise(moves)
        if (before.state, after.state) == (State.INSPECTED, State.SELF_CLEARING)
    ]
    assert len(sent_back) >= 3
    rests = [before.residual for before, _ in sent_back]
    assert shapely.is_valid(rests).all()
    assert shapely.area(rests).min() > 1.0
    assert all(before.actor != after.actor for before, after in sent_back)


def test_second_compounds_doubtful_titles_have_no_case() -> None:
    second = layout(2, finished=False)
    told = tell(second).moves
    parcels = second.parcels[second.parcels["kind"] == "public_green"]
    doubtful = set(parcels.loc[parcels["title_basis"] != "owner_common", "household"])
    assert doubtful
    assert not doubtful & set(told)
    assert set(told) <= {holder for holder in second.holders if holder}
