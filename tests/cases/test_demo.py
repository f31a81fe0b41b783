"""The demo holds the story's numbers, and another program measures the same areas."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from cases.access import Role
from cases.checks import check_community
from cases.decisions import list_undecided
from cases.demo.load import build, make_accounts
from cases.figures import figures
from cases.flagging import flag_all
from cases.ledger import today
from cases.models import (
    Campaign,
    Case,
    DocumentRecord,
    Meeting,
    Patrol,
    PatrolOutcome,
    Posting,
    Visit,
    VisitOutcome,
)
from cases.workflow import Document, State
from layers.config import Settings
from layers.db import EVERYWHERE, Database
from layers.migrate import open_database
from layers.models import Community


@pytest.fixture(scope="module")
def demo(committed: Settings) -> Iterator[Database]:
    """A database with both compounds of the demo."""
    database = open_database(committed)
    build(database, 2, lambda _what: None)
    yield database
    database.engine.dispose()


def official(session: Session, code: str) -> dict[str, Any]:
    community = session.scalars(select(Community).where(Community.code == code)).one()
    return figures(session, [community], today(community))


def test_the_first_compound_has_the_storys_numbers(demo: Database) -> None:
    with demo.session(EVERYWHERE) as session:
        shown = official(session, "WH-0001")
    assert (shown["buildings"], shown["households"]) == (75, 3600)
    assert (shown["ground_floor_households"], shown["parcels"]) == (441, 441)
    assert shown["surveyed_households"] == 441
    assert shown["encroaching_households"] == shown["cleared_households"] == 179
    assert shown["outstanding_m2"] == 0
    assert shown["charging_piles"] >= 20
    assert shown["charging_heads"] >= 300


def test_another_program_measures_the_same_areas(demo: Database) -> None:
    """PostGIS projects with its own PROJ and measures with its own GEOS."""
    measured = text(
        "SELECT sum(ST_Area(ST_Transform(geom, 4550))) FROM area_ledger l"
        " JOIN community c ON c.id = l.community_id WHERE c.code = :code AND kind = :kind"
    )
    with demo.session(EVERYWHERE) as session:
        for code in ("WH-0001", "WH-0002"):
            shown = official(session, code)
            for kind in ("encroached", "reclaimed"):
                area = session.scalar(measured, {"code": code, "kind": kind})
                assert shown[f"{kind}_m2"] == pytest.approx(area, abs=0.01)


def test_a_union_of_polygons_is_no_less_than_their_sum(demo: Database) -> None:
    union = text(
        "SELECT ST_Area(ST_Union(ST_Transform(geom, 4550))) FROM area_ledger l"
        " JOIN community c ON c.id = l.community_id"
        " WHERE c.code = 'WH-0001' AND kind = 'encroached'"
    )
    with demo.session(EVERYWHERE) as session:
        shown = official(session, "WH-0001")
        assert session.scalar(union) == pytest.approx(shown["encroached_m2"], abs=0.01)


def test_the_second_compound_is_in_the_middle(demo: Database) -> None:
    with demo.session(EVERYWHERE) as session:
        shown = official(session, "WH-0002")
        states = set(
            session.scalars(
                select(Case.state)
                .join(Community, Community.id == Case.community_id)
                .where(Community.code == "WH-0002")
            )
        )
    assert 0 < shown["cleared_households"] < shown["encroaching_households"]
    assert shown["surveyed_households"] < 441
    assert {"suspected", "rejected", "referred", "rebound", "declined"} <= states


def test_every_invariant_holds_on_every_day(demo: Database) -> None:
    with demo.session(EVERYWHERE) as session:
        for community in session.scalars(select(Community)):
            assert check_community(session, community) == []


def test_flagging_and_building_again_change_nothing(demo: Database) -> None:
    count = text("SELECT (SELECT count(*) FROM case_event), (SELECT count(*) FROM area_ledger)")
    with demo.session(EVERYWHERE) as session:
        before = session.execute(count).one()
    build(demo, 2, lambda _what: None)
    assert flag_all(demo, None).new == 0
    with demo.session(EVERYWHERE) as session:
        assert session.execute(count).one() == before


def test_four_earlier_campaigns_failed_before_the_one_that_worked(demo: Database) -> None:
    with demo.session(EVERYWHERE) as session:
        campaigns = session.scalars(
            select(Campaign)
            .join(Community, Community.id == Campaign.community_id)
            .where(Community.code == "WH-0001")
            .order_by(Campaign.started_on)
        ).all()
        assert len(campaigns) == 5
        assert all("taken again" in campaign.outcome for campaign in campaigns[:4])
        assert list_undecided(session, [campaigns[0].community_id]) == []


def test_the_accounts_can_be_made_twice(demo: Database) -> None:
    roles = {role for _email, _password, role in make_accounts(demo)}
    assert roles >= {Role.SECRETARY, Role.INSPECTOR, Role.PLANNER, Role.OFFICIAL}
    assert make_accounts(demo) == make_accounts(demo)


def test_the_campaign_left_its_meetings_papers_visits_and_rounds(demo: Database) -> None:
    with demo.session(EVERYWHERE) as session:
        place = session.scalars(select(Community).where(Community.code == "WH-0001")).one()

        def number(model: Any, *conditions: Any) -> int:
            counted = select(func.count()).where(model.community_id == place.id, *conditions)
            return session.scalar(counted) or 0

        assert number(Meeting) == 16
        assert session.scalar(select(func.min(Meeting.held_on))) == dt.date(2022, 3, 8)
        assert number(Posting) == 3
        assert number(Visit, Visit.outcome == VisitOutcome.SIGNED) == 179
        papers = session.execute(
            select(DocumentRecord.number, DocumentRecord.issued_on, DocumentRecord.kind)
            .where(DocumentRecord.community_id == place.id)
            .order_by(DocumentRecord.number)
        ).all()
        assert [row.number for row in papers] == list(range(1, len(papers) + 1))
        assert [row.issued_on for row in papers] == sorted(row.issued_on for row in papers)
        kinds = Counter(row.kind for row in papers)
        assert kinds[Document.CREDIT_CONTRACT] == kinds[Document.ACCEPTANCE_FORM] == 179
        assert number(Patrol, Patrol.outcome == PatrolOutcome.CLEAR) == 5 * 179
        assert number(Case, Case.state == State.CLOSED) == 179
        assert number(Case, Case.housekeeper_id.is_(None)) == 0


def test_the_second_compound_has_refusals_and_rebounds_to_work_on(demo: Database) -> None:
    with demo.session(EVERYWHERE) as session:
        place = session.scalars(select(Community).where(Community.code == "WH-0002")).one()
        states = Counter(session.scalars(select(Case.state).where(Case.community_id == place.id)))
        assert min(states[one] for one in (State.REFERRED, State.REBOUND, State.DECLINED)) >= 1
        rebounds = select(Patrol).where(
            Patrol.community_id == place.id, Patrol.outcome == PatrolOutcome.REBOUND
        )
        assert all(one.observation_id for one in session.scalars(rebounds))
        assert len(session.scalars(rebounds).all()) >= states[State.REBOUND]
