"""The process that repairs one polygon after another, and may be killed at any of them.

Run as a script with the limits as arguments, so that nothing of the program is
loaded. Each request is four bytes of length and as many of WKB; each answer a
status byte, length and WKB (``+``) or a reason (``-``).
"""

import resource
import struct
import sys
from typing import BinaryIO

import shapely

_LENGTH = struct.Struct("<I")


def repair(wkb: bytes) -> bytes:
    """Return the valid polygons that the outlines of ``wkb`` enclose, as a MultiPolygon's WKB.

    Open rings are closed. Each ring is made valid by itself and holes are taken
    out of outlines (GEOS "structure"): what the person drew around is kept, and
    lines and points that fall off are not. Raises ``ValueError`` where no area
    is left.
    """
    drawn = shapely.from_wkb(wkb, on_invalid="fix")
    if drawn is None:
        raise ValueError("a ring has too few vertices")
    valid = shapely.make_valid(shapely.force_2d(drawn), method="structure", keep_collapsed=False)
    parts = [part for part in shapely.get_parts([valid]) if not part.is_empty]
    while any(part.geom_type not in ("Polygon", "LineString", "Point") for part in parts):
        parts = list(shapely.get_parts(parts))
    polygons = [part for part in parts if part.geom_type == "Polygon"]
    if not polygons:
        raise ValueError("no area is left")
    return bytes(shapely.to_wkb(shapely.multipolygons(polygons)))


def serve(requests: BinaryIO, answers: BinaryIO, cpu_seconds: int, memory_bytes: int) -> None:
    """Answer requests until there are none; each may use ``cpu_seconds`` of the processor.

    The kernel ends the process where a repair takes longer, and refuses it more
    than ``memory_bytes`` of address space.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    while head := requests.read(_LENGTH.size):
        wkb = requests.read(_LENGTH.unpack(head)[0])
        used = resource.getrusage(resource.RUSAGE_SELF)
        spent = int(used.ru_utime + used.ru_stime) + 1
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (spent + cpu_seconds, hard))
        try:
            status, answer = b"+", repair(wkb)
        except (ValueError, MemoryError, shapely.errors.GEOSException) as error:
            status, answer = b"-", (str(error) or "it needs too much memory").encode()
        answers.write(status + _LENGTH.pack(len(answer)) + answer)
        answers.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer, int(sys.argv[1]), int(sys.argv[2]))
