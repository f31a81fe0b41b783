"""Which buildings somebody means for a lane: by their refs, or drawn around on a plan."""

import uuid
from collections.abc import Collection

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy.orm import Session

from cases.lanes import mapped_buildings, unknown_building
from gis.problems import InputError, Problem
from gis.validity import POLYGONS, WEB_LIMITS, check
from layers.models import Community


def buildings_of(
    session: Session, community: Community, refs: Collection[str], drawn: BaseGeometry | None = None
) -> frozenset[uuid.UUID]:
    """Return the buildings with these refs, and those whose centre lies within ``drawn``.

    ``drawn`` is a polygon in EPSG:4326. Raises ``InputError`` with every ref that is none,
    and where the polygon is unsound or holds no building.
    """
    known = {one.ref: one for one in mapped_buildings(session, community)}
    problems = [unknown_building(ref) for ref in sorted(set(refs) - known.keys())]
    inside: set[uuid.UUID] = set()
    if drawn is not None and not (unsound := _unsound(drawn)):
        centres = [shapely.Point(one.centre) for one in known.values()]
        within = shapely.contains(drawn, centres)
        inside = {one.id for one, is_in in zip(known.values(), within, strict=True) if is_in}
        problems += [] if inside else [_holds_nothing()]
    elif drawn is not None:
        problems += unsound
    if problems:
        raise InputError(problems)
    return frozenset(inside | {known[ref].id for ref in refs})


def _unsound(drawn: BaseGeometry) -> list[Problem]:
    faults = check(np.array([drawn], dtype=object), [1], WEB_LIMITS, POLYGONS)
    return [Problem(one.code, one.message, one.remedy, field="drawn") for one in faults]


def _holds_nothing() -> Problem:
    text = "No building has its centre within the polygon."
    return Problem("nothing_within", text, "Draw around some buildings.", field="drawn")
