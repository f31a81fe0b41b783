"""The parts of a shapefile that GDAL trusts: their sizes, their counts and their encoding.

GDAL reads a shapefile whose .shp was cut in half and gives the lost half as
rows without geometry, reads one without its .dbf and gives rows without
attributes, and takes text of an undeclared encoding for Latin-1; in none of
these cases does it complain (measured with GDAL 3.12).
"""

import codecs
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gis.problems import InputError, Problem

ASKED_ENCODINGS = ("GBK", "UTF-8", "Big5", "windows-1252")
"""What a preview tries where a table does not say how its text is written."""

# The language driver byte of a .dbf header (dBase, Visual FoxPro). 0x57 means
# "whatever the computer used", which in China was GBK: it declares nothing.
_CODE_PAGES = {
    0x01: "cp437", 0x02: "cp850", 0x03: "cp1252", 0x13: "cp932", 0x4D: "gbk", 0x4E: "cp949",
    0x4F: "cp950", 0x50: "cp874", 0x58: "cp1252", 0x59: "cp1252", 0x64: "cp852", 0x65: "cp866",
    0x78: "cp950", 0x79: "cp949", 0x7A: "gbk", 0x7B: "cp932", 0x7C: "cp874", 0xC8: "cp1250",
    0xC9: "cp1251", 0xCA: "cp1254", 0xCB: "cp1253", 0xCC: "cp1257",
}  # fmt: skip
_CPG_NAMES = {"big-5": "big5", "oem": "cp437", "ansi 936": "gbk", "ansi 1252": "cp1252"}
_HEADER_END = 0x0D
_DELETED = ord("*")
_SHAPE_MAGIC = 9994
_SAMPLES = 3


@dataclass(frozen=True)
class TableFacts:
    """What a .dbf says of itself; ``encoding`` is a name that GDAL and Python know."""

    encoding: str
    rows: int
    deleted: int
    cut: int


@dataclass(frozen=True)
class _Column:
    name: bytes
    is_text: bool
    start: int
    width: int


@dataclass(frozen=True)
class _Table:
    """The bytes of a .dbf: ``records`` has shape (rows, width of a record)."""

    path: Path
    language: int
    columns: tuple[_Column, ...]
    records: NDArray[np.uint8]
    announced: int


def check_shapefile(path: Path, encoding: str | None) -> TableFacts:
    """Check the parts of the shapefile at ``path`` and decide how its text is read.

    Raises ``InputError`` for missing, cut and contradicting parts, for text
    whose encoding nobody declared, with a preview of what it could be, and for
    text that is not in the encoding declared in the .cpg, in the header or by
    ``encoding``.
    """
    parts = {one.suffix.lower(): one for one in path.parent.iterdir() if one.stem == path.stem}
    missing = [part for part in (".shx", ".dbf") if part not in parts]
    if missing:
        text = f"{path.name} comes without its {' and '.join(missing)}, which belong to it."
        raise InputError(
            [Problem("shapefile_part_missing", text, "Deliver them together, zipped.")]
        )
    table = _read_table(parts[".dbf"])
    _check_sizes(path, parts[".shx"], table)
    return _facts(table, parts.get(".cpg"), encoding)


def check_table(path: Path, encoding: str | None) -> TableFacts:
    """Check a .dbf that stands alone; raises like :func:`check_shapefile`."""
    cpg = next((one for one in path.parent.glob(path.stem + ".[cC][pP][gG]")), None)
    return _facts(_read_table(path), cpg, encoding)


def known_encoding(name: str) -> str:
    """Return the name under which Python and GDAL both know an encoding.

    Raises ``InputError`` where there is none of that name.
    """
    cleaned = name.strip().lower()
    cleaned = _CPG_NAMES.get(cleaned, f"cp{cleaned}" if cleaned.isdecimal() else cleaned)
    cleaned = {"cp936": "gbk", "cp65001": "utf-8"}.get(cleaned, cleaned)
    try:
        found = codecs.lookup(cleaned)
        found.decode(b"")
    except (LookupError, TypeError, ValueError) as error:
        text = f"{name!r} is not a text encoding."
        remedy = "Name one such as GBK, GB18030, UTF-8 or Big5 with --encoding."
        raise InputError([Problem("encoding_unknown", text, remedy)]) from error
    return found.name.replace("iso8859", "iso-8859").upper()


def preview(samples: list[bytes]) -> str:
    """Return what text of unknown encoding would read as, one phrase per encoding."""
    phrases = []
    for encoding in ASKED_ENCODINGS:
        try:
            shown = "、".join(sample.decode(encoding).strip("\0 ") for sample in samples)
        except UnicodeDecodeError:
            shown = "impossible"
        phrases.append(f"{encoding}: {shown}")
    return "; ".join(phrases)


def _check_sizes(shape: Path, index: Path, table: _Table) -> None:
    problems = []
    with shape.open("rb") as content:
        head = content.read(28)
    size = shape.stat().st_size
    if len(head) < 28 or struct.unpack(">i", head[:4])[0] != _SHAPE_MAGIC:
        problems.append(_broken(f"{shape.name} is not a shapefile."))
    elif (stated := 2 * struct.unpack(">i", head[24:28])[0]) > size:
        problems.append(_broken(f"{shape.name} is cut: {size:,} of {stated:,} bytes are there."))
    shapes = (index.stat().st_size - 100) // 8
    if shapes != table.announced:
        text = f"{index.name} counts {shapes:,} shapes, {table.path.name} {table.announced:,} rows."
        problems.append(_broken(text))
    if len(table.records) < table.announced:
        found = f"{len(table.records):,} of {table.announced:,} rows are there"
        problems.append(_broken(f"{table.path.name} is cut: {found}."))
    if problems:
        raise InputError(problems)


def _broken(text: str) -> Problem:
    return Problem("shapefile_broken", text, "Save it again from the source, and copy all parts.")


def _read_table(path: Path) -> _Table:
    content = path.read_bytes()
    if len(content) < 33:
        raise InputError([_broken(f"{path.name} is cut: {len(content)} bytes are there.")])
    rows, start, width = struct.unpack("<IHH", content[4:12])
    columns = tuple(_columns(content[:start]))
    if not columns or width < 1 or width < max(one.start + one.width for one in columns):
        raise InputError([_broken(f"{path.name} is not a table of dBase.")])
    whole = min(rows, max(0, len(content) - start) // width)
    body = np.frombuffer(content, np.uint8)[start : start + whole * width]
    records = body.reshape(whole, width)
    return _Table(path, content[29], columns, records, rows)


def _columns(header: bytes) -> Iterator[_Column]:
    """Give the columns of a header; the first byte of a record is its deletion mark."""
    start = 1
    for at in range(32, len(header) - 1, 32):
        if header[at] == _HEADER_END or len(header) < at + 32:
            return
        is_text = header[at + 11 : at + 12] == b"C"
        width = header[at + 16] + (256 * header[at + 17] if is_text else 0)
        yield _Column(header[at : at + 11].split(b"\0")[0], is_text, start, width)
        start += width


def _facts(table: _Table, cpg: Path | None, encoding: str | None) -> TableFacts:
    deleted = int((table.records[:, 0] == _DELETED).sum())
    texts = _foreign_texts(table)
    declared, by_whom = _declared(table, cpg, encoding)
    if declared is None:
        if texts:
            raise InputError([_ask(table, list(texts))])
        return TableFacts("UTF-8", len(table.records), deleted, 0)
    cut = _check_decodable(table, texts, declared, by_whom)
    return TableFacts(declared, len(table.records), deleted, cut)


def _declared(table: _Table, cpg: Path | None, encoding: str | None) -> tuple[str | None, str]:
    """Return the encoding that somebody declared, and who."""
    if encoding is not None:
        return known_encoding(encoding), "--encoding"
    said = cpg.read_bytes()[:100].decode("ascii", "replace").strip() if cpg else ""
    if said:
        return known_encoding(said), f"{cpg.name if cpg else ''} ({said})"
    if table.language in _CODE_PAGES:
        page = known_encoding(_CODE_PAGES[table.language])
        return page, f"the header of {table.path.name} ({page})"
    return None, ""


def _foreign_texts(table: _Table) -> dict[bytes, tuple[int, str, int]]:
    """Return all different texts that are not ASCII, with row, column and room of the first."""
    texts: dict[bytes, tuple[int, str, int]] = {}
    for column in table.columns:
        if not column.name.isascii():
            texts.setdefault(column.name, (0, "", 10))
        if not column.is_text:
            continue
        block = table.records[:, column.start : column.start + column.width]
        name = column.name.decode("ascii", "replace")
        for row in np.flatnonzero((block >= 0x80).any(axis=1)).tolist():
            text = block[row].tobytes().rstrip(b" \0")
            texts.setdefault(text, (row + 1, name, column.width))
    return texts


def _ask(table: _Table, texts: list[bytes]) -> Problem:
    names = [column.name for column in table.columns if not column.name.isascii()]
    samples = [*names[:1], *[text for text in texts if text not in names]][:_SAMPLES]
    text = (
        f"{table.path.name} holds text that is not ASCII and does not say in which encoding "
        f"(no .cpg, no code page). It would read as {preview(samples)}."
    )
    remedy = "Choose the legible one, for example --encoding GBK."
    return Problem("encoding_undeclared", text, remedy)


def _check_decodable(
    table: _Table, texts: dict[bytes, tuple[int, str, int]], encoding: str, by_whom: str
) -> int:
    """Return how many texts end in half a character, cut by the width of their column."""
    cut = 0
    for text, (row, column, room) in texts.items():
        try:
            text.decode(encoding)
        except UnicodeDecodeError as error:
            if len(text) == room and error.start >= room - 3 and error.start > 0:
                cut += 1
                continue
            message = (
                f"The text is not {encoding}, the encoding by {by_whom}. "
                f"It would read as {preview([text])}."
            )
            remedy = "Choose the legible one, for example --encoding GBK."
            raise InputError(
                [Problem("encoding_wrong", message, remedy, row or None, column or None)]
            ) from error
    return cut
