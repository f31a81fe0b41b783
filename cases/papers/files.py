"""The file of a paper, made at the first time that somebody asks, kept with its hash."""

import hashlib
from dataclasses import dataclass

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from cases.documents import number_of
from cases.models import DocumentFile, DocumentRecord
from cases.papers.docx import write_docx
from cases.papers.layout import lay_out
from cases.papers.pdf import write_pdf
from cases.papers.words import LANGUAGES
from gis.problems import InputError, Problem

WRITERS = {"pdf": write_pdf, "docx": write_docx}
MEDIA_TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


@dataclass(frozen=True)
class PaperFile:
    """A paper to be downloaded."""

    name: str
    media_type: str
    content: bytes
    sha256: bytes


def check_format(language: str, format: str) -> None:
    """Raise ``InputError`` for a language or format in which there is no paper."""
    if language in LANGUAGES and format in WRITERS:
        return
    message = f"There is no {format} in {language}."
    remedy = f"Choose {' or '.join(WRITERS)} in {' or '.join(LANGUAGES)}."
    raise InputError([Problem("document_format", message, remedy)])


def kept_file(
    session: Session, record: DocumentRecord, language: str, format: str
) -> PaperFile | None:
    """Return the file of a paper, ``None`` where nobody has asked for it yet."""
    kept = session.get(DocumentFile, (record.community_id, record.id, language, format))
    if kept is None:
        return None
    name = f"{number_of(record).replace(' ', '-')}-{record.kind}.{format}"
    return PaperFile(name, MEDIA_TYPES[format], bytes(kept.content), bytes(kept.sha256))


def write_file(record: DocumentRecord, language: str, format: str) -> bytes:
    """Return a paper as a file; it takes its time, and needs the record alone."""
    return WRITERS[format](lay_out(record, language))


def keep_file(
    session: Session, record: DocumentRecord, language: str, format: str, content: bytes
) -> PaperFile:
    """Keep a file that was made, and return the one that is kept; the caller commits.

    Of two who ask first at once, both get what the first has stored.
    """
    session.execute(
        insert(DocumentFile)
        .values(
            community_id=record.community_id,
            document_id=record.id,
            language=language,
            format=format,
            sha256=hashlib.sha256(content).digest(),
            content=content,
        )
        .on_conflict_do_nothing()
    )
    kept = kept_file(session, record, language, format)
    assert kept is not None
    return kept
