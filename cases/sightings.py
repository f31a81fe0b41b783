"""What somebody saw and drew on a map: kept as an observation and flagged at once."""

import uuid
from dataclasses import dataclass

import numpy as np
import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.flagging import FlagReport, flag
from cases.ledger import CLOCK_SLACK, Moment, today, wrong_time
from cases.observing import observe
from cases.policy import Policy
from cases.requirements import LONGEST_TEXT
from cases.signing import Signature
from gis.problems import InputError, Problem, Said
from gis.validity import POLYGONS, WEB_LIMITS, check
from layers.models import Community, Observation, Purpose, StructureType
from layers.places import lock_community

# Ground may be drawn this far, some 50 m, beyond what it belongs to.
REACH_DEGREES = 5e-4


@dataclass(frozen=True)
class Sighting:
    """A polygon in EPSG:4326 (x = longitude) and what stands there.

    ``rms_m`` is how exactly it was measured, ``None`` for a sketch on the map.
    """

    polygon: shapely.Geometry | None
    structure_type: StructureType
    note: str = ""
    rms_m: float | None = None


def record_sighting(
    session: Session, community: Community, seen: Sighting, by: Signature
) -> tuple[Observation, FlagReport]:
    """Keep what somebody saw, and lay it over the parcels at once.

    The caller commits. Raises ``InputError`` with everything that is wrong.
    """
    lock_community(session, community.id)
    problems = [
        *by.lacks(Permission.CASE_VERIFY),
        *polygon_problems(seen.polygon, _around(community)),
        *future_problems(community, by),
        *note_problems(seen.note),
    ]
    if problems:
        raise InputError(problems)
    return keep_sighting(session, community, seen, Purpose.VERIFICATION, by)


def keep_sighting(
    session: Session, community: Community, seen: Sighting, purpose: Purpose, by: Signature
) -> tuple[Observation, FlagReport]:
    """Keep what was seen, already checked, and lay it over the parcels at once."""
    assert seen.polygon is not None
    policy = Policy.of(community.policy)
    kept = observe(
        session,
        community,
        seen.polygon,
        ref=f"{purpose[0].upper()}-{uuid.uuid4().hex[:12]}",
        purpose=purpose,
        observed_on=Moment.of(community, by.at).day,
        rms_m=policy.sketch_rms_m if seen.rms_m is None else seen.rms_m,
        structure_type=seen.structure_type,
        note=seen.note.strip(),
    )
    return kept, flag(session, [community], at=by.at, actor=by.actor)


def polygon_problems(
    polygon: shapely.Geometry | None, around: shapely.Geometry | None
) -> list[Problem]:
    """Check a drawn polygon at the door, and that it lies within reach of ``around``."""
    if polygon is None:
        text, remedy = "No ground is drawn.", "Draw its outline on the map."
        return [Problem("polygon_missing", text, remedy, field="polygon")]
    faults = check(np.array([polygon], dtype=object), [1], WEB_LIMITS, POLYGONS)
    if faults:
        return [Problem(one.code, one.message, one.remedy, field="polygon") for one in faults]
    if around is None or shapely.covers(reach(around), polygon):
        return []
    text, remedy = "The ground drawn lies elsewhere.", "Draw it where it is."
    return [Problem("polygon_elsewhere", text, remedy, field="polygon")]


def reach(ground: shapely.Geometry) -> shapely.Geometry:
    """Return the box within which ground may be drawn that belongs to ``ground``."""
    return shapely.box(*ground.bounds).buffer(REACH_DEGREES)


def note_problems(note: str) -> list[Problem]:
    """Keep what is noted short enough to be printed."""
    if len(note) <= LONGEST_TEXT:
        return []
    text = Said("The note has more than {longest_text} characters.", longest_text=LONGEST_TEXT)
    return [Problem("too_long", text, "Shorten it.", field="note")]


def _around(community: Community) -> shapely.Geometry | None:
    return None if community.boundary is None else to_shape(community.boundary)


def future_problems(community: Community, by: Signature) -> list[Problem]:
    """Refuse a time of ``by`` that is still to come."""
    moment = Moment.of(community, by.at)
    if moment.at <= Moment.of(community, None).at + CLOCK_SLACK:
        return []
    return [
        wrong_time(
            Said(
                "{at} is later than today, {today}.",
                at=moment.at.isoformat(),
                today=today(community),
            )
        )
    ]
