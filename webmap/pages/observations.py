"""One polygon that somebody saw, drawn on a plan and flagged at once."""

import uuid

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.lanes import mapped_buildings
from cases.models import AreaEntry, Case, Encroachment
from cases.sightings import Sighting, record_sighting
from cases.tips import green_parcels
from layers.models import StructureType
from webmap.forms import Filled, Form
from webmap.gates import gated
from webmap.pages.drawn import feature, read_polygon
from webmap.pages.opened import OpenedPlace, answer, show

observations = Blueprint("observations", __name__)

# What was seen encloses or covers ground; "none" is a survey's word for clear.
KINDS = [kind for kind in StructureType if kind is not StructureType.NONE]


@observations.get("/c/<place>/observations/new")
@gated(Permission.CASE_VERIFY)
def new_observation(place: str) -> ResponseReturnValue:
    """Show the form of what was seen, near the parcel that the address names."""
    return show(lambda opened: _page(opened, Filled()))


@observations.post("/c/<place>/observations/new")
@gated(Permission.CASE_VERIFY)
def add(place: str) -> ResponseReturnValue:
    """Keep what was seen, flag it, and lead to its case where the account sees that."""

    def act(opened: OpenedPlace, form: Form) -> ResponseReturnValue:
        polygon = read_polygon(form, "polygon")
        kind = form.choice("structure_type", StructureType)
        note = form.text("note", needed=False)
        form.check()
        assert kind is not None
        session, community = opened.session, opened.community
        sighting = Sighting(polygon, kind, note)
        seen, _report = record_sighting(session, community, sighting, opened.signed(form))
        case_id = _case_of(session, community.id, seen.id)
        if case_id is None or not opened.sees(case_id):
            return redirect(url_for("pages.map_page", place=place))
        return redirect(url_for("cases.case_page", place=place, case_id=case_id))

    return answer(act, _page)


def _case_of(session: Session, community_id: int, observation: uuid.UUID) -> uuid.UUID | None:
    """Return the case that an observation came to, by its own ground or as a rebound."""
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


def _page(opened: OpenedPlace, filled: Filled) -> str:
    session, community = opened.session, opened.community
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
