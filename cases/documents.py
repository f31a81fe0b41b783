"""Papers and their numbers: per community and year without gaps (DOMAIN, product rule 22)."""

import datetime as dt
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from cases.models import Case, DocumentRecord
from cases.workflow import Document
from gis.problems import InputError, Problem
from layers.models import Community
from layers.places import lock_community

LONGEST_TITLE = 200
# A number as :func:`number_of` writes it. What reads otherwise is a paper from outside.
NUMBER = re.compile(r"(\d{4})-(\d{3,9})(?: v(\d{1,4}))?", re.ASCII)

_newer = aliased(DocumentRecord)
# A paper is listed in its latest version.
NEWER_IS_THERE = (
    select(_newer.id)
    .where(
        _newer.community_id == DocumentRecord.community_id,
        _newer.year == DocumentRecord.year,
        _newer.number == DocumentRecord.number,
        _newer.version > DocumentRecord.version,
    )
    .exists()
)


@dataclass(frozen=True)
class Paper:
    """What is to be issued: ``data`` is everything that the paper says, as JSON."""

    kind: Document
    title: str
    issued_on: dt.date
    issued_by: str
    data: dict[str, Any] = field(default_factory=dict)
    case_id: uuid.UUID | None = None
    campaign_id: uuid.UUID | None = None


def issue(session: Session, community: Community, paper: Paper) -> DocumentRecord:
    """Give a paper the next number of its year and store what it says.

    The community stays locked until the transaction ends, so that a number that is
    taken back with its transaction is the next one's. The caller commits. Raises
    ``InputError`` for a title that is missing or too long.
    """
    lock_community(session, community.id)
    _check(paper)
    year = paper.issued_on.year
    last = session.scalar(
        select(func.max(DocumentRecord.number)).where(
            DocumentRecord.community_id == community.id, DocumentRecord.year == year
        )
    )
    return _store(session, community, paper, (year, (last or 0) + 1, 1))


def correct(
    session: Session, community: Community, record: DocumentRecord, paper: Paper
) -> DocumentRecord:
    """Issue a paper again under its number, in the next version; the earlier one stays.

    Raises ``InputError`` where ``record`` is not the latest version, or is another kind.
    """
    lock_community(session, community.id)
    _check(paper)
    if record.kind is not paper.kind or latest(session, record) is not record:
        message = f"{number_of(record)} has been corrected since, or is another paper."
        remedy = "Open the latest version and correct that."
        raise InputError([Problem("document_stale", message, remedy, field="document")])
    place = (record.year, record.number, record.version + 1)
    return _store(session, community, paper, place)


def number_of(record: DocumentRecord) -> str:
    """Return what people call a paper: its year and number, and its version after a correction."""
    version = f" v{record.version}" if record.version > 1 else ""
    return f"{record.year}-{record.number:03d}{version}"


def wrong_paper(
    session: Session, case: Case, number: str, kind: Document, field: str
) -> list[Problem]:
    """Return why ``number`` is not the paper of a case: one of ours must exist and be of it.

    A number that is not written as ours are is of a paper from outside, and taken as it is.
    """
    read = NUMBER.fullmatch(number.strip())
    if read is None:
        return []
    year, place, version = (int(part or 1) for part in read.groups())
    record = session.scalars(
        select(DocumentRecord).where(
            DocumentRecord.community_id == case.community_id,
            DocumentRecord.year == year,
            DocumentRecord.number == place,
            DocumentRecord.version == version,
        )
    ).first()
    if record is not None and record.kind is kind and record.case_id in {None, case.id}:
        return []
    what = "is not here" if record is None else f"is the {record.kind} of something else"
    message = f"The move rests on the {kind} of this case; {number.strip()} {what}."
    remedy = "Leave the number out to issue the paper, or give the number of the right one."
    return [Problem("wrong_document", message, remedy, field=field)]


def latest(session: Session, record: DocumentRecord) -> DocumentRecord:
    """Return the latest version of a paper."""
    return session.scalars(
        select(DocumentRecord)
        .where(
            DocumentRecord.community_id == record.community_id,
            DocumentRecord.year == record.year,
            DocumentRecord.number == record.number,
        )
        .order_by(DocumentRecord.version.desc())
        .limit(1)
    ).one()


def papers(
    session: Session,
    community: Community,
    *,
    case_id: uuid.UUID | None = None,
    campaign_id: uuid.UUID | None = None,
) -> Sequence[DocumentRecord]:
    """Return the latest version of each paper of a case, or of a campaign and none of its cases.

    The newest comes first.
    """
    wanted = select(DocumentRecord).where(
        DocumentRecord.community_id == community.id,
        ~NEWER_IS_THERE,
        DocumentRecord.case_id == case_id,
    )
    if campaign_id is not None:
        wanted = wanted.where(DocumentRecord.campaign_id == campaign_id)
    order = (DocumentRecord.year.desc(), DocumentRecord.number.desc())
    return session.scalars(wanted.order_by(*order)).all()


def _check(paper: Paper) -> None:
    if not 0 < len(paper.title.strip()) <= LONGEST_TITLE:
        message = f"The title has {len(paper.title.strip())} characters."
        remedy = f"Give 1 to {LONGEST_TITLE}."
        raise InputError([Problem("title", message, remedy, field="title")])


def _store(
    session: Session, community: Community, paper: Paper, place: tuple[int, int, int]
) -> DocumentRecord:
    year, number, version = place
    record = DocumentRecord(
        community_id=community.id,
        id=uuid.uuid4(),
        kind=paper.kind,
        year=year,
        number=number,
        version=version,
        campaign_id=paper.campaign_id,
        case_id=paper.case_id,
        title=paper.title.strip(),
        issued_on=paper.issued_on,
        issued_by=paper.issued_by,
        data=paper.data,
    )
    session.add(record)
    session.flush()
    return record
