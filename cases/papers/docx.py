"""A paper as docx, to be edited and signed in an office."""

import io
from collections.abc import Sequence
from functools import singledispatch
from typing import Any

from docx import Document as new_document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

from cases.papers.blocks import Facts, Plan, Sheet, Signatures, Table, Text
from cases.papers.drawing import draw_plan

FONT, EAST_ASIAN_FONT = "Noto Serif", "Noto Serif CJK SC"


def write_docx(sheet: Sheet) -> bytes:
    """Return the docx of a paper."""
    paper = new_document()
    _set_up(paper)
    title = paper.add_paragraph()
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    run = title.add_run(_printable(sheet.title))
    run.bold, run.font.size = True, Pt(20)
    number = paper.add_paragraph(_printable(sheet.number))
    number.alignment = WD_ALIGN_PARAGRAPH.CENTER
    for block in sheet.blocks:
        _add(block, paper)
    out = io.BytesIO()
    paper.save(out)
    return out.getvalue()


def _set_up(paper: Any) -> None:
    section = paper.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.2)
    section.top_margin = section.bottom_margin = Cm(2.4)
    style = paper.styles["Normal"]
    style.font.name, style.font.size = FONT, Pt(11)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), EAST_ASIAN_FONT)
    footer = section.footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), "PAGE")
    footer._p.append(field)


def _printable(text: str) -> str:
    """Leave out what XML cannot hold; PostgreSQL keeps some of it."""
    return "".join(c for c in text if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff"))


@singledispatch
def _add(block: object, paper: Any) -> None:
    raise TypeError(f"no paper has {type(block).__name__}")


@_add.register
def _(block: Text, paper: Any) -> None:
    run = paper.add_paragraph().add_run(_printable(block.words))
    run.bold = block.is_heading


@_add.register
def _(block: Facts, paper: Any) -> None:
    if block.rows:
        _fill(paper, block.rows, frozenset())


@_add.register
def _(block: Table, paper: Any) -> None:
    table = _fill(paper, [block.head, *block.rows], block.numbers)
    for cell in table.rows[0].cells:
        for run in cell.paragraphs[0].runs:
            run.bold = True


@_add.register
def _(block: Plan, paper: Any) -> None:
    widest, tallest = 16.6, 11.0
    width = min(widest, tallest * block.size[0] / block.size[1])
    picture = paper.add_paragraph()
    picture.alignment = WD_ALIGN_PARAGRAPH.CENTER
    picture.add_run().add_picture(io.BytesIO(draw_plan(block)), width=Cm(width))
    paper.add_paragraph().add_run(_printable(block.note)).font.size = Pt(9)


@_add.register
def _(block: Signatures, paper: Any) -> None:
    paper.add_paragraph()
    rows = [[f"{label}：" for label in block.labels], [f"{block.date}：" for _ in block.labels]]
    table = paper.add_table(rows=2, cols=len(block.labels))
    for line, row in zip(table.rows, rows, strict=True):
        for cell, words in zip(line.cells, row, strict=True):
            cell.text = _printable(words)


def _fill(paper: Any, rows: Sequence[Sequence[str]], numbers: frozenset[int]) -> Any:
    table = paper.add_table(rows=len(rows), cols=len(rows[0]))
    table.style, table.alignment = "Table Grid", WD_TABLE_ALIGNMENT.CENTER
    for line, row in zip(table.rows, rows, strict=True):
        for place, (cell, words) in enumerate(zip(line.cells, row, strict=True)):
            cell.text = _printable(words)
            if place in numbers:
                cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.RIGHT
    paper.add_paragraph()
    return table
