"""One polygon that somebody saw, drawn on a plan and flagged at once."""

import uuid

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.lanes import mapped_buildings
from cases.models import Case, Encroachment
from cases.sightings import Sighting, record_sighting
from cases.tips import green_parcels
from gis.problems import InputError
from layers.models import StructureType
from webmap.forms import Filled, Form
from webmap.gates import gated, place_session
from webmap.pages.drawn import feature, read_polygon
from webmap.pages.lanes import here, signature

observations = Blueprint("observations", __name__)

# What was seen encloses or covers ground; "none" is a survey's word for clear.
KINDS = [kind for kind in StructureType if kind is not StructureType.NONE]


@observations.get("/c/<place>/observations/new")
@gated(Permission.CASE_VERIFY)
def new_observation(place: str) -> ResponseReturnValue:
    """Show the form of what was seen, near the parcel that the address names."""
    with place_session() as session:
        return _page(session, Filled())


@observations.post("/c/<place>/observations/new")
@gated(Permission.CASE_VERIFY)
def add(place: str) -> ResponseReturnValue:
    """Keep what was seen, flag it, and lead to its case."""
    with place_session() as session:
        form = Form.of_request()
        community = here(session)
        try:
            with session.begin_nested():
                polygon = read_polygon(form, "polygon")
                kind = form.choice("structure_type", StructureType)
                note = form.text("note", needed=False)
                form.check()
                assert kind is not None
                seen, _report = record_sighting(
                    session, community, Sighting(polygon, kind, note), signature()
                )
        except InputError as error:
            return _page(session, Filled.again(error)), 422
        case_id = _case_of(session, community.id, seen.id)
        session.commit()
    if case_id is not None:
        return redirect(url_for("cases.case_page", place=place, case_id=case_id))
    return redirect(url_for("pages.map_page", place=place))


def _case_of(session: Session, community_id: int, observation: uuid.UUID) -> uuid.UUID | None:
    """Return the case that an observation came to, by its own ground or as a rebound."""
    from cases.models import AreaEntry

    own = select(Encroachment.case_id).where(
        Encroachment.community_id == community_id, Encroachment.observation_id == observation
    )
    again = select(AreaEntry.case_id).where(
        AreaEntry.community_id == community_id, AreaEntry.observation_id == observation
    )
    return session.scalar(
        select(Case.id)
        .where(Case.community_id == community_id, Case.id.in_(own.union(again)))
        .limit(1)
    )


def _page(session: Session, filled: Filled) -> str:
    community = here(session)
    asked = request.args.get("parcel")
    return render_template(
        "observation.html",
        community=community,
        filled=filled,
        kinds=KINDS,
        asked=asked,
        buildings=[
            feature(one.id, one.outline, ref=one.ref)
            for one in mapped_buildings(session, community)
        ],
        parcels=[
            feature(one.id, one.outline, ref=one.ref) for one in green_parcels(session, community)
        ],
    )
