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


def paper_file(session: Session, record: DocumentRecord, language: str, format: str) -> PaperFile:
    """Return a paper's file, the same bytes each time; the caller commits.

    Of two who ask first at once, both get what the first has stored. Raises
    ``InputError`` for a language or format that there is not.
    """
    if language not in LANGUAGES or format not in WRITERS:
        message = f"There is no {format} in {language}."
        remedy = f"Choose {' or '.join(WRITERS)} in {' or '.join(LANGUAGES)}."
        raise InputError([Problem("document_format", message, remedy)])
    key = (record.community_id, record.id, language, format)
    kept = session.get(DocumentFile, key)
    if kept is None:
        content = WRITERS[format](lay_out(record, language))
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
        kept = session.get_one(DocumentFile, key)
    name = f"{number_of(record).replace(' ', '-')}-{record.kind}.{format}"
    return PaperFile(name, MEDIA_TYPES[format], bytes(kept.content), bytes(kept.sha256))
