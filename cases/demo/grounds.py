"""The grounds of an invented compound: all land that is no household's green strip.

Metres in the local frame of ``cases.demo.streets``. The common lawns are kind
``other``: only the strips beside the ground-floor flats are ``public_green``.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from cases.demo.plan import SitePlan
from cases.demo.streets import JOINT, FloatArray, Row, Streets, ellipse


@dataclass(frozen=True)
class Ground:
    """A piece of land: name of its sort, kind and title in the parcels' words, its shape."""

    sort: str
    kind: str
    title_basis: str
    title_evidence: str
    geometry: BaseGeometry


_PLAN = "master plan drawing, common to the owners (invented)"
_STREET = "municipal greening along the public street (invented)"
_NURSERY = "allotted to the district for a kindergarten (invented)"
_NOTHING = "no document found"


def grounds(
    plan: SitePlan,
    strips: list[BaseGeometry],
    houses: list[BaseGeometry],
    yards: list[BaseGeometry],
) -> list[Ground]:
    """Return paths, parking, garden, plots and, in what is left, the lawns.

    ``strips``, ``houses`` and ``yards`` are the polygons of the ground-floor
    parcels, the buildings and the private yards; nothing returned touches them.
    """
    laid = plan.streets
    made = [Ground("road", "path", "owner_common", _PLAN, laid.roads)]
    made += [Ground("gate", "path", "owner_common", _PLAN, gate) for gate in laid.gates]
    made += [Ground("lane", "path", "owner_common", _PLAN, lane) for lane in plan.lanes]
    made += [Ground("footpath", "path", "owner_common", _PLAN, way) for way in plan.footpaths]
    made += [Ground("parking", "parking", "owner_common", _PLAN, bay) for bay in plan.parking]
    made += _plots(plan.plots)
    made += [court for row in plan.rows if row.kind == "tower" for court in _courts(row)]
    garden = _garden(laid)
    taken = [ground.geometry for ground in made] + [laid.garden, *strips, *houses, *yards]
    return made + garden + _lawns(laid, taken)


def _plots(plots: dict[str, tuple[Row, float, float]]) -> list[Ground]:
    """Return each amenity's house and yard; the kindergarten is municipal."""
    made = []
    for name, (row, west, east) in plots.items():
        title = ("municipal", _NURSERY) if name == "kindergarten" else ("owner_common", _PLAN)
        plot = shapely.box(west, -6.5, east, row.lane - 1.0)
        house = shapely.union(
            shapely.box(west + 6, 3, east - 8, 13), shapely.box(west + 6, -3, west + 18, 8)
        )
        court = shapely.Polygon(np.array([east - 14.0, -1.8]) + ellipse(9.0, 3.6))
        court = shapely.difference(court, house.buffer(JOINT))
        yard = shapely.difference(plot, shapely.union(house, court).buffer(JOINT))
        for sort, kind, shape in (
            ("house", "other", house),
            ("court", "path", court),
            ("yard", "other", yard),
        ):
            shape = shapely.transform(shape, row.frame.place)
            made.append(Ground(f"{name}-{sort}", kind, *title, shape))
    return made


def _courts(row: Row) -> list[Ground]:
    """Return the sports courts and the playground on the open ground before the towers."""
    middle = (row.start + row.end) / 2
    shapes = [shapely.box(west, -24.5, west + 24.0, -11.5) for west in (middle, middle + 27.0)]
    shapes.append(shapely.Polygon(np.array([middle - 34.0, -17.5]) + ellipse(17.0, 6.0)))
    return [
        Ground("court", "path", "owner_common", _PLAN, shapely.transform(shape, row.frame.place))
        for shape in shapes
    ]


def _garden(laid: Streets) -> list[Ground]:
    """Return the central garden: a pond, a round walk, ways to it and lawns between."""
    centre = laid.centre
    walk = shapely.Polygon(centre + ellipse(41.0, 29.0), [centre + ellipse(38.6, 26.6)])
    turns = ellipse(80.0, 66.0)[[3, 11, 19, 26, 35, 43]]
    ways = [shapely.LineString([centre + turn * 0.42, centre + turn]).buffer(1.1) for turn in turns]
    square = shapely.Polygon(centre + np.array([-34.0, 0.0]) + ellipse(10.0, 8.0))
    paved = shapely.union_all([walk, square, *ways])
    pond = shapely.union_all(
        [
            shapely.Polygon(centre + shift + size)
            for shift, size in (
                (np.array([12.0, 5.0]), ellipse(15.0, 9.0)),
                (np.array([1.0, -6.0]), ellipse(10.0, 6.5)),
                (np.array([20.0, -4.0]), ellipse(9.0, 8.0)),
            )
        ]
    )
    paved = shapely.intersection(shapely.difference(paved, pond.buffer(0.6)), laid.garden)
    paved = max(shapely.get_parts(paved), key=lambda part: part.area)
    lawn = shapely.difference(laid.garden, shapely.union(paved, pond).buffer(JOINT))
    lawns = [part for part in shapely.get_parts(lawn) if part.area > 15.0]
    made = [
        Ground("garden-walk", "path", "owner_common", _PLAN, paved),
        Ground("pond", "other", "owner_common", _PLAN, pond),
    ]
    return made + [Ground("garden", "other", "owner_common", _PLAN, part) for part in lawns]


def _lawns(laid: Streets, taken: list[BaseGeometry]) -> list[Ground]:
    """Return what nothing else takes: lawns within the ring road, verges outside it."""
    spokes = [
        shapely.LineString([laid.centre, laid.centre + turn]).buffer(JOINT / 2)
        for turn in ellipse(420.0, 380.0)[[4, 20, 28, 44]]
    ]
    verge_cuts = shapely.difference(shapely.union_all(spokes), laid.circuit)
    kerbs = shapely.union_all([*shapely.buffer(taken, JOINT, quad_segs=1), verge_cuts])
    # Half a centimetre between vertices keeps every piece valid when it is turned and rounded.
    left = shapely.difference(laid.ground, kerbs, grid_size=0.005)
    made = []
    for part in shapely.get_parts(left):
        if part.area < 25.0 or part.area < 0.4 * part.length:
            continue
        if laid.circuit.contains(part.representative_point()):
            made.append(Ground("lawn", "other", "owner_common", _PLAN, part))
        else:
            made.append(_verge(laid, part))
    return made


def _verge(laid: Streets, part: BaseGeometry) -> Ground:
    """Return a verge; the west one is municipal and nobody knows about the north-east one."""
    offset: FloatArray = shapely.get_coordinates(part.centroid)[0] - laid.centre
    if offset[0] < -200.0:
        return Ground("verge", "other", "municipal", _STREET, part)
    if offset[0] > 200.0:
        return Ground("verge", "other", "unknown", _NOTHING, part)
    return Ground("verge", "other", "owner_common", _PLAN, part)
