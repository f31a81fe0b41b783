"""The hash chain: whoever changes history is found out, and the first bad row is named."""

import datetime as dt
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from cases.casework import Request, move
from cases.chain import CHAINED, Fault, Head, first_fault, head, ready_head
from cases.checks import check_community
from cases.models import (
    Announcement,
    AreaEntry,
    Attendance,
    Body,
    BodyKind,
    Campaign,
    Case,
    ChainLink,
    Channel,
    DocumentFile,
    DocumentRecord,
    EntryKind,
    FieldDecision,
    FieldSubmission,
    FieldVerdict,
    Meeting,
    Photograph,
    PhotographOriginal,
    PhotographSubject,
    Posting,
    Resolution,
    Visit,
    VisitOutcome,
)
from cases.workflow import Document, State
from layers.config import Settings
from layers.db import APP_ROLE, EVERYWHERE
from layers.migrate import MIGRATIONS, open_database, owner_engine
from layers.models import Base, Community, Observation
from tests import builders

KEYS = {
    "case_event": ["seq"],
    "area_ledger": ["seq"],
    "visit": ["id"],
    "document": ["id"],
    "document_file": ["document_id", "language", "format"],
    "meeting": ["id"],
    "attendance": ["meeting_id", "body_id"],
    "resolution": ["id"],
    "announcement": ["id"],
    "posting": ["id"],
    "geometry_edit": ["id"],
    "geometry_edit_row": ["edit_id", "place"],
    "patrol": ["id"],
    "photograph": ["id"],
    "field_submission": ["id"],
    "field_decision": ["id"],
    "photograph_original": ["photograph_id"],
}
# A value of the same type that is another one.
OTHER = {
    "integer": "coalesce({0}, 0) + 1",
    "bigint": "coalesce({0}, 0) + 1000000",
    "uuid": "gen_random_uuid()",
    "text": "CASE WHEN {0} = 'x' THEN 'y' ELSE 'x' END",
    "character varying": "CASE WHEN {0} = 'x' THEN 'y' ELSE 'x' END",
    "date": "coalesce({0}, DATE '2022-01-01') + 1",
    "timestamp with time zone": "coalesce({0}, now()) + interval '1 microsecond'",
    "double precision": "coalesce({0}, 0) + 1e-9",
    "jsonb": """{0} || '{{"x": 1}}'""",
    "bytea": "coalesce({0}, '') || '\\x00'",
    "boolean": "NOT {0}",
    "USER-DEFINED": "coalesce(ST_Translate({0}, 1e-9, 0), 'SRID=4326;POINT(1 1)')",
}


def fill(session: Session) -> Community:
    """Store a community with a few rows of every kind of history."""
    community = builders.community(session)
    campaign = builders.campaign(session, community)
    parcel = builders.parcel(session, community)
    for index in range(4):
        case = builders.case(session, builders.household(session, community), campaign)
        for state in (State.SUSPECTED, State.VERIFIED):
            builders.event(session, case, builders.EARLY, state, note=f"it's \\ {state}\n{index}")
        builders.add(
            session,
            Visit(
                community_id=community.id,
                case_id=case.id,
                visited_on=builders.EARLY,
                actor="ana",
                outcome=VisitOutcome.UNDECIDED,
                note=str(index),
            ),
        )
        seen = builders.observation(session, community)
        found = builders.encroachment(session, seen, parcel, case)
        entry = AreaEntry(
            community_id=community.id,
            day=builders.EARLY,
            kind=EntryKind.SUSPECTED,
            case_id=case.id,
            encroachment_id=found.id,
            area_m2=index + 0.1,
            geom=found.geom,
        )
        builders.add(session, entry)
        builders.patrolled(session, case, builders.EARLY, index + 1)
        builders.edit(session, community, number=10 * index, reason=str(index))
        evidence(session, case, index)
        from_the_field(session, seen, index)
        meeting(session, campaign, index + 1)
        announcement(session, campaign, paper(session, community, index + 1))
    return community


def evidence(session: Session, case: Case, index: int) -> None:
    """Store a photograph of which everything is known."""
    made = Photograph(
        community_id=case.community_id,
        case_id=case.id,
        subject=PhotographSubject.BEFORE,
        taken_at=dt.datetime(2022, 3, 1, index, tzinfo=dt.UTC),
        accuracy_m=index + 0.5,
        bearing=index + 10.0,
        sha256=bytes([index]) * 32,
        media_type="image/jpeg",
        width=640 + index,
        height=480,
        size=1_000 + index,
        note=str(index),
        recorded_by="ana",
        geom=builders.stored(builders.point(index)),
    )
    builders.add(session, made)


def from_the_field(session: Session, seen: Observation, index: int) -> None:
    """Store a submission with all that a phone can say, its decision and a photograph."""
    sent = builders.submission(
        session,
        seen,
        corrects_id=seen.id,
        height_m=index + 0.5,
        phone_area_m2=index + 1.0,
        accuracy_m=index + 2.0,
        position=builders.stored(builders.point(index)),
    )
    key = {"community_id": seen.community_id}
    verdict = FieldVerdict.ACCEPTED
    builders.add(
        session,
        FieldDecision(
            **key, submission_id=sent.id, verdict=verdict, decided_by="bo", observation_id=seen.id
        ),
    )
    shown = builders.field_photograph(session, sent)
    builders.add(
        session,
        PhotographOriginal(
            **key,
            photograph_id=shown.id,
            sha256=bytes([index]) * 32,
            media_type="image/jpeg",
            width=index + 1,
            height=480,
            size=1_000,
        ),
    )


def meeting(session: Session, campaign: Campaign, number: int) -> None:
    """Store a meeting that a body attended, with a resolution."""
    key = {"community_id": campaign.community_id}
    body = builders.add(
        session, Body(**key, ref=builders.fresh("B"), kind=BodyKind.OTHER, name="Office")
    )
    made = builders.add(
        session,
        Meeting(
            **key,
            campaign_id=campaign.id,
            number=number,
            held_on=builders.EARLY,
            agenda=str(number),
            recorded_by="ana",
        ),
    )
    builders.add(session, Attendance(**key, meeting_id=made.id, body_id=body.id, people=number))
    vote = {"number": number, "wording": str(number), "votes_for": number}
    builders.add(session, Resolution(**key, meeting_id=made.id, **vote))


def announcement(session: Session, campaign: Campaign, record: DocumentRecord) -> None:
    """Store an announcement that hangs at a door."""
    key = {"community_id": campaign.community_id}
    body = builders.add(
        session, Body(**key, ref=builders.fresh("B"), kind=BodyKind.OTHER, name="Office")
    )
    made = Announcement(
        **key,
        campaign_id=campaign.id,
        issuer_id=body.id,
        document_id=record.id,
        issued_on=builders.EARLY,
        deadline_on=builders.EARLY + dt.timedelta(days=20 + record.number),
        standard_version="1",
        objection_route="the office",
        wording=str(record.number),
    )
    posting = Posting(
        **key,
        announcement_id=builders.add(session, made).id,
        channel=Channel.DOOR,
        place=str(record.number),
        posted_on=builders.EARLY,
        recorded_by="ana",
    )
    builders.add(session, posting)


def paper(session: Session, community: Community, number: int) -> DocumentRecord:
    """Store a document with two files."""
    made = builders.add(
        session,
        DocumentRecord(
            community_id=community.id,
            kind=Document.ANNOUNCEMENT,
            year=2022,
            number=number,
            title=f"No. {number}",
            issued_on=builders.EARLY,
            issued_by="ana",
            data={"number": number},
        ),
    )
    for form in ("docx", "pdf"):
        content = f"{form} {number}".encode()
        builders.add(
            session,
            DocumentFile(
                community_id=community.id,
                document_id=made.id,
                language="en",
                format=form,
                sha256=bytes(32),
                content=content,
            ),
        )
    return made


@pytest.fixture(scope="module")
def place(committed: Settings) -> Community:
    """A committed community with history, beside another."""
    database = open_database(committed)
    with database.session(EVERYWHERE) as session, session.begin():
        fill(session)
        community = fill(session)
    database.engine.dispose()
    return community


@pytest.fixture(scope="module")
def superuser(committed: Settings) -> Iterator[Engine]:
    """The owner of the database, who can do anything."""
    engine = owner_engine(committed)
    yield engine
    engine.dispose()


@dataclass
class Tampering:
    """A superuser's transaction that is rolled back, and what the application sees of it."""

    session: Session
    community: Community
    random: random.Random

    def run(self, statement: str, **values: object) -> None:
        """Change something with every trigger switched off."""
        self.session.execute(text("SET LOCAL session_replication_role = replica"))
        changed = self.session.execute(text(statement), {"c": self.community.id, **values})
        assert changed.rowcount > 0, statement  # type: ignore[attr-defined]

    def check(self, noted: Head | None = None) -> Fault | None:
        """Return the fault that the application's role finds."""
        self.session.execute(text(f"SET LOCAL ROLE {APP_ROLE}"))
        self.session.execute(text("SELECT set_config('commongreen.everywhere', 'on', true)"))
        return first_fault(self.session, self.community, noted)

    def rows(self, table: str) -> list[str]:
        """Return the keys of a table's rows as they were chained."""
        found = self.session.scalars(
            text("SELECT key FROM chain WHERE community_id = :c AND relation = :t ORDER BY number"),
            {"c": self.community.id, "t": table},
        )
        return list(found)

    def columns(self, table: str) -> dict[str, str]:
        """Return the columns of a table with their types, its checks taken away."""
        checks = self.session.scalars(
            text(
                "SELECT conname FROM pg_constraint"
                " WHERE conrelid = CAST(:t AS regclass) AND contype = 'c'"
            ),
            {"t": table},
        ).all()
        for check in checks:
            self.session.execute(text(f'ALTER TABLE {table} DROP CONSTRAINT "{check}"'))
        found = self.session.execute(
            text(
                "SELECT column_name, data_type FROM information_schema.columns"
                " WHERE table_schema = 'public' AND table_name = :t ORDER BY column_name"
            ),
            {"t": table},
        )
        return {name: kind for name, kind in found}  # noqa: C416 (rows are not pairs to mypy)


def is_row(table: str, parameter: str = "key") -> str:
    """Return the condition by which a row is found by its key."""
    names = ", ".join(f'r."{name}"' for name in KEYS[table])
    return f"r.community_id = :c AND concat_ws(',', {names}) = :{parameter}"


def change(act: Tampering, table: str) -> tuple[str, str, str]:
    """Change one column of one row."""
    key, types = act.random.choice(act.rows(table)), act.columns(table)
    column = act.random.choice(sorted(types))
    value = OTHER[types[column]].format(f'"{column}"')
    act.run(f'UPDATE {table} r SET "{column}" = {value} WHERE {is_row(table)}', key=key)
    is_key = column in {*KEYS[table], "community_id"}
    return table, key, "is missing" if is_key else "is changed"


def remove(act: Tampering, table: str) -> tuple[str, str, str]:
    """Delete one row."""
    key = act.random.choice(act.rows(table))
    act.run(f"DELETE FROM {table} r WHERE {is_row(table)}", key=key)
    return table, key, "is missing"


def insert(act: Tampering, table: str) -> tuple[str, str, str]:
    """Insert a copy of a row."""
    key, types = act.random.choice(act.rows(table)), act.columns(table)
    new = {"seq": "-1", "id": "gen_random_uuid()", "language": "'xx'", "number": "number + 90"}
    new |= {"days": "days + 900"}
    new |= dict.fromkeys(("body_id", "photograph_id", "submission_id"), "gen_random_uuid()")
    new |= {"days": "days + 900", "body_id": "gen_random_uuid()", "edit_id": "gen_random_uuid()"}
    values = ", ".join(new.get(name, f'"{name}"') for name in types)
    names = ", ".join(f'"{name}"' for name in types)
    act.run(
        f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} r WHERE {is_row(table)}",
        key=key,
    )
    return table, "", "is inserted: no link of the chain names it"


def exchange(act: Tampering, table: str) -> tuple[str, str, str]:
    """Exchange what two rows say."""
    keys = act.rows(table)
    one, other = sorted(act.random.sample(range(len(keys)), 2))
    held = {"community_id", *KEYS[table], "year", "number", "version", "days", "submission_id"}
    names = ", ".join(f'"{name}"' for name in act.columns(table) if name not in held)
    is_one, is_other = is_row(table, "one"), is_row(table, "other")
    act.run(
        f"UPDATE {table} a SET ({names}) = (SELECT {names} FROM {table} r"
        f" WHERE r.community_id = :c AND r.ctid <> a.ctid AND ({is_one} OR {is_other}))"
        f" FROM {table} r WHERE r.ctid = a.ctid AND ({is_one} OR {is_other})",
        one=keys[one],
        other=keys[other],
    )
    return table, keys[one], "is changed"


WAYS: list[Callable[[Tampering, str], tuple[str, str, str]]] = [change, remove, insert, exchange]
# Every way on every table, and the rest are changes of a column.
TAMPERINGS = [(way, table) for table in sorted(KEYS) for way in WAYS]
TAMPERINGS += [(change, sorted(KEYS)[number % len(KEYS)]) for number in range(100)]


@pytest.mark.parametrize("number", range(100))
def test_tampering_names_the_first_bad_row(
    superuser: Engine, place: Community, number: int
) -> None:
    way, table = TAMPERINGS[number]
    with superuser.connect() as connection, connection.begin() as transaction:
        act = Tampering(Session(connection), place, random.Random(number))
        assert act.check() is None
        act.session.execute(text("RESET ROLE"))
        table, key, what = way(act, table)
        found = act.check()
        assert found is not None
        assert (found.relation, found.what) == (table, what)
        assert found.key == key or way is insert
        transaction.rollback()


CHAIN = [
    (
        "UPDATE chain SET hash = hash || '\\x00' WHERE community_id = :c AND number = 5",
        "5",
        "chang",
    ),
    ("UPDATE chain SET hash = '' WHERE community_id = :c AND number = :last", ":last", "chang"),
    ("DELETE FROM chain WHERE community_id = :c AND number = 7", "7", "missing"),
    ("DELETE FROM chain WHERE community_id = :c AND number = :last", ":last", "missing"),
    ("DELETE FROM chain WHERE community_id = :c", "1", "missing"),
    (
        "UPDATE chain SET number = CASE number WHEN 4 THEN 1006 WHEN 6 THEN 1004 END"
        " WHERE community_id = :c AND number IN (4, 6);"
        "UPDATE chain SET number = number - 1000 WHERE community_id = :c AND number > 1000",
        "",
        "reordered",
    ),
]


@pytest.mark.parametrize(("statements", "key", "what"), CHAIN)
def test_the_chain_itself_is_not_tampered_with(
    superuser: Engine, place: Community, statements: str, key: str, what: str
) -> None:
    with superuser.connect() as connection, connection.begin() as transaction:
        act = Tampering(Session(connection), place, random.Random(0))
        last = str(head(act.session, place).entries)
        for statement in statements.split(";"):
            act.run(statement.replace(":last", last))
        found = act.check()
        assert found is not None
        assert what in found.what
        assert what == "reordered" or (found.relation, found.key) == (
            "chain",
            key.replace(":last", last),
        )
        transaction.rollback()


def test_a_tail_cut_off_with_its_head_is_found_by_a_head_noted_outside(
    superuser: Engine, place: Community
) -> None:
    with superuser.connect() as connection, connection.begin() as transaction:
        act = Tampering(Session(connection), place, random.Random(0))
        noted = head(act.session, place)
        table, key = act.session.execute(
            text("SELECT relation, key FROM chain WHERE community_id = :c AND number = :n"),
            {"c": place.id, "n": noted.entries},
        ).one()
        act.run(f"DELETE FROM {table} r WHERE {is_row(table)}", key=key)
        act.run("DELETE FROM chain WHERE community_id = :c AND number = :n", n=noted.entries)
        assert ready_head(act.session)[1] == 1
        act.run(
            "UPDATE chain_head h SET entries = l.number, hash = l.hash FROM chain l"
            " WHERE h.community_id = :c AND l.community_id = :c AND l.number = :n",
            n=noted.entries - 1,
        )
        assert ready_head(act.session)[1] == 0
        assert act.check() is None
        assert str(act.check(noted)).startswith(f"Row {noted.entries} of chain is missing")
        other = Head(noted.entries - 1, "00" * 32)
        assert "is not the one noted" in str(act.check(other))
        transaction.rollback()


def test_check_says_what_was_tampered_with(superuser: Engine, place: Community) -> None:
    with superuser.connect() as connection, connection.begin() as transaction:
        act = Tampering(Session(connection), place, random.Random(0))
        key = act.rows("visit")[1]
        act.run(f"UPDATE visit r SET note = 'kind' WHERE {is_row('visit')}", key=key)
        rules = {one.rule: one.message for one in check_community(act.session, place)}
        assert rules["chain"] == f"Row {key} of visit is changed."
        transaction.rollback()


def test_writers_at_the_same_time_chain_one_after_the_other(committed: Settings) -> None:
    database = open_database(committed)
    with database.session(EVERYWHERE) as session, session.begin():
        community = fill(session)
        campaign = builders.campaign(session, community)
        who = [builders.household(session, community) for _ in range(6)]
        cases = [builders.case(session, one, campaign) for one in who]
    before = database_head(committed, community).entries

    def write(index: int) -> None:
        with database.session(EVERYWHERE) as session:
            for _ in range(10):
                with session.begin():
                    builders.event(session, cases[index], builders.EARLY, None)
                    builders.event(session, cases[index], builders.EARLY, None)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    with database.session(EVERYWHERE) as session:
        assert first_fault(session, community) is None
    assert database_head(committed, community).entries == before + 120
    database.engine.dispose()


def test_history_before_and_after_a_move_blocks_nobody(committed: Settings) -> None:
    database = open_database(committed)
    with database.session(EVERYWHERE) as session, session.begin():
        community = fill(session)
        campaign = builders.campaign(session, community)
        who = [builders.household(session, community) for _ in range(3)]
        cases = [builders.case(session, one, campaign, state=State.ANNOUNCED) for one in who]

    def visit(index: int) -> None:
        """Write history before a case is locked, or after, at random."""
        for number in range(12):
            with database.session(EVERYWHERE) as session, session.begin():
                # Every thread meets the cases in another order.
                case = cases[(index + number) % 3]
                if number % 2:
                    builders.event(session, case, builders.EARLY, None)
                move(session, community, case.id, Request(State.VISITED, "ana"))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(visit, range(3)))
    with database.session(EVERYWHERE) as session:
        assert first_fault(session, community) is None
    database.engine.dispose()


def test_every_appended_table_of_a_community_is_chained(owner: Session) -> None:
    with_trigger = (
        "SELECT c.relname FROM pg_class c JOIN pg_trigger t ON t.tgrelid = c.oid"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'community_id'"
        " WHERE t.tgname = :name AND c.relname <> 'chain'"
    )
    appended, chained = (
        set(owner.scalars(text(with_trigger), {"name": name})) for name in ("appended", "chained")
    )
    assert appended == chained == set(KEYS) == {one.__tablename__ for one in CHAINED}


def database_head(settings: Settings, community: Community) -> Head:
    """Return the head that is committed."""
    database = open_database(settings)
    with database.session(EVERYWHERE) as session:
        found = head(session, community)
    database.engine.dispose()
    return found


def test_the_migration_chains_what_was_recorded_before(clone: Callable[[], Settings]) -> None:
    settings = clone()
    database = open_database(settings)
    with database.session(EVERYWHERE) as session, session.begin():
        places = [fill(session), fill(session)]
    database.engine.dispose()
    # Edits are younger than the chain: they go with their tables.
    before = [database_head(settings, place).entries - 2 * 4 for place in places]
    engine = owner_engine(settings)
    # These tables came after the chain, and going back loses what is in them.
    later = (FieldSubmission, FieldDecision, PhotographOriginal)
    with engine.connect() as connection:
        lost = [rows_of(Session(connection), place, later) for place in places]
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    own = ScriptDirectory.from_config(config).get_revision("0005").down_revision
    for migrate, target in ((command.downgrade, str(own)), (command.upgrade, "head")):
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            migrate(config, target)
    with engine.connect() as connection:
        assert [first_fault(Session(connection), place) for place in places] == [None, None]
    engine.dispose()
    kept = [all_of_it - gone for all_of_it, gone in zip(before, lost, strict=True)]
    assert [database_head(settings, place).entries for place in places] == kept


def rows_of(session: Session, place: Community, tables: Sequence[type[Base]]) -> int:
    """Return how many links of a community's chain are of rows of some tables."""
    names = [one.__tablename__ for one in tables]
    return len(
        session.scalars(
            select(ChainLink).where(
                ChainLink.community_id == place.id, ChainLink.relation.in_(names)
            )
        ).all()
    )


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO chain VALUES (:c, 1000, 'visit', 'x', '')",
        "UPDATE chain SET hash = ''",
        "DELETE FROM chain",
        "UPDATE chain_head SET entries = 0",
        "DELETE FROM chain_head",
        "CREATE TEMP TABLE forged (LIKE visit); CREATE TRIGGER chained AFTER INSERT ON forged"
        " REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION chain_visit()",
    ],
)
def test_the_application_only_reads_the_chain(session: Session, statement: str) -> None:
    community = fill(session)
    *before, last = statement.replace(":c", str(community.id)).split(";")
    for one in before:
        session.execute(text(one))
    with pytest.raises(DBAPIError, match="permission denied"), session.begin_nested():
        session.execute(text(last))
    assert first_fault(session, community) is None


def test_many_rows_of_many_communities_in_one_statement(session: Session) -> None:
    places = [fill(session) for _ in range(3)]
    session.execute(
        text(
            "INSERT INTO case_event (community_id, case_id, at, day, actor, event)"
            " SELECT c.community_id, c.id, now(), current_date, 'ana', 'x' FROM case_file c,"
            " generate_series(1, 5) ORDER BY random()"
        )
    )
    assert [first_fault(session, place) for place in places] == [None] * 3
