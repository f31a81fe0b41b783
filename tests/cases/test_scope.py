"""A query that forgot its filter sees nothing outside the session's scope, in any table.

Whoever adds a table of a community adds a line to ``plant``.
"""

import datetime as dt
import uuid

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from cases.account_history import OPERATOR
from cases.models import (
    Account,
    AreaEntry,
    Attendance,
    Case,
    Channel,
    DeclarationLink,
    DocumentFile,
    EntryKind,
    FieldDecision,
    FieldVerdict,
    Idempotency,
    LaneBuilding,
    Objection,
    Patrol,
    Photograph,
    PhotographOriginal,
    PhotographSubject,
    Posting,
    ResidentAccount,
    Resolution,
    Upload,
    UploadRole,
    Visit,
    VisitOutcome,
)
from cases.people import open_account
from cases.workflow import State
from layers.db import EVERYWHERE, NOWHERE, Scope
from layers.models import (
    Base,
    Building,
    Community,
    FieldMapping,
    Observation,
    Resident,
    SurveyFile,
)
from tests import builders as make
from tests.layers.test_schema import narrowed

# Rows of these belong to no community: what they are to whom, memberships say.
UNSCOPED = {"account", "account_event", "access_token", "membership", "rate_limit", "region"}


def plant(session: Session) -> Community:
    """Make a community with a row in every table that has a community."""
    place = make.community(session)
    key = {"community_id": place.id}
    home = make.household(session, place)
    house = make.building(session, place)
    parcel, survey = make.parcel(session, place), make.survey(session, place)
    make.link(session, parcel, home)
    make.looked(session, parcel, survey)
    make.site(session, place)
    make.edit(session, place)
    seen = make.observation(session, place)
    run = make.campaign(session, place)
    case = make.case(session, home, run)
    papers = make.campaign_papers(session, place, run, case)
    make.event(session, case, make.EARLY, State.SUSPECTED)
    found = make.encroachment(session, seen, parcel, case)
    make.finding(session, seen, parcel)
    someone = open_account(session, f"{make.fresh('home')}@example.org", name="Li", actor=OPERATOR)
    session.add_all(
        [
            SurveyFile(**key, survey_id=survey.id, content=b"file"),
            FieldMapping(**key, delivers="parcels", source=make.fresh("s"), mapping={}),
            Resident(**key, household_id=home.id, name="王海棠", phone="1", role="owner"),
            ResidentAccount(
                **key, household_id=home.id, account_id=someone.id, granted_by="operator"
            ),
            *_of_a_campaign(place, case, house, papers),
            *_of_the_field(session, seen, someone),
            Idempotency(**key, account_id=someone.id, key=uuid.uuid4(), body_hash="0" * 64),
            AreaEntry(
                **key,
                day=dt.date(2022, 4, 1),
                kind=EntryKind.SUSPECTED,
                case_id=case.id,
                encroachment_id=found.id,
                area_m2=24.0,
                geom=make.stored(make.square()),
            ),
        ]
    )
    session.flush()
    return place


def _of_the_field(session: Session, seen: Observation, sender: Account) -> list[Base]:
    """Return what hangs on a submission; it and its photograph are stored."""
    sent = make.submission(session, seen)
    key = {"community_id": seen.community_id}
    digest = bytes(32)
    return [
        FieldDecision(**key, submission_id=sent.id, verdict=FieldVerdict.RETURNED, decided_by="bo"),
        PhotographOriginal(
            **key,
            photograph_id=make.field_photograph(session, sent).id,
            sha256=digest,
            media_type="image/jpeg",
            width=1,
            height=1,
            size=1,
        ),
        Upload(
            **key,
            photograph_id=uuid.uuid4(),
            role=UploadRole.COPY,
            submission_id=sent.id,
            account_id=sender.id,
            size=1,
            sha256=digest,
            told={},
        ),
    ]


def _of_a_campaign(
    place: Community, case: Case, house: Building, papers: dict[str, uuid.UUID]
) -> list[Base]:
    """Return what hangs on a case, a meeting, a paper, an announcement and a lane."""
    key = {"community_id": place.id}
    on_case = {**key, "case_id": case.id}
    day, digest = make.EARLY, bytes(32)
    photograph = Photograph(
        **on_case,
        id=uuid.uuid4(),
        subject=PhotographSubject.BEFORE,
        sha256=digest,
        media_type="image/png",
        width=1,
        height=1,
        size=1,
        recorded_by="ana",
    )
    later = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    posted = {"posted_on": day, "recorded_by": "ana"}
    return [
        photograph,
        Attendance(**key, meeting_id=papers["meeting_id"], body_id=papers["body_id"], people=3),
        Resolution(**key, meeting_id=papers["meeting_id"], number=1, wording="Yes", votes_for=3),
        Posting(**key, announcement_id=papers["announcement_id"], channel=Channel.DOOR, **posted),
        DocumentFile(
            **key,
            document_id=papers["paper_id"],
            language="en",
            format="pdf",
            sha256=digest,
            content=b"x",
        ),
        LaneBuilding(**key, building_id=house.id, lane_id=papers["lane_id"]),
        Visit(**on_case, visited_on=day, actor="ana", outcome=VisitOutcome.NOT_HOME),
        Objection(**on_case, lodged_on=day, recorded_by="ana", grounds="ours"),
        DeclarationLink(
            **on_case, token_sha256=uuid.uuid4().bytes * 2, created_by="ana", expires_at=later
        ),
        Patrol(**on_case, accepted_on=day, days=7, due_on=day),
    ]


@pytest.fixture
def planted(session: Session) -> tuple[Community, Community]:
    return plant(session), plant(session)


def communities_in(session: Session, table: str) -> set[int]:
    column = "id" if table == "community" else "community_id"
    return set(session.scalars(text(f"SELECT DISTINCT {column} FROM {table}")))


def scoped_tables() -> list[str]:
    """Return every mapped table that is of a community, with its schema."""
    return sorted(
        table.fullname for table in Base.metadata.tables.values() if table.fullname not in UNSCOPED
    )


def test_every_mapped_table_is_of_a_community_or_says_why_not() -> None:
    for table in Base.metadata.tables.values():
        has_community = "community_id" in table.columns or table.name == "community"
        if table.fullname in UNSCOPED - {"membership"}:
            assert not has_community, table.fullname
        else:
            assert has_community, table.fullname


def test_a_scope_shows_its_own_rows_of_every_table_and_no_others(
    session: Session, planted: tuple[Community, Community]
) -> None:
    mine, theirs = planted
    for table in scoped_tables():
        assert communities_in(session, table) >= {mine.id, theirs.id}, f"plant a row in {table}"
    with narrowed(session, Scope(frozenset({mine.id}))) as inside:
        for table in scoped_tables():
            assert communities_in(inside, table) == {mine.id}, table
    with narrowed(session, NOWHERE) as outside:
        for table in scoped_tables():
            assert communities_in(outside, table) == set(), table


def test_a_session_without_any_scope_sees_nothing(
    session: Session, planted: tuple[Community, Community]
) -> None:
    session.execute(text("SELECT set_config('commongreen.everywhere', '', true)"))
    session.execute(text("SELECT set_config('commongreen.communities', '', true)"))
    for table in scoped_tables():
        assert communities_in(session, table) == set(), table


def test_a_change_that_forgot_its_filter_changes_nothing_outside(
    session: Session, planted: tuple[Community, Community]
) -> None:
    mine, _theirs = planted
    with narrowed(session, Scope(frozenset({mine.id}))) as inside:
        for table in scoped_tables():
            column = "id" if table == "community" else "community_id"
            own = inside.scalar(text(f"SELECT count(*) FROM {table}"))
            changed = "SELECT has_column_privilege(:table, :column, 'UPDATE')"
            values = {"table": table, "column": column}
            if inside.scalar(text(changed), values) and table != "community":
                done = inside.execute(text(f"UPDATE {table} SET {column} = {column}"))
                assert done.rowcount == own, table  # type: ignore[attr-defined]


def test_no_row_is_written_into_another_community(
    session: Session, planted: tuple[Community, Community]
) -> None:
    mine, theirs = planted
    with narrowed(session, Scope(frozenset({mine.id}))) as inside:
        for table in Base.metadata.sorted_tables:
            if table.fullname in UNSCOPED or table.name == "community":
                continue
            row = session.execute(select(table).where(table.c.community_id == mine.id)).first()
            assert row is not None
            values = {
                name: value for name, value in row._mapping.items() if not table.c[name].identity
            }
            values["community_id"] = theirs.id
            if "id" in values:
                values["id"] = uuid.uuid4()
            # The chain is written by triggers alone; all else the policies refuse.
            why = "permission denied" if table.name.startswith("chain") else "row-level security"
            with pytest.raises(DBAPIError, match=why), inside.begin_nested():
                inside.execute(insert(table).values(**values))


def test_every_policy_holds_for_reading_and_for_writing(owner: Session) -> None:
    rows = owner.execute(
        text(
            "SELECT CASE schemaname WHEN 'public' THEN '' ELSE schemaname || '.' END || tablename,"
            " qual, with_check, cmd, permissive FROM pg_policies"
            " WHERE schemaname IN ('public', 'personal')"
        )
    ).all()
    assert sorted(row[0] for row in rows) == scoped_tables()
    for table, reading, writing, command, permissive in rows:
        assert (command, permissive) == ("ALL", "PERMISSIVE"), table
        assert reading == writing, table
        assert "commongreen.communities" in reading, table
    forced = owner.scalars(
        text("SELECT oid::regclass::text FROM pg_class WHERE relforcerowsecurity")
    ).all()
    assert sorted(forced) == scoped_tables()


def test_everywhere_is_everywhere(session: Session, planted: tuple[Community, Community]) -> None:
    with narrowed(session, EVERYWHERE) as wide:
        number = wide.scalar(select(func.count()).select_from(Community))
    assert number is not None
    assert number >= 2
