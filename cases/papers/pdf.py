"""A paper as PDF: HTML in which every text is escaped, laid out by WeasyPrint without network."""

from collections.abc import Iterator, Sequence
from functools import singledispatch
from typing import Any, NoReturn

from markupsafe import Markup

from cases.decoding import whole_pictures_only
from cases.papers.layout import Facts, Plan, Sheet, Signatures, Table, Text

_STYLE = """
@page { size: A4; margin: 24mm 22mm 22mm;
  @bottom-center { content: PAGE; font-size: 9pt; color: #555; } }
html { font-family: "Noto Serif CJK SC", "Noto Serif", serif; font-size: 11pt; line-height: 1.6; }
h1 { text-align: center; font-size: 20pt; font-weight: 700; margin: 0 0 3mm; }
.number { text-align: center; margin: 0 0 8mm; padding-bottom: 4mm;
  border-bottom: 1.5pt solid #a33; }
h2 { font-size: 12pt; margin: 6mm 0 2mm; break-after: avoid; }
p { margin: 0 0 3mm; white-space: pre-line; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; margin: 0 0 4mm; }
th, td { border: 0.5pt solid #888; padding: 1.2mm 2.5mm; text-align: left; vertical-align: top;
  overflow-wrap: anywhere; }
thead { display: table-header-group; }
thead th { background: #f0f0ec; font-weight: 600; }
.facts th { width: 32%; background: #f7f7f4; font-weight: 500; }
.right { text-align: right; }
tr { break-inside: avoid; }
svg { width: 100%; max-height: 110mm; border: 0.5pt solid #888; }
.note { font-size: 9pt; color: #555; }
.signed { display: flex; gap: 12mm; margin-top: 14mm; break-inside: avoid; }
.signed div { flex: 1; }
.line { border-bottom: 0.7pt solid #333; height: 12mm; margin-bottom: 2mm; }
"""


class OutsideAddress(Exception):
    """A paper names an address; papers are made of their own data alone."""


def write_pdf(sheet: Sheet) -> bytes:
    """Return the PDF of a paper; raises ``OutsideAddress`` where it would fetch anything."""
    # It takes a second to import, and lets Pillow take cut-off pictures for whole.
    with whole_pictures_only():
        from weasyprint import HTML

    document = HTML(string=as_html(sheet), url_fetcher=_refuse)
    return bytes(document.write_pdf())


def as_html(sheet: Sheet) -> str:
    """Return the paper as a page."""
    # Our own words, not a person's, so that they may stand in the style sheet.
    page = sheet.page.replace("{page}", '" counter(page) "')
    page = page.replace("{pages}", '" counter(pages) "')
    parts = Markup("\n").join(_block(block) for block in sheet.blocks)
    return str(
        Markup(
            '<!doctype html><html lang="{}"><head><meta charset="utf-8"><title>{}</title>'
            '<style>{}</style></head><body><h1>{}</h1><p class="number">{}</p>{}</body></html>'
        ).format(
            sheet.language.replace("_", "-"),
            sheet.title,
            Markup(_STYLE.replace("PAGE", f'"{page}"')),
            sheet.title,
            sheet.number,
            parts,
        )
    )


def _refuse(url: str, *_more: Any, **_named: Any) -> NoReturn:
    raise OutsideAddress(url)


@singledispatch
def _block(block: object) -> Markup:
    raise TypeError(f"no paper has {type(block).__name__}")


@_block.register
def _(block: Text) -> Markup:
    return Markup("<h2>{}</h2>" if block.is_heading else "<p>{}</p>").format(block.words)


@_block.register
def _(block: Facts) -> Markup:
    row = Markup('<tr><th scope="row">{}</th><td>{}</td></tr>')
    rows = Markup("").join(row.format(*pair) for pair in block.rows)
    return Markup('<table class="facts">{}</table>').format(rows) if block.rows else Markup("")


@_block.register
def _(block: Table) -> Markup:
    head = Markup("").join(_cells(block.head, block.numbers, "th"))
    rows = Markup("").join(
        Markup("<tr>{}</tr>").format(Markup("").join(_cells(row, block.numbers, "td")))
        for row in block.rows
    )
    return Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(head, rows)


def _cells(row: Sequence[str], numbers: frozenset[int], tag: str) -> Iterator[Markup]:
    for place, cell in enumerate(row):
        side = Markup(' class="right"') if place in numbers else Markup("")
        yield Markup("<{tag}{side}>{cell}</{tag}>").format(tag=Markup(tag), side=side, cell=cell)


@_block.register
def _(block: Plan) -> Markup:
    width, height = block.size
    shapes = Markup("").join(
        Markup('<path d="{}" fill="{}" stroke="{}" stroke-width="{}"/>').format(
            _path(rings, height), fill, stroke, max(width, height) / 800
        )
        for fill, stroke, polygons in (
            ("#e3e0d8", "#8d877a", block.buildings),
            ("#b5541a", "#7a3200", block.parcels),
        )
        for rings in polygons
    )
    drawing = Markup('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}">{}</svg>').format(
        round(width, 1), round(height, 1), shapes
    )
    return drawing + Markup('<p class="note">{}</p>').format(block.note)


def _path(ring: Sequence[Sequence[float]], height: float) -> str:
    """Return a ring as a path whose y runs down, as in SVG."""
    points = " L".join(f"{x:.1f} {height - y:.1f}" for x, y in ring)
    return f"M{points} Z"


@_block.register
def _(block: Signatures) -> Markup:
    line = Markup('<div><div class="line"></div>{}<br>{}</div>')
    lines = Markup("").join(line.format(label, block.date) for label in block.labels)
    return Markup('<div class="signed">{}</div>').format(lines)
