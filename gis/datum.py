"""GCJ-02 and BD-09, the shifted coordinates of Chinese web maps, there and back.

The formulas were never published by those who set them; what everybody uses is
the one recovered from a map library and kept, with the same constants, in
googollee/eviltransform and Artoria2e5/PRCoords (GCJ-02) and in
wandergis/coordtransform (BD-09, where eviltransform writes pi for 3000 pi / 180
and is tens of metres off). The libraries on PyPI convert point by point, or stop
after one step of the inverse, 1-2 m off (DOMAIN, survey and maps), and rest
since 2019; hence these few lines, on arrays and with the inverse iterated.
WGS 84 and CGCS2000 count as the same here; they differ by centimetres.

Real phones and maps add noise of their own, so that even an exact inverse does
not make a survey: this serves to recognise a shifted layer, not to accept it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

Coordinates = NDArray[np.float64]
Metres = NDArray[np.float64]

_KRASOVSKY_A = 6378245.0
_KRASOVSKY_E2 = 0.00669342162296594323
_BD_PI = np.pi * 3000.0 / 180.0
_CHINA = (72.004, 0.8293, 137.8347, 55.8271)
_METRES_PER_DEGREE = 111_320.0


def in_china(xy: Coordinates) -> NDArray[np.bool_]:
    """Return which places (shape (n, 2), degrees, x = longitude) the shift applies to.

    The box of eviltransform, with Korea and Mongolia in it: outside of it maps
    are not shifted.
    """
    west, south, east, north = _CHINA
    x, y = xy[:, 0], xy[:, 1]
    inside: NDArray[np.bool_] = (x > west) & (x < east) & (y > south) & (y < north)
    return inside


def to_gcj02(xy: Coordinates) -> Coordinates:
    """Shift WGS 84 places, shape (n, 2) in degrees, to GCJ-02; those outside China stay."""
    x, y = xy[:, 0] - 105.0, xy[:, 1] - 35.0
    root = np.sqrt(np.abs(x))
    shared = 20.0 * (np.sin(6.0 * np.pi * x) + np.sin(2.0 * np.pi * x)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + shared
    north += _waves(y, (20.0, 1.0), (40.0, 3.0), (160.0, 12.0), (320.0, 30.0))
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + shared
    east += _waves(x, (20.0, 1.0), (40.0, 3.0), (150.0, 12.0), (300.0, 30.0))
    return np.where(in_china(xy)[:, None], xy + _degrees(xy[:, 1], east, north), xy)


def from_gcj02(xy: Coordinates) -> Coordinates:
    """Return the WGS 84 places, shape (n, 2) in degrees, that GCJ-02 shows as ``xy``."""
    return _inverse(to_gcj02, xy)


def to_bd09(xy: Coordinates) -> Coordinates:
    """Shift WGS 84 places, shape (n, 2) in degrees, to BD-09 (GCJ-02 shifted once more)."""
    return _gcj02_to_bd09(to_gcj02(xy))


def from_bd09(xy: Coordinates) -> Coordinates:
    """Return the WGS 84 places, shape (n, 2) in degrees, that BD-09 shows as ``xy``."""
    return _inverse(to_gcj02, _inverse(_gcj02_to_bd09, xy))


SYSTEMS: dict[str, Callable[[Coordinates], Coordinates]] = {
    "GCJ-02": from_gcj02,
    "BD-09": from_bd09,
}


@dataclass(frozen=True)
class DatumRule:
    """When a layer counts as shifted.

    A share of at least ``fitting`` of its points must agree with the reference
    after the inverse, and ``gain`` more than before it. ``near_m`` is how close
    to a building what lies beside it is expected. ``features`` is how many
    places at least a judgement by buildings needs: a single one may come to lie
    beside a building by chance. ``reach_m`` is how far outside the reference,
    beyond the accuracy of its position, a phone is still where its inspector
    works: across the street, at the gate. ``webmap/static/field/datum.js`` has
    the same numbers.
    """

    fitting: float = 0.8
    gain: float = 0.3
    near_m: float = 10.0
    features: int = 10
    reach_m: float = 30.0


@dataclass(frozen=True)
class Suspicion:
    """A layer that agrees with its surroundings only once a shift is taken back.

    ``share_before`` and ``share_after`` of its points agree; ``shift_m`` is the
    mean length of the shift in metres.
    """

    system: str
    share_before: float
    share_after: float
    shift_m: float


def gcj02_suspected(
    points: Coordinates,
    reference: shapely.Geometry,
    beside: bool = False,
    rule: DatumRule | None = None,
    accuracy_m: Metres | None = None,
) -> Suspicion | None:
    """Judge whether points given as WGS 84 are GCJ-02 or BD-09 in truth.

    ``points`` has shape (n, 2), degrees, x = longitude; ``reference`` is a
    polygonal geometry in EPSG:4326: the boundary or the buildings in which the
    points are expected, or with ``beside`` the buildings next to which, and not
    in which, they are. ``accuracy_m`` of shape (n,) is how well each point knows
    where it is: one counts as outside only from that and the rule's reach on.
    Returns ``None`` outside China, where the points agree as they are, or where
    taking back a shift does not help.
    """
    rule = rule or DatumRule()
    judged = in_china(points)
    points = points[judged]
    if not len(points) or reference.is_empty:
        return None
    slack = None if accuracy_m is None else accuracy_m[judged] + rule.reach_m
    before = _agreement(points, reference, beside, rule, slack)
    found = []
    for system, inverse in SYSTEMS.items():
        moved = inverse(points)
        after = _agreement(moved, reference, beside, rule, slack)
        if after >= rule.fitting and after - before >= rule.gain:
            found.append(Suspicion(system, before, after, _mean_metres(points, moved)))
    return max(found, key=lambda one: one.share_after, default=None)


def _agreement(
    points: Coordinates,
    reference: shapely.Geometry,
    beside: bool,
    rule: DatumRule,
    slack: Metres | None,
) -> float:
    """Return the share of points in the reference, or beside it and not in it."""
    shapely.prepare(reference)
    inside = shapely.intersects_xy(reference, points)
    if not beside and slack is None:
        return float(inside.mean())
    stretch = np.cos(np.radians(points[:, 1].mean()))
    flat = shapely.transform(reference, lambda xy: xy * (stretch, 1.0) * _METRES_PER_DEGREE)
    places = shapely.points(points * (stretch, 1.0) * _METRES_PER_DEGREE)
    if not beside:
        return float(shapely.dwithin(places, flat, slack).mean())
    near = shapely.dwithin(places, flat, rule.near_m)
    return float((near & ~inside).mean())


def _mean_metres(start: Coordinates, end: Coordinates) -> float:
    step = (end - start) * _METRES_PER_DEGREE
    step[:, 0] *= np.cos(np.radians(start[:, 1]))
    return float(np.hypot(step[:, 0], step[:, 1]).mean())


def _waves(angle: Coordinates, *terms: tuple[float, float]) -> Coordinates:
    """Return the sum of amplitude x sin(pi x angle / period), two thirds of it."""
    total = np.zeros_like(angle)
    for amplitude, period in terms:
        total += amplitude * np.sin(angle / period * np.pi)
    return total * 2.0 / 3.0


def _degrees(latitude: Coordinates, east: Coordinates, north: Coordinates) -> Coordinates:
    """Turn metres on Krasovsky's ellipsoid into degrees, shape (n, 2)."""
    latitude = np.radians(latitude)
    magic = 1.0 - _KRASOVSKY_E2 * np.sin(latitude) ** 2
    meridian = _KRASOVSKY_A * (1.0 - _KRASOVSKY_E2) / magic**1.5
    parallel = _KRASOVSKY_A / np.sqrt(magic) * np.cos(latitude)
    return np.degrees(np.column_stack([east / parallel, north / meridian]))


def _gcj02_to_bd09(xy: Coordinates) -> Coordinates:
    x, y = xy[:, 0], xy[:, 1]
    radius = np.hypot(x, y) + 0.00002 * np.sin(y * _BD_PI)
    angle = np.arctan2(y, x) + 0.000003 * np.cos(x * _BD_PI)
    moved = np.column_stack([radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006])
    return np.where(in_china(xy)[:, None], moved, xy)


def _inverse(
    forward: Callable[[Coordinates], Coordinates], xy: Coordinates, tolerance: float = 1e-9
) -> Coordinates:
    """Find what ``forward`` takes to ``xy``, to ``tolerance`` in degrees, by fixed point.

    A step shrinks the error about a hundredfold, the shift being so smooth;
    twelve are more than the four or five it takes. At the edge of China the
    shift jumps and a place may have no origin: it keeps the nearest found.
    """
    guess = xy.copy()
    for _ in range(12):
        error = forward(guess) - xy
        if not (np.abs(error) > tolerance).any():
            break
        guess -= error
    return guess
