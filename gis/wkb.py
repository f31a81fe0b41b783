"""A look at well-known binary before a geometry library sees it.

GEOS follows nested collections by recursion, so that 100,000 levels in a
500 kB value end the process (measured with GEOS 3.14), and it refuses an
unclosed ring without saying which. This scan needs no recursion and no memory
beyond the nesting, and names the place.
"""

import math
import struct
from dataclasses import dataclass

_POINT, _LINE, _POLYGON, _TRIANGLE = 1, 2, 3, 17
_COLLECTIONS = {4, 5, 6, 7, 15, 16}
_CURVES = {8: "CircularString", 9: "CompoundCurve", 10: "CurvePolygon", 11: "MultiCurve"}
_NAMES = {
    1: "Point",
    2: "LineString",
    3: "Polygon",
    4: "MultiPoint",
    5: "MultiLineString",
    6: "MultiPolygon",
    7: "GeometryCollection",
    **_CURVES,
    12: "MultiSurface",
    15: "PolyhedralSurface",
    16: "TIN",
    17: "Triangle",
}


@dataclass(frozen=True)
class OpenRing:
    """A ring whose last vertex is not its first: ``x, y`` is the last, ``gap`` their distance."""

    number: int
    x: float
    y: float
    gap: float


@dataclass(frozen=True)
class Scan:
    """What a WKB value holds; ``fault`` says where its bytes stop making sense."""

    kind: str
    depth: int
    vertices: int
    open_rings: tuple[OpenRing, ...]
    fault: str | None = None


class _Broken(ValueError):
    """The bytes are not the geometry that they announce."""


class _Scanner:
    def __init__(self, wkb: bytes, depth: int) -> None:
        self.wkb = wkb
        self.at = 0
        self.deepest = 0
        self.most = depth
        self.rings = 0
        self.vertices = 0
        self.open_rings: list[OpenRing] = []
        self.kind = "unknown"

    def run(self) -> None:
        """Walk all members; ``left`` holds how many are still due on each level."""
        left = [1]
        while left:
            if left[-1] == 0:
                left.pop()
                continue
            left[-1] -= 1
            count = self._member()
            if count:
                left.append(count)
                self.deepest = max(self.deepest, len(left) - 1)
                if self.deepest > self.most:
                    raise _Broken(f"collections are nested more than {self.most} deep")

    def _member(self) -> int:
        """Read one geometry and return how many members it announces."""
        order, kind, width = self._header()
        if self.kind == "unknown":
            self.kind = _NAMES.get(kind, f"type {kind}")
        if kind == _POINT:
            self._skip(8 * width)
            self.vertices += 1
        elif kind == _LINE:
            self._points(order, width)
        elif kind in (_POLYGON, _TRIANGLE):
            self._polygon(order, width)
        elif kind in _COLLECTIONS:
            return self._count(order)
        else:
            raise _Broken(f"{_NAMES.get(kind, f'geometry type {kind}')} is not supported")
        return 0

    def _header(self) -> tuple[str, int, int]:
        """Return byte order, geometry type and numbers per vertex (ISO and EWKB alike)."""
        start = self._skip(1)
        order = "<" if self.wkb[start] == 1 else ">"
        code = int(struct.unpack_from(order + "I", self.wkb, self._skip(4))[0])
        if code & 0x20000000:
            self._skip(4)
        width = 2 + bool(code & 0x80000000) + bool(code & 0x40000000)
        iso = (code & 0x0FFFFFFF) // 1000
        return order, (code & 0x0FFFFFFF) % 1000, width + (0, 1, 1, 2)[iso if iso < 4 else 0]

    def _polygon(self, order: str, width: int) -> None:
        for _ in range(self._count(order)):
            self.rings += 1
            count, start = self._points(order, width)
            if count:
                first = struct.unpack_from(order + "dd", self.wkb, start)
                last = struct.unpack_from(order + "dd", self.wkb, start + 8 * width * (count - 1))
                if first != last:
                    gap = math.hypot(first[0] - last[0], first[1] - last[1])
                    self.open_rings.append(OpenRing(self.rings, last[0], last[1], gap))

    def _points(self, order: str, width: int) -> tuple[int, int]:
        count = self._count(order)
        start = self._skip(8 * width * count)
        self.vertices += count
        return count, start

    def _count(self, order: str) -> int:
        return int(struct.unpack_from(order + "I", self.wkb, self._skip(4))[0])

    def _skip(self, size: int) -> int:
        """Move on by ``size`` bytes and return where they began."""
        start = self.at
        if start + size > len(self.wkb):
            raise _Broken(f"the value ends after {len(self.wkb)} bytes, in the middle of a part")
        self.at = start + size
        return start


def scan(wkb: bytes, depth: int) -> Scan:
    """Return what ``wkb`` (ISO or EWKB) holds; collections deeper than ``depth`` are a fault.

    Never raises: a value that breaks off or announces what it does not hold
    has a ``fault``. The time is in proportion to the number of rings.
    """
    scanner = _Scanner(wkb, depth)
    fault = None
    try:
        scanner.run()
    except _Broken as error:
        fault = str(error)
    return Scan(scanner.kind, scanner.deepest, scanner.vertices, tuple(scanner.open_rings), fault)
