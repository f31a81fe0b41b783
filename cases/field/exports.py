"""The ZIP that a phone exports as a last resort, read without trusting a byte of it.

Everything is looked at before anything is written: names, sizes as they come out (never as
they are declared), the manifest, every draft and every photograph's hash.
"""

import hashlib
import io
import json
import lzma
import re
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from cases.pictures import LARGEST_BYTES
from gis.problems import InputError, Problem, Said

FORMAT = "common-green-field/1"
MOST_ENTRIES = 2_000
LARGEST_JSON = 5_000_000
LARGEST_WHOLE = 1_000_000_000
LARGEST_FILE = 300 * 1024 * 1024
# What a phone keeps below, so that the office takes each of its files: packed it is no larger.
LIMITS = {
    "file": min(LARGEST_FILE, LARGEST_WHOLE),
    "entries": MOST_ENTRIES,
    "photograph": LARGEST_BYTES,
}
MANIFEST = "manifest.json"
# What its inspector has put aside is not to be sent, and was taken up under another identifier.
ASIDE = "aside"
_ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DRAFT = re.compile(f"drafts/({_ID})\\.json")
_PICTURE = re.compile(f"photographs/({_ID})(\\.original)?\\.(?:jpg|png|webp)")
_PICTURE_TOLD = re.compile(f"photographs/({_ID})\\.json")
_CHUNK = 1 << 20
# What packed bytes that are none make the reader raise.
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
)
# The record at the end of a ZIP, before a comment of at most 65,535 bytes; its entries at 10.
_END, _END_SIZE = b"PK\x05\x06", 22


@dataclass(frozen=True)
class ExportedDraft:
    """A draft; ``body`` is what its phone would have sent, ``None`` where that is nothing yet."""

    id: uuid.UUID
    body: bytes | None


@dataclass(frozen=True)
class ExportedFile:
    """A file of a photograph in the ZIP: its name there, what comes out, and its hash."""

    name: str
    size: int
    sha256: bytes


@dataclass(frozen=True)
class ExportedPhotograph:
    """A photograph with what its phone noted; ``original`` where that was to be sent too."""

    id: uuid.UUID
    draft: uuid.UUID
    told: dict[str, Any]
    copy: ExportedFile | None
    original: ExportedFile | None


@dataclass
class FieldExport:
    """What a phone exported: whose it is, from where, and everything in it.

    ``part`` is its number and how many there are, where it is one of several.
    """

    account: uuid.UUID
    place: str
    part: tuple[int, int] | None = None
    drafts: list[ExportedDraft] = field(default_factory=list)
    photographs: list[ExportedPhotograph] = field(default_factory=list)


class _Fault(Exception):
    """Something in the file is not as it must be."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.message)


def read_export(file: IO[bytes]) -> FieldExport:
    """Return what a ZIP of a phone holds; raises ``InputError`` that names the entry at fault."""
    try:
        _count_first(file)
        with zipfile.ZipFile(file) as archive:
            return _read(archive)
    except _Fault as fault:
        raise InputError([fault.problem]) from None
    except UNREADABLE as error:
        text = Said("The file is no ZIP that can be read: {error}.", error=str(error)[:120])
        remedy = "Export the drafts on the phone again."
        raise InputError([Problem("export_unreadable", text, remedy, field="file")]) from error


def _count_first(file: IO[bytes]) -> None:
    """Refuse too many entries before their list is read, which takes memory for each."""
    whole = file.seek(0, io.SEEK_END)
    start = file.seek(max(0, whole - _END_SIZE - 65_535))
    tail = file.read()
    file.seek(0)
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + _END_SIZE:
        return  # It is no ZIP, and its reader says so.
    count = int.from_bytes(tail[at + 10 : at + 12], "little")
    listed = start + at - int.from_bytes(tail[at + 16 : at + 20], "little")
    # An entry of the list takes 46 bytes and its name; a list that is longer hides more.
    if count > MOST_ENTRIES or listed > MOST_ENTRIES * 512:
        raise _Fault(_many(max(count, listed // 512)))


def _many(count: int) -> Problem:
    text = Said("The file has {count} entries.", count=count)
    remedy = Said("A phone exports {most} at most.", most=MOST_ENTRIES)
    return Problem("export_large", text, remedy, field="file")


def content_of(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return one entry of a ZIP that :func:`read_export` has read."""
    return b"".join(_chunks(archive, name, LARGEST_BYTES))


def _read(archive: zipfile.ZipFile) -> FieldExport:
    names = _names(archive)
    budget = _Budget(archive)
    export = _manifest(budget.json(MANIFEST), names)
    for name in names:
        if found := _DRAFT.fullmatch(name):
            export.drafts.append(_draft(uuid.UUID(found[1]), budget.json(name), name))
    hashes = {
        (uuid.UUID(found[1]), bool(found[2])): budget.file(name)
        for name in names
        if (found := _PICTURE.fullmatch(name))
    }
    for name in names:
        if found := _PICTURE_TOLD.fullmatch(name):
            key = uuid.UUID(found[1])
            files = hashes.get((key, False)), hashes.get((key, True))
            export.photographs.append(_photograph(key, budget.json(name), files, export, name))
    told = {one.id for one in export.photographs}
    for (key, _is_original), orphan in hashes.items():
        if key not in told:
            raise _wrong(orphan.name, Said("nothing says what it shows"))
    return export


def _names(archive: zipfile.ZipFile) -> list[str]:
    """Return the names of the entries; one that does not belong there stops everything."""
    entries = archive.infolist()
    if len(entries) > MOST_ENTRIES:
        raise _Fault(_many(len(entries)))
    names = [entry.filename for entry in entries]
    for entry in entries:
        if entry.flag_bits & 0x1:
            raise _wrong(entry.filename, Said("it is encrypted"))
        if entry.filename in {"drafts/", "photographs/"}:
            continue
        known = (_DRAFT, _PICTURE, _PICTURE_TOLD)
        if entry.filename != MANIFEST and not any(one.fullmatch(entry.filename) for one in known):
            raise _wrong(entry.filename, Said("a phone exports no file of that name"))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise _wrong(twice, Said("it is there twice"))
    if MANIFEST not in names:
        raise _wrong(MANIFEST, Said("it is missing"))
    return sorted(names)


class _Budget:
    """Entries as they come out, which together may be only so much, whatever was declared."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive, self._left = archive, LARGEST_WHOLE

    def json(self, name: str) -> dict[str, Any]:
        """Return an entry that holds one JSON object."""
        content = b"".join(self._spend(name, LARGEST_JSON))
        try:
            told = json.loads(content)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise _wrong(name, Said("it is no JSON object"))
        return told

    def file(self, name: str) -> ExportedFile:
        """Return an entry with the size and hash of what comes out of it."""
        digest, size = hashlib.sha256(), 0
        for chunk in self._spend(name, LARGEST_BYTES):
            digest.update(chunk)
            size += len(chunk)
        return ExportedFile(name, size, digest.digest())

    def _spend(self, name: str, most: int) -> Iterator[bytes]:
        for chunk in _chunks(self._archive, name, most):
            self._left -= len(chunk)
            if self._left < 0:
                text = "What is packed into the file is too large."
                remedy = "Export fewer drafts at a time."
                raise _Fault(Problem("export_large", text, remedy, field="file"))
            yield chunk


def _chunks(archive: zipfile.ZipFile, name: str, most: int) -> Iterator[bytes]:
    """Yield an entry bit by bit; stops a bomb after ``most`` bytes."""
    size = 0
    with archive.open(name) as entry:
        while chunk := entry.read(_CHUNK):
            size += len(chunk)
            if size > most:
                raise _wrong(name, Said("it holds more than {most} bytes", most=most))
            yield chunk


def _manifest(told: dict[str, Any], names: list[str]) -> FieldExport:
    if told.get("format") != FORMAT:
        raise _wrong(MANIFEST, Said("its format is not {format}", format=FORMAT))
    account, place = _uuid(told.get("account")), told.get("place")
    if account is None or not isinstance(place, str):
        raise _wrong(MANIFEST, Said("it does not say whose it is, and where"))
    listed = told.get("drafts")
    there = {found[1] for name in names if (found := _DRAFT.fullmatch(name))}
    if not isinstance(listed, list) or {str(one) for one in listed} != there:
        raise _wrong(MANIFEST, Said("its drafts are not those that are packed"))
    return FieldExport(account, place, _part(told))


def _part(told: dict[str, Any]) -> tuple[int, int] | None:
    number, parts = told.get("part"), told.get("parts")
    if type(number) is not int or type(parts) is not int:
        return None
    return (number, parts) if 1 <= number <= parts and parts > 1 else None


def _draft(key: uuid.UUID, told: dict[str, Any], name: str) -> ExportedDraft:
    body, noted = told.get("body"), told.get("draft")
    is_aside = isinstance(noted, dict) and noted.get("state") == ASIDE
    if body is None or is_aside:
        return ExportedDraft(key, None)
    if not isinstance(body, str):
        raise _wrong(name, Said("its body is no text"))
    try:
        return ExportedDraft(key, body.encode())
    except UnicodeEncodeError:
        raise _wrong(name, Said("its body is no text")) from None


def _photograph(
    key: uuid.UUID,
    told: dict[str, Any],
    files: tuple[ExportedFile | None, ExportedFile | None],
    export: FieldExport,
    name: str,
) -> ExportedPhotograph:
    draft, (copy, original) = _uuid(told.get("draft")), files
    if draft is None or draft not in {one.id for one in export.drafts}:
        raise _wrong(name, Said("its draft is not packed"))
    for file, said in ((copy, told.get("sha256")), (original, told.get("original_sha256"))):
        if file is not None and file.sha256.hex() != said:
            raise _wrong(file.name, Said("its SHA-256 is not the one that its phone noted"))
    is_chosen = told.get("sends_original") is True
    return ExportedPhotograph(key, draft, told, copy, original if is_chosen else None)


def _uuid(told: object) -> uuid.UUID | None:
    try:
        return uuid.UUID(told) if isinstance(told, str) else None
    except ValueError:
        return None


def _wrong(name: str, why: Said) -> _Fault:
    text = Said("{name} cannot be taken: {why}.", name=name[:80], why=why)
    remedy = "Take the file as the phone made it, or export it again."
    return _Fault(Problem("export_wrong", text, remedy, field="file"))
