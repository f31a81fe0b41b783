"""What a phone takes along: the ground of some buildings, and all that lies upon it.

Everything is read by box, so that a bundle costs the same in a village and in a city, and
in as many queries for one building as for a lane. Households appear by their reference
only: whoever surveys a door reads it there. What belongs to a case that the viewer does not
see is ground without a case.
"""

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.enclosures import opened_by
from cases.field.surroundings import (
    encroachments_near,
    observations_near,
    parcels_near,
    plain,
    waiting_near,
)
from cases.field.taken import field_cases, field_photographs
from cases.parcel_file import Viewer
from cases.policy import Policy
from gis.crs import Geometries, SurveyCRS
from gis.phone import phone_survey
from gis.problems import InputError, Problem, Said
from layers.bulk import among
from layers.frames import frame, geometries, wkb
from layers.imports.relook import boxes as boxes_around
from layers.models import (
    Building,
    Community,
    Parcel,
)

KEPT = dt.timedelta(days=14)
# What lies this far from the chosen ground comes along, to snap to and to be seen.
AROUND_M = 15.0
MOST_BUILDINGS = 200


def bundle(
    session: Session,
    community: Community,
    viewer: Viewer,
    buildings: Sequence[uuid.UUID],
    now: dt.datetime,
) -> dict[str, Any]:
    """Return everything of ``buildings`` that a phone needs without a signal, as JSON.

    None named are all of a community; one without buildings is taken as it is. Geometries
    are GeoJSON in EPSG:4326, areas in m2 of the survey CRS. ``version`` changes with what it
    says, not with the time. Raises ``InputError`` where a building is not there.
    """
    policy, survey = Policy.of(community.policy), SurveyCRS(community.survey_srid)
    buildings = buildings or _all(session, community)
    chosen, boxes = _chosen(session, community, buildings)
    _check(len(chosen), len(set(buildings)))
    if not chosen:
        boxes = _whole(community, survey)
    parcels = parcels_near(session, community, boxes)
    observations = observations_near(session, community, boxes, viewer)
    cases = field_cases(session, community, viewer, buildings)
    ids = [uuid.UUID(one["id"]) for one in observations]
    seen = opened_by(session, community, ids, viewer)
    photographs = field_photographs(session, community, [uuid.UUID(one) for one in cases], seen)
    for one in observations:
        one["photographs"] = [it["id"] for it in photographs if it["observation"] == one["id"]]
    told: dict[str, Any] = {
        "place": community.code,
        "name": community.name,
        "survey": phone_survey(survey, _box(boxes)),
        "boundary": None if community.boundary is None else plain(to_shape(community.boundary)),
        "tolerances": asdict(policy.tolerances),
        "sketch_rms_m": policy.sketch_rms_m,
        "buildings": chosen,
        "parcels": parcels,
        "observations": observations,
        "encroachments": encroachments_near(session, community, boxes, survey, cases),
        "cases": list(cases.values()),
        "photographs": photographs,
        "waiting": waiting_near(session, community, boxes, viewer),
    }
    said = json.dumps(told, sort_keys=True, default=str).encode()
    return {
        "prepared_at": now.isoformat(),
        "expires_at": (now + KEPT).isoformat(),
        "version": hashlib.sha256(said).hexdigest()[:16],
        **told,
    }


def _all(session: Session, community: Community) -> Sequence[uuid.UUID]:
    wanted = select(Building.id).where(Building.community_id == community.id)
    return session.scalars(wanted.limit(MOST_BUILDINGS + 1)).all()


def _check(found: int, asked: int) -> None:
    if asked > MOST_BUILDINGS:
        text = Said("{most} buildings at once are the most.", most=MOST_BUILDINGS)
        raise InputError([Problem("buildings_many", text, "Choose fewer.", field="building")])
    if found < asked:
        absent, remedy = "A building is not there.", "Choose from those of the list."
        raise InputError([Problem("unknown_building", absent, remedy, field="building")])


def _whole(community: Community, survey: SurveyCRS) -> Geometries:
    """Return the box of a community without buildings: its boundary, else where its CRS is for."""
    if community.boundary is not None:
        bounds = to_shape(community.boundary).bounds
    else:
        bounds = survey.area_of_use or (-180.0, -80.0, 180.0, 80.0)
    return np.array([shapely.box(*bounds)], dtype=object)


def _chosen(
    session: Session, community: Community, buildings: Sequence[uuid.UUID]
) -> tuple[list[dict[str, Any]], Geometries]:
    """Return the buildings, and the boxes of them and of their parcels, 15 m wider."""
    rows = frame(
        session,
        select(Building.id, Building.ref, Building.name, wkb(Building.geom))
        .where(Building.community_id == community.id, among(Building.id, buildings))
        .order_by(Building.ref),
    )
    own = frame(
        session,
        select(wkb(Parcel.geom)).where(
            Parcel.community_id == community.id, among(Parcel.building_id, buildings)
        ),
    )
    told = [
        {"id": str(row.id), "ref": row.ref, "name": row.name, "geometry": plain(row.geom)}
        for row in rows.itertuples()
    ]
    return told, boxes_around(np.concatenate([geometries(rows), geometries(own)]), AROUND_M)


def _box(boxes: Geometries) -> tuple[float, float, float, float]:
    west, south, east, north = shapely.total_bounds(boxes).tolist()
    return west, south, east, north
