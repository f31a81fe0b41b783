"""A short walk from door to door: nearest neighbour first, then crossings undone (2-opt)."""

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Order = NDArray[np.int64]
# Gains below this share of the longest leg are rounding.
SMALLEST_GAIN = 1e-9


def walking_order(points: Points, start: Points | None = None) -> Order:
    """Return the order in which to walk to ``points``, an open way without return.

    ``points`` has shape (n, 2), in metres of a survey CRS; the walk begins at ``start``
    (2,), or at the first point where there is none. The way is never longer than that of
    always going to the nearest point left. Equal input gives equal order.
    """
    if not len(points):
        return np.empty(0, dtype=np.int64)
    distances = _distances(_with_start(points, start))
    return _undo_crossings(_nearest_neighbour(distances), distances)[1:] - 1


def nearest_neighbour_order(points: Points, start: Points | None = None) -> Order:
    """Return the order of always going to the nearest point left; see :func:`walking_order`."""
    if not len(points):
        return np.empty(0, dtype=np.int64)
    return _nearest_neighbour(_distances(_with_start(points, start)))[1:] - 1


def way_length(points: Points, order: Order, start: Points | None = None) -> float:
    """Return how many metres it is along ``order``, from ``start`` where there is one."""
    legs = points[order] if start is None else _with_start(points[order], start)
    return float(np.hypot(*np.diff(legs, axis=0).T).sum())


def _with_start(points: Points, start: Points | None) -> Points:
    begin = points[:1] if start is None else np.asarray(start, dtype=np.float64).reshape(1, 2)
    return np.concatenate([begin, points])


def _distances(points: Points) -> NDArray[np.float64]:
    east, north = (points[:, None, :] - points[None, :, :]).transpose(2, 0, 1)
    between: NDArray[np.float64] = np.hypot(east, north)
    return between


def _nearest_neighbour(distances: NDArray[np.float64]) -> Order:
    """Return the way from point 0 that always goes to the nearest point left."""
    left = distances.copy()
    way = np.zeros(len(distances), dtype=np.int64)
    left[:, 0] = np.inf
    for step in range(1, len(way)):
        way[step] = np.argmin(left[way[step - 1]])
        left[:, way[step]] = np.inf
    return way


def _undo_crossings(way: Order, distances: NDArray[np.float64]) -> Order:
    """Turn stretches of the way round as long as that makes it shorter; its start stays."""
    least = SMALLEST_GAIN * max(float(distances.max()), 1e-300)
    while len(way) > 2:
        gains = _gains(way, distances)
        first, last = np.unravel_index(np.argmax(gains), gains.shape)
        if gains[first, last] <= least:
            break
        way = way.copy()
        way[first + 1 : last + 2] = way[first + 1 : last + 2][::-1]
    return way


def _gains(way: Order, distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what turning round each stretch saves; row i and column j mean steps i+1 to j+1."""
    before, after = way[:-1], way[1:]
    count = len(after)
    leg = distances[before, after]
    # The way is open: a stretch that ends it has no leg behind it.
    next_leg = np.append(leg[1:], 0.0)
    joined = distances[np.ix_(before, after)]
    far = np.zeros((count, count))
    far[:, :-1] = distances[np.ix_(after, after[1:])]
    gains = leg[:, None] + next_leg[None, :] - joined - far
    return np.where(np.triu(np.ones((count, count), dtype=bool), 1), gains, -np.inf)
