"""The hash chain over a community's history, recomputed (SAFETY, "History").

Triggers of the database write it; here it is computed a second time, from the rows,
with nothing of the database but its built-in functions. Whoever can rewrite both the
rows and the whole chain after them is found out only by a head that was noted outside.
"""

import datetime as dt
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from geoalchemy2 import Geometry
from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    Double,
    Integer,
    LargeBinary,
    Select,
    Table,
    Text,
    Uuid,
    and_,
    cast,
    func,
    literal,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from cases.models import (
    Announcement,
    AreaEntry,
    Attendance,
    CaseEvent,
    ChainHead,
    ChainLink,
    DocumentFile,
    DocumentRecord,
    FieldDecision,
    FieldSubmission,
    GeometryEdit,
    GeometryEditRow,
    Meeting,
    Patrol,
    Photograph,
    PhotographOriginal,
    Posting,
    Resolution,
    Visit,
)
from gis.problems import InputError, Problem, Said
from layers.models import Base, Community

CHAINED: tuple[type[Base], ...] = (
    CaseEvent,
    AreaEntry,
    Visit,
    DocumentRecord,
    DocumentFile,
    Meeting,
    Attendance,
    Resolution,
    Announcement,
    Posting,
    Patrol,
    Photograph,
    FieldSubmission,
    FieldDecision,
    PhotographOriginal,
    GeometryEdit,
    GeometryEditRow,
)
_EPOCH: ColumnElement[dt.date] = literal_column("DATE '1970-01-01'")


@dataclass(frozen=True)
class Head:
    """The end of a chain: how many rows it has, and the hash of the last in hexadecimal.

    Written ``entries:hash``, to be noted outside.
    """

    entries: int
    hash: str

    def __str__(self) -> str:
        """Return the form in which a head is noted."""
        return f"{self.entries}:{self.hash}"


@dataclass(frozen=True)
class Fault:
    """A row that is not what was recorded: where, by which key, and what is wrong."""

    relation: str
    key: str
    what: str

    def __str__(self) -> str:
        """Return the fault as a sentence."""
        return f"Row {self.key} of {self.relation} {self.what}."


@dataclass(frozen=True)
class _Link:
    """A link with the digest of the row that it names, ``None`` where there is no such row."""

    number: int
    relation: str
    key: str
    hash: bytes
    digest: bytes | None


def head(session: Session, community: Community) -> Head:
    """Return the head of a community's chain; one without history has 0 entries."""
    stored = session.get(ChainHead, community.id, populate_existing=True)
    return Head(stored.entries, stored.hash.hex()) if stored else Head(0, "")


def parse_head(noted: str) -> Head:
    """Return a head as it was noted; raises ``InputError``."""
    entries, _colon, digest = noted.strip().partition(":")
    if entries.isdecimal() and re.fullmatch(r"[0-9a-f]{64}", digest):
        return Head(int(entries), digest)
    remedy = "Copy it as 'commongreen check' printed it, such as 12:3f6c..."
    raise InputError(
        [
            Problem(
                "head", Said("{noted!r} is no head of a chain.", noted=noted), remedy, field="noted"
            )
        ]
    )


def ready_head(session: Session) -> tuple[Head, int]:
    """Return one head over all chains, and how many chains do not end where they should."""
    ends = (
        select(ChainLink.hash)
        .where(
            ChainLink.community_id == ChainHead.community_id, ChainLink.number == ChainHead.entries
        )
        .scalar_subquery()
    )
    rows = session.execute(
        select(ChainHead.entries, ChainHead.hash, ends == ChainHead.hash).order_by(
            ChainHead.community_id
        )
    ).all()
    whole = hashlib.sha256(b"".join(row.hash for row in rows)).hexdigest()
    return Head(sum(row.entries for row in rows), whole), sum(not row[2] for row in rows)


def first_fault(session: Session, community: Community, noted: Head | None = None) -> Fault | None:
    """Return the first row of a community's history that was tampered with, if any.

    First are the rows in the order in which they were chained, then the end of the
    chain, then rows that were never chained. ``noted`` is a head that somebody wrote
    down earlier: the chain must still pass through it.
    """
    links, unchained = _read(session, community)
    at_the_end = head(session, community)
    for found in (
        *_broken(links, at_the_end),
        *_cut_off(links, at_the_end),
        *_inserted(unchained),
        *_rewritten(links, noted),
    ):
        return found
    return None


def _broken(links: Sequence[_Link], at_the_end: Head) -> Iterator[Fault]:
    """Yield each link that does not follow from the one before it and its row."""
    before = b""
    for place, link in enumerate(links):
        if link.number != place + 1:
            yield Fault("chain", str(place + 1), "is missing")
            return
        if link.digest is None:
            yield Fault(link.relation, link.key, "is missing")
        elif hashlib.sha256(before + link.digest).digest() != link.hash:
            yield _named(links, place, before, at_the_end)
        before = link.hash


def _named(links: Sequence[_Link], place: int, before: bytes, at_the_end: Head) -> Fault:
    """Tell whether the row, its hash or its place in the chain is wrong.

    Where what comes after still follows from the row, its hash was changed, not the row.
    """
    link, digest = links[place], links[place].digest
    assert digest is not None
    follows = {hashlib.sha256(other.hash + digest).digest() for other in links}
    if link.hash in follows | {hashlib.sha256(digest).digest()}:
        return Fault(link.relation, link.key, "is not where it was chained: reordered")
    computed = hashlib.sha256(before + digest).digest()
    if place + 1 == len(links):
        is_sound = computed.hex() == at_the_end.hash
    else:
        after = links[place + 1]
        is_sound = hashlib.sha256(computed + (after.digest or b"")).digest() == after.hash
    named = ("chain", str(link.number)) if is_sound else (link.relation, link.key)
    return Fault(*named, "is changed")


def _cut_off(links: Sequence[_Link], at_the_end: Head) -> Iterator[Fault]:
    last = Head(len(links), links[-1].hash.hex()) if links else Head(0, "")
    if last.entries < at_the_end.entries:
        yield Fault("chain", str(last.entries + 1), "is missing")
    elif last != at_the_end:
        yield Fault("chain_head", str(at_the_end.entries), "is not the end of the chain")


def _inserted(unchained: Sequence[tuple[str, str]]) -> Iterator[Fault]:
    for relation, key in unchained:
        yield Fault(relation, key, "is inserted: no link of the chain names it")


def _rewritten(links: Sequence[_Link], noted: Head | None) -> Iterator[Fault]:
    if noted is None or noted.entries == 0:
        return
    if noted.entries > len(links):
        yield Fault("chain", str(len(links) + 1), f"is missing; {noted.entries} were noted")
    elif links[noted.entries - 1].hash.hex() != noted.hash:
        yield Fault("chain", str(noted.entries), "is not the one noted: rewritten up to there")


def _read(session: Session, community: Community) -> tuple[list[_Link], Sequence[tuple[str, str]]]:
    """Read the chain with the digests of its rows, and the rows that are not in it.

    One statement, so that what is appended meanwhile is seen whole or not at all.
    """
    rows = union_all(*(_digests(model, community.id) for model in CHAINED)).subquery()
    ours = select(ChainLink).where(ChainLink.community_id == community.id).subquery()
    both = select(
        ours.c.number, ours.c.relation, ours.c.key, ours.c.hash, rows.c.relation.label("of"),
        rows.c.key.label("row"), rows.c.digest,
    ).select_from(
        ours.join(
            rows, and_(ours.c.relation == rows.c.relation, ours.c.key == rows.c.key), full=True
        )
    ).order_by(ours.c.number, rows.c.relation, func.length(rows.c.key), rows.c.key)  # fmt: skip
    links, unchained = [], []
    for number, relation, key, hashed, of, row, digest in session.execute(both):
        if number is None:
            unchained.append((of, row))
        else:
            links.append(_Link(number, relation, key, hashed, digest))
    return links, unchained


def _digests(model: type[Base], community_id: int) -> Select[tuple[str, str, bytes]]:
    """Select relation, key and digest of the rows of a table."""
    table = model.__table__
    assert isinstance(table, Table)
    name = literal(table.name, Text, literal_execute=True)
    key = [cast(column, Text) for column in table.primary_key if column.name != "community_id"]
    written = [
        literal(f"{column.name}=", Text, literal_execute=True).concat(_written(column))
        for column in sorted(table.columns, key=lambda column: column.name)
    ]
    whole = func.concat_ws(",", name, *written)
    return select(
        name.label("relation"),
        func.concat_ws(",", *key).label("key"),
        func.sha256(func.convert_to(whole, "UTF8")).label("digest"),
    ).where(table.c.community_id == community_id)


def _written(column: ColumnElement[object]) -> ColumnElement[str]:
    """Return a value as the text that is hashed, whatever the session's settings are."""
    match column.type:
        case Geometry() | Integer() | Uuid():
            return cast(column, Text)
        case Date():
            return cast(column.op("-")(_EPOCH), Text)
        case DateTime():
            return cast(func.extract("epoch", column), Text)
        case Double():
            return func.encode(func.float8send(column), "hex")
        case LargeBinary():
            return func.encode(func.sha256(column), "hex")
    return func.quote_literal(cast(column, Text))
