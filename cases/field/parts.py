"""The part files of uploads: what has come of each, safe on the disk before it is told.

A part lies beside the photographs, and its length is the offset. One process writes to it
at a time, whichever worker that is.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gis.problems import InputError, Problem, Said

PIECE = 64 * 1024
# Below the folder of photographs.
UPLOADS = "uploads"


@dataclass(frozen=True)
class Parts:
    """The folder of part files."""

    folder: Path

    def of(self, upload: str) -> "Part":
        """Return the part file of an upload, by its identifier."""
        return Part(self.folder / f"{upload}.part")

    def all(self) -> list[Path]:
        """Return every part file, whether or not an upload knows it."""
        return sorted(self.folder.glob("*.part"))


@dataclass(frozen=True)
class Part:
    """What has come of one upload."""

    path: Path

    @property
    def offset(self) -> int:
        """Return how many bytes have come."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def append(self, offset: int, size: int, read: Callable[[int], bytes]) -> int:
        """Append what ``read`` gives, up to ``size`` bytes in all; return the new offset.

        What came is kept, also where ``read`` raises because its client went away. Raises
        ``InputError`` where the part does not end at ``offset``, or somebody else writes.
        """
        with self._alone() as file:
            end = os.fstat(file).st_size
            if end != offset:
                raise InputError([_elsewhere(offset, end)])
            try:
                while end < size and (piece := read(min(PIECE, size - end))):
                    while piece:
                        written = os.write(file, piece)
                        end, piece = end + written, piece[written:]
            finally:
                os.fsync(file)
            return end

    def content(self) -> bytes:
        """Return all that has come; raises ``FileNotFoundError`` where it is gone already."""
        return self.path.read_bytes()

    def remove(self) -> None:
        """Forget it; what is gone already is as good."""
        self.path.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[int]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            message = "Another request is sending this file."
            raise InputError(
                [Problem("upload_busy", message, "Ask again where it ends.")]
            ) from None
        try:
            yield file
        finally:
            os.close(file)


def _elsewhere(offset: int, end: int) -> Problem:
    message = Said("The file ends at {end}, not at {offset}.", end=end, offset=offset)
    return Problem("upload_offset", message, "Go on where it ends.", field="Upload-Offset")
