"""The files of photographs, beside the database: each under its SHA-256, written to stay.

``ab/cdef...`` is a photograph as it came; ``ab/cdef....small.jpg`` and ``.large.jpg`` are its
copies. A file is never changed, and a row names it only once it is on the disk.
"""

import hashlib
import os
import re
import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from cases.pictures import Picture, Size

ORIGINAL = re.compile(r"[0-9a-f]{62}")
PARTIAL = ".partial"


@dataclass(frozen=True)
class PhotographFiles:
    """The folder of all photographs of an installation."""

    folder: Path

    def original(self, sha256: bytes) -> Path:
        """Return where a photograph lies as it came."""
        name = sha256.hex()
        return self.folder / name[:2] / name[2:]

    def copy(self, sha256: bytes, size: Size) -> Path:
        """Return where a copy lies."""
        original = self.original(sha256)
        return original.with_name(f"{original.name}.{size}.jpg")

    def keep(self, picture: Picture) -> None:
        """Write a photograph and its copies; when this returns they survive a power cut."""
        original = self.original(picture.sha256)
        _make_folder(original.parent)
        for size, content in picture.copies.items():
            _write(self.copy(picture.sha256, size), content)
        _write(original, picture.content)
        _sync_folder(original.parent)

    def faults(self, hashes: Collection[bytes]) -> Iterator[tuple[bytes, str]]:
        """Yield what is wrong with the files of photographs, the hash of each first."""
        for sha256 in hashes:
            path = self.original(sha256)
            if not path.is_file():
                yield sha256, "its file is missing"
                continue
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").digest() != sha256:
                    yield sha256, "its file was changed"
            if not all(self.copy(sha256, size).is_file() for size in Size):
                yield sha256, "a copy for pages is missing"

    def orphans(self, hashes: Collection[bytes]) -> list[Path]:
        """Return the files that belong to none of ``hashes``, left by work that was cut off."""
        known = {path for one in hashes for path in (self.original(one), *self._copies(one))}
        return sorted(path for path in self._all() if path not in known)

    def _copies(self, sha256: bytes) -> Iterator[Path]:
        return (self.copy(sha256, size) for size in Size)

    def _all(self) -> Iterator[Path]:
        """Yield every file that a photograph's name or a write under way explains."""
        for path in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            if ORIGINAL.fullmatch(path.name.split(".")[0]) and path.is_file():
                yield path


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        _sync_folder(folder.parent)


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; what the same name held is the same content."""
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}{PARTIAL}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
