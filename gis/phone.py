"""What a phone needs to project on its own, and to know that it does so rightly.

A phone has no PROJ. It has a port of its formulas that reads PROJ's old one-line texts,
knows fewer projections and no grids. So it is given the text together with places that
were projected here, and shows no area before it has projected them to the same metres.
"""

import re
from typing import Any

import numpy as np
import shapely

from gis.crs import SurveyCRS

Box = tuple[float, float, float, float]

CONTROLS = 4
"""Control places lie on a grid of so many by so many."""
_LEAST_DEGREES = 0.002
_ROTATIONS = ("rx", "ry", "rz")


def phone_survey(survey: SurveyCRS, box: Box) -> dict[str, Any]:
    """Return ``srid``, ``name``, ``proj4`` and ``controls`` of a survey CRS.

    ``box`` is west, south, east, north in degrees: where the phone will be. Each control
    is ``[longitude, latitude, x, y]``, degrees and metres; a box of less than some
    200 m is widened, since controls that lie close together show no error of scale.
    """
    west, south, east, north = _wide(box)
    grid = np.meshgrid(np.linspace(west, east, CONTROLS), np.linspace(south, north, CONTROLS))
    places = np.round(np.column_stack([axis.ravel() for axis in grid]), 7)
    metres = shapely.get_coordinates(survey.to_survey(shapely.points(places)))
    return {
        "srid": survey.srid,
        "name": survey.name,
        "proj4": proj4_text(survey.pipeline),
        "controls": np.column_stack([places, metres.round(6)]).tolist(),
    }


def proj4_text(pipeline: str) -> str:
    """Return PROJ's operation from a survey CRS to storage as one line of its old syntax.

    The shift of a datum becomes ``+towgs84``, whose rotations are those of position
    vectors. Steps that the old syntax cannot say, such as grids, are left out: then the
    controls do not come out, and the phone shows no areas.
    """
    steps = [dict(_entries(step)) for step in re.split(r"\bstep\b", pipeline)]
    projection = next(step for step in steps if "inv" in step and step.get("proj") != "cart")
    words = [f"+{key}={value}" for key, value in projection.items() if value]
    shift = next((step for step in steps if step.get("proj") == "helmert"), None)
    if shift is not None:
        words.append(f"+towgs84={','.join(_seven(shift))}")
    elif not any(word.startswith("+towgs84") for word in words):
        words.append("+towgs84=0,0,0")
    return " ".join([*words, "+units=m", "+no_defs"])


def _entries(step: str) -> list[tuple[str, str]]:
    pairs = (word.partition("=") for word in step.split())
    return [(key.lstrip("+"), value) for key, _sign, value in pairs]


def _seven(shift: dict[str, str]) -> list[str]:
    """Return the parameters of a Helmert shift in the order and the signs of ``+towgs84``."""
    sign = -1 if shift.get("convention") == "coordinate_frame" else 1
    turned = [format(sign * float(shift.get(key, "0")), ".15g") for key in _ROTATIONS]
    return [*(shift.get(key, "0") for key in "xyz"), *turned, shift.get("s", "0")]


def _wide(box: Box) -> Box:
    west, south, east, north = box
    wide, high = (max(0.0, _LEAST_DEGREES - span) / 2 for span in (east - west, north - south))
    return west - wide, south - high, east + wide, north + high
