"""A walk visits every door once, and is never longer than going to the nearest each time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gis.route import nearest_neighbour_order, walking_order, way_length

metres = st.floats(-500, 500, allow_nan=False, allow_subnormal=False)
places = st.lists(st.tuples(metres, metres), max_size=25)


def doors(*pairs: tuple[float, float]) -> np.ndarray:
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)


@given(places, st.none() | st.tuples(metres, metres))
def test_each_door_is_visited_once_and_the_way_is_no_longer(
    pairs: list[tuple[float, float]], start: tuple[float, float] | None
) -> None:
    points = doors(*pairs)
    begin = None if start is None else np.array(start)
    order = walking_order(points, begin)
    assert sorted(order.tolist()) == list(range(len(points)))
    nearest = nearest_neighbour_order(points, begin)
    assert way_length(points, order, begin) <= way_length(points, nearest, begin) + 1e-6
    assert order.tolist() == walking_order(points, begin).tolist()


@given(places.filter(bool))
def test_without_a_start_the_first_door_comes_first(pairs: list[tuple[float, float]]) -> None:
    assert walking_order(doors(*pairs))[0] in [
        at for at, pair in enumerate(pairs) if pair == pairs[0]
    ]


def test_a_street_is_walked_from_the_end_where_one_stands() -> None:
    street = doors((30, 0), (10, 0), (20, 0), (0, 0))
    assert walking_order(street, np.array([-5.0, 0.0])).tolist() == [3, 1, 2, 0]
    assert walking_order(street, np.array([40.0, 0.0])).tolist() == [0, 2, 1, 3]


def test_a_crossing_is_undone() -> None:
    # Going to the nearest each time strands one door at the other end.
    points = doors((0, 0), (1, 0), (-1.5, 0), (4, 0), (-8, 0))
    start = np.array([0.0, 0.0])
    nearest = way_length(points, nearest_neighbour_order(points, start), start)
    assert way_length(points, walking_order(points, start), start) < nearest


def test_nobody_to_visit_is_no_walk() -> None:
    assert walking_order(doors()).tolist() == []
    assert way_length(doors(), walking_order(doors())) == 0
