"""One-time links: what they open, once, for a while, and what the database never knows."""

import datetime as dt

import pytest
from sqlalchemy import select

from cases.access import GRANTS, Role
from cases.checks import check_community
from cases.declarations import (
    HOUSEHOLD,
    current_link,
    declare_by_link,
    make_link,
    open_link,
)
from cases.models import Case, CaseEvent, DeclarationLink
from cases.signing import Signature
from cases.workflow import State
from gis.problems import InputError
from tests.cases.conftest import Scene


@pytest.fixture
def case(scene: Scene) -> Case:
    """A verified case."""
    scene.observe("O1", 2, 1, 4, 5)
    scene.flag()
    return scene.move(scene.cases()[0], State.VERIFIED)


def now(role: Role = Role.LANE_HOUSEKEEPER) -> Signature:
    return Signature("li@example.org", None, GRANTS[role])


def codes(error: pytest.ExceptionInfo[InputError]) -> list[str]:
    return [problem.code for problem in error.value.problems]


def test_a_household_declares_by_its_link_once(scene: Scene, case: Case) -> None:
    token, link = make_link(scene.session, scene.community, case.id, now())
    opened = open_link(scene.session, token)
    assert opened is not None
    assert opened.problem(dt.datetime.now(dt.UTC)) is None
    moved = declare_by_link(scene.session, opened, " the fence is gone ")
    assert moved.state is State.SELF_CLEARING
    event = scene.session.scalars(
        select(CaseEvent).where(CaseEvent.state == State.SELF_CLEARING)
    ).one()
    assert (event.actor, event.note) == (HOUSEHOLD, "the fence is gone")
    assert link.used_at is not None
    with pytest.raises(InputError) as error:
        declare_by_link(scene.session, opened, "")
    assert codes(error) == ["link_used"]
    assert check_community(scene.session, scene.community) == []


def test_only_the_hash_of_a_token_is_kept(scene: Scene, case: Case) -> None:
    token, link = make_link(scene.session, scene.community, case.id, now())
    assert token.encode() not in link.token_sha256
    assert len(link.token_sha256) == 32
    assert open_link(scene.session, token + "x") is None
    assert open_link(scene.session, "") is None


def test_a_new_link_ends_the_one_before(scene: Scene, case: Case) -> None:
    first, _link = make_link(scene.session, scene.community, case.id, now())
    second, link = make_link(scene.session, scene.community, case.id, now())
    opened = open_link(scene.session, first)
    assert opened is not None
    with pytest.raises(InputError) as error:
        declare_by_link(scene.session, opened, "")
    assert codes(error) == ["link_expired"]
    assert current_link(scene.session, case) is link
    assert open_link(scene.session, second) is not None


def test_a_link_is_good_for_some_days(scene: Scene, case: Case) -> None:
    token, link = make_link(scene.session, scene.community, case.id, now())
    assert link.expires_at - link.created_at == dt.timedelta(days=30)
    link.expires_at = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
    scene.session.flush()
    opened = open_link(scene.session, token)
    assert opened is not None
    with pytest.raises(InputError) as error:
        declare_by_link(scene.session, opened, "")
    assert codes(error) == ["link_expired"]
    assert current_link(scene.session, case) is None


def test_a_case_that_moved_on_is_declared_no_more(scene: Scene, case: Case) -> None:
    token, _link = make_link(scene.session, scene.community, case.id, now())
    scene.move(case, State.SELF_CLEARING)
    opened = open_link(scene.session, token)
    assert opened is not None
    with pytest.raises(InputError) as error:
        declare_by_link(scene.session, opened, "")
    assert codes(error) == ["not_declarable"]


def test_who_makes_a_link_and_for_which_case(scene: Scene, case: Case) -> None:
    with pytest.raises(InputError) as error:
        make_link(scene.session, scene.community, case.id, now(Role.PLANNER))
    assert codes(error) == ["not_permitted"]
    scene.move(case, State.REJECTED, reason="none")
    with pytest.raises(InputError) as error:
        make_link(scene.session, scene.community, case.id, now())
    assert codes(error) == ["not_declarable"]
    assert scene.session.scalars(select(DeclarationLink)).all() == []
