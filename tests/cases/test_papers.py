"""Papers as files: every kind, both languages, and no text of a person ever evaluated."""

import datetime as dt
import hashlib
import io
import uuid
from pathlib import Path
from typing import Any

import pytest
from docx import Document as open_docx
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from cases.announcements import Notice, announce
from cases.campaigns import add_body
from cases.documents import Paper, issue
from cases.models import BodyKind, Campaign, DocumentFile, DocumentRecord
from cases.papers.docx import write_docx
from cases.papers.files import check_format, keep_file, kept_file, write_file
from cases.papers.layout import lay_out
from cases.papers.pdf import OutsideAddress, as_html, write_pdf
from cases.papers.words import LANGUAGES, TITLES, say
from cases.signing import Signature
from cases.workflow import Document, State
from gis.problems import InputError
from tests.cases.conftest import Scene

HOSTILE = "{{7*7}}</td><script>alert(1)</script><img src='http://example.org/x.png'>\x0b"
DATA: dict[str, Any] = {
    "community": HOSTILE,
    "case": "WH-2022-0007",
    "household": HOSTILE,
    "building": "12",
    "campaign": HOSTILE,
    "survey_crs": "EPSG:4550",
    "parcels": [{"ref": HOSTILE, "m2": 48.53, "uncertainty_m2": 0.92, "structure": "fence"}],
    "m2": 48.53,
    "deadline_on": "2022-05-10",
    "standard_version": HOSTILE,
    "objection_route": HOSTILE,
    "reason": HOSTILE,
    "wording": HOSTILE,
    "issuer": HOSTILE,
    "authority": HOSTILE,
    "upkeep_months": 12,
    "inventory": [{"what": HOSTILE, "count": 12, "condition": HOSTILE}],
    "inspected": {"on": "2022-05-08", "by": HOSTILE},
    "map": {"size": [50, 40], "buildings": [[[1, 1], [9, 1], [9, 9]]], "parcels": []},
    "held_on": "2022-03-10",
    "place": HOSTILE,
    "agenda": HOSTILE,
    "minutes": HOSTILE,
    "attendance": [{"body": HOSTILE, "people": 5}],
    "resolutions": [{"wording": HOSTILE, "for": 11, "against": 0, "abstained": 1}],
}


def record(kind: Document, version: int = 1) -> DocumentRecord:
    return DocumentRecord(
        community_id=1,
        id=uuid.uuid4(),
        kind=kind,
        year=2022,
        number=7,
        version=version,
        title="x",
        issued_on=dt.date(2022, 4, 11),
        issued_by=HOSTILE,
        data=DATA,
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(Document))
def test_every_kind_says_all_as_text(kind: Document, language: str) -> None:
    sheet = lay_out(record(kind), language)
    page = as_html(sheet)
    assert "<script>" not in page
    assert "<img" not in page
    assert "{{7*7}}&lt;/td&gt;" in page
    assert ">49" not in page
    words = "\n".join(one.text for one in open_docx(io.BytesIO(write_docx(sheet))).paragraphs)
    assert say(TITLES[kind], language) in words
    assert sheet.number in words


def test_a_docx_keeps_what_was_written_but_what_xml_cannot_hold() -> None:
    paper = open_docx(io.BytesIO(write_docx(lay_out(record(Document.ASSISTANCE_CONSENT), "en"))))
    cells = {cell.text for table in paper.tables for row in table.rows for cell in row.cells}
    assert HOSTILE.replace("\x0b", "") in cells


def test_a_pdf_is_made_without_asking_anybody(tmp_path: Path) -> None:
    path = tmp_path / "paper.pdf"
    path.write_bytes(write_pdf(lay_out(record(Document.ANNOUNCEMENT), "zh_Hans")))
    assert path.read_bytes().startswith(b"%PDF-")
    fetcher = pytest.raises(OutsideAddress)
    from cases.papers import pdf

    with fetcher:
        pdf._refuse("http://example.org/x.png")


def test_numbers_are_written_as_offices_write_them() -> None:
    assert lay_out(record(Document.MINUTES), "zh_Hans").number == "〔2022〕第 7 号"
    assert lay_out(record(Document.MINUTES, 2), "en").number == "No. 2022-007, version 2"


def test_a_file_is_made_once_and_kept_with_its_hash(scene: Scene) -> None:
    day = dt.date(2022, 4, 11)
    paper = Paper(Document.MINUTES, "Minutes", day, "bo", DATA)
    made = issue(scene.session, scene.community, paper)
    wanted = (made, "zh_Hans", "docx")
    assert kept_file(scene.session, *wanted) is None
    first = keep_file(scene.session, *wanted, write_file(*wanted))
    # Who made it too, and came second, gets what the first one has kept.
    assert keep_file(scene.session, *wanted, b"made otherwise") == first
    assert kept_file(scene.session, *wanted) == first
    assert hashlib.sha256(first.content).digest() == first.sha256
    assert first.name == "2022-001-minutes.docx"
    with pytest.raises(DBAPIError, match="permission denied"), scene.session.begin_nested():
        scene.session.execute(DocumentFile.__table__.delete())  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="no exe"):
        check_format("en", "exe")


def test_an_announcement_has_a_map_of_its_ground_without_names(scene: Scene) -> None:
    scene.observe("O1", 2, 1, 4, 5)
    scene.flag()
    (case,) = scene.cases()
    scene.move(case, State.VERIFIED)
    by = Signature("bo@example.org", scene.tick())
    who = add_body(scene.session, scene.community, "B", BodyKind.OTHER, "Office", by).id
    run = scene.session.scalars(
        select(Campaign).where(Campaign.community_id == scene.community.id)
    ).one()
    notice = Notice(who, "2022-1", "the office", "Clear it.", [case.id])
    made = announce(scene.session, scene.community, run, notice, by)
    data = scene.session.get_one(DocumentRecord, (scene.community.id, made.document_id)).data
    assert len(data["map"]["parcels"]) == 1
    ring = data["map"]["parcels"][0]
    assert sorted({abs(x - ring[0][0]) for x, _y in ring}) == pytest.approx([0, 10], abs=0.15)
    assert "H0" not in str(data)
