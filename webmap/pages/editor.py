"""The desk of a planner: one map on which outlines are drawn, changed, split and merged."""

from dataclasses import asdict
from typing import Any

import numpy as np
import shapely
from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf
from geoalchemy2.shape import to_shape
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.lanes import mapped_buildings
from cases.models import Encroachment
from cases.policy import Policy
from gis.crs import SurveyCRS
from gis.phone import phone_survey
from layers.frames import frame, geometries, wkb
from layers.models import Community, Parcel
from webmap.connections import current_settings
from webmap.field_words import FIELD
from webmap.gates import gated
from webmap.languages import current_language
from webmap.map_words import load_words
from webmap.pages.drawn import feature
from webmap.pages.opened import OpenedPlace, show

editor = Blueprint("editor", __name__)

# Families of words that the desk shares with the map.
_SHARED = ("kind.", "title.", "structure.", "siteState.", "base.")
_OWN = ("desk.", "draw.")


@editor.get("/c/<place>/edit")
@gated(Permission.GEOMETRY_EDIT)
def page(place: str) -> ResponseReturnValue:
    """Show the desk."""
    return show(_page)


def _page(opened: OpenedPlace) -> str:
    language = current_language()
    words = {key: text for key, text in FIELD.load(language).items() if key.startswith(_OWN)}
    shared = load_words(language).items()
    words |= {key: text for key, text in shared if key.startswith(_SHARED)}
    return render_template(
        "editor.html",
        community=opened.community,
        words=words,
        config=_config(opened.session, opened.community),
    )


def _config(session: Session, community: Community) -> dict[str, Any]:
    """Return what the desk needs beside the rows: where it is, and how areas are taken."""
    policy, buildings = Policy.of(community.policy), mapped_buildings(session, community)
    boundary = None if community.boundary is None else to_shape(community.boundary)
    bounds = _bounds(session, community, boundary, [one.outline for one in buildings])
    survey = SurveyCRS(community.survey_srid)
    return {
        "place": community.code,
        "api": url_for("api_edits.make_edit", place=community.code),
        "csrf": generate_csrf(),
        "language": current_language().replace("_", "-"),
        "timeZone": community.time_zone,
        "bounds": bounds,
        "survey": phone_survey(survey, bounds),
        "sketch_rms_m": policy.sketch_rms_m,
        "tolerances": asdict(policy.tolerances),
        "boundary": None if boundary is None else feature("boundary", boundary)["geometry"],
        "buildings": [feature(one.id, one.outline, ref=one.ref) for one in buildings],
        "encroachments": _verified(session, community),
        "baseMaps": [asdict(one) for one in current_settings().base_maps],
    }


def _bounds(
    session: Session,
    community: Community,
    boundary: shapely.Geometry | None,
    outlines: list[Any],
) -> tuple[float, float, float, float]:
    """Return the box of a community: its boundary, else its buildings, else its parcels."""
    known = [boundary] if boundary is not None else outlines
    if not known:
        query = select(wkb(Parcel.geom)).where(Parcel.community_id == community.id)
        known = list(geometries(frame(session, query)))
    if not known:
        return 122.0, 37.3, 122.3, 37.6
    west, south, east, north = shapely.total_bounds(np.array(known, dtype=object))
    return float(west), float(south), float(east), float(north)


def _verified(session: Session, community: Community) -> list[dict[str, Any]]:
    """Return the ground that is taken already, or was and is cleared, as the phone knows it."""
    rows = session.scalars(
        select(Encroachment).where(
            Encroachment.community_id == community.id,
            Encroachment.superseded_on.is_(None),
            Encroachment.verified_on.is_not(None),
        )
    )
    found = []
    for one in rows:
        whole = to_shape(one.geom)
        standing = None if one.standing is None else to_shape(one.standing)
        freed = whole if standing is None else shapely.difference(whole, standing)
        shown = {
            "geometry": None if standing is None else feature("", standing)["geometry"],
            "cleared": None if freed.is_empty else feature("", freed)["geometry"],
        }
        told = {
            "id": str(one.id),
            "observation": str(one.observation_id),
            "parcel": str(one.parcel_id),
            "verified_on": one.verified_on and one.verified_on.isoformat(),
            "cleared_on": one.cleared_on and one.cleared_on.isoformat(),
        }
        found.append({**told, **shown})
    return found
