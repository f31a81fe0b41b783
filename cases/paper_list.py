"""The papers of a community as a list, and one paper with all of its versions."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, or_, select, tuple_
from sqlalchemy.orm import Session

from cases.documents import NEWER_IS_THERE
from cases.models import Case, DocumentFile, DocumentRecord
from cases.workflow import Document
from layers.models import Community


@dataclass(frozen=True)
class PaperFilter:
    """Which papers are listed; ``sees`` are the cases whose papers the reader may see."""

    sees: ColumnElement[bool]
    kinds: frozenset[Document] = frozenset()
    campaign_id: uuid.UUID | None = None
    case_id: uuid.UUID | None = None


@dataclass(frozen=True)
class PaperPage:
    """A page of the list; ``following`` is the year and number that the next one comes after."""

    papers: Sequence[DocumentRecord]
    following: tuple[int, int] | None


def list_papers(
    session: Session,
    community: Community,
    wanted: PaperFilter,
    limit: int,
    after: tuple[int, int] | None = None,
) -> PaperPage:
    """Return the latest version of each paper, the newest first, at most ``limit`` of them."""
    rows = _visible(community, wanted.sees).where(~NEWER_IS_THERE)
    if wanted.kinds:
        rows = rows.where(DocumentRecord.kind.in_(wanted.kinds))
    if wanted.campaign_id is not None:
        rows = rows.where(DocumentRecord.campaign_id == wanted.campaign_id)
    if wanted.case_id is not None:
        rows = rows.where(DocumentRecord.case_id == wanted.case_id)
    if after is not None:
        rows = rows.where(tuple_(DocumentRecord.year, DocumentRecord.number) < tuple_(*after))
    order = (DocumentRecord.year.desc(), DocumentRecord.number.desc())
    found = session.scalars(rows.order_by(*order).limit(limit + 1)).all()
    last = found[limit - 1] if len(found) > limit else None
    return PaperPage(found[:limit], None if last is None else (last.year, last.number))


def find_paper(
    session: Session, community: Community, paper_id: uuid.UUID, sees: ColumnElement[bool]
) -> DocumentRecord | None:
    """Return a paper in any version, ``None`` where there is none that the reader may see."""
    return session.scalar(_visible(community, sees).where(DocumentRecord.id == paper_id))


def versions_of(session: Session, record: DocumentRecord) -> Sequence[DocumentRecord]:
    """Return every version of a paper, the first one first."""
    return session.scalars(
        select(DocumentRecord)
        .where(
            DocumentRecord.community_id == record.community_id,
            DocumentRecord.year == record.year,
            DocumentRecord.number == record.number,
        )
        .order_by(DocumentRecord.version)
    ).all()


def files_of(session: Session, record: DocumentRecord) -> list[tuple[str, str, bytes]]:
    """Return the files that were made of a paper: language, format, SHA-256."""
    rows = session.execute(
        select(DocumentFile.language, DocumentFile.format, DocumentFile.sha256)
        .where(
            DocumentFile.community_id == record.community_id,
            DocumentFile.document_id == record.id,
        )
        .order_by(DocumentFile.language, DocumentFile.format)
    )
    return [(row.language, row.format, bytes(row.sha256)) for row in rows]


def _visible(community: Community, sees: ColumnElement[bool]) -> Select[DocumentRecord]:
    """Select the papers of a community that belong to no case, or to one that is seen."""
    seen = select(Case.id).where(Case.community_id == community.id, sees)
    return select(DocumentRecord).where(
        DocumentRecord.community_id == community.id,
        or_(DocumentRecord.case_id.is_(None), DocumentRecord.case_id.in_(seen)),
    )
