"""Parcels: whose the ground is, what was found on it, and the cases about it."""

import uuid
from typing import Any

from flask import abort, jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields

from cases.access import Permission
from cases.map_filter import MOST_MATCHES, matching
from cases.models import AnswerBasis, FindingKind
from cases.parcel_file import parcel_file
from layers.models import LinkMethod, LinkRole, ParcelKind, StructureType, TitleBasis
from layers.search import LONGEST
from webmap.api.blueprint import Blueprint
from webmap.api.community import asked_community, asking_viewer
from webmap.api.fields import Text
from webmap.api.histories import CaseSchema
from webmap.api.schemas import says, word
from webmap.gates import gated, place_session

parcels = Blueprint("parcels", __name__, "Ground within a community.")


class ParcelSurveySchema(Schema):
    """The survey that brought a parcel."""

    date = fields.Date(**says("When it was made."))
    surveyor = fields.String(**says("By whom."))
    rms_m = fields.Float(**says("The RMS error of its vertices in m.", allow_none=True))
    crs = fields.String(**says("The CRS in which it was delivered."))
    file = fields.String(**says("The name of the file."))


class LinkedHouseholdSchema(Schema):
    """A household that a parcel belongs to; residents are in no answer."""

    ref = fields.String(**says("The household's ref."))
    role = word(LinkRole, "What it is to the parcel.")
    method = word(LinkMethod, "How that is known.")
    share = fields.Float(**says("Its share, 0 to 1."))
    distance_m = fields.Float(**says("How far its door is, in m.", allow_none=True))


class EncroachmentSchema(Schema):
    """The part of an enclosure that lies on this parcel."""

    id = fields.UUID(**says("Its identifier."))
    observation = fields.String(**says("The ref of the observation."))
    structure = word(StructureType, "What encloses the ground.")
    observed_on = fields.Date(**says("When it was seen."))
    occupied_m2 = fields.Float(**says("Occupied area in m2."))
    countable_m2 = fields.Float(**says("The part that counts as green, without the wall strip."))
    uncertainty_m2 = fields.Float(**says("Two standard deviations of the area, in m2."))
    household = fields.String(**says("The ref of the household that answers.", allow_none=True))
    answer_basis = word(AnswerBasis, "Why that household answers.")
    case = fields.UUID(**says("Its case.", allow_none=True))
    found_on = fields.Date(**says("When it was flagged."))
    verified_on = fields.Date(**says("When it was verified.", allow_none=True))
    superseded_on = fields.Date(**says("When a correction ended it.", allow_none=True))
    standing = fields.Boolean(**says("Whether any of it still stands."))


class FindingSchema(Schema):
    """An overlap that is listed and accuses nobody."""

    id = fields.UUID(**says("Its identifier."))
    observation = fields.String(**says("The ref of the observation."))
    observed_on = fields.Date(**says("When it was seen."))
    kind = word(FindingKind, "Why it accuses nobody.")
    area_m2 = fields.Float(**says("Its area in m2."))
    width_m = fields.Float(**says("Its width in m."))
    reason = fields.String(**says("The reason in words."))


class ParcelSchema(Schema):
    """A parcel with all that lies on it; areas are of the survey CRS."""

    id = fields.UUID(**says("Its identifier."))
    community = fields.String(**says("The code of its community."))
    ref = fields.String(**says("What the register calls it."))
    kind = word(ParcelKind, "What the ground is for.")
    building = fields.String(**says("The ref of the building that it faces.", allow_none=True))
    title = word(TitleBasis, "Whose the ground is.")
    title_evidence = fields.String(**says("By what evidence."))
    title_disputed = fields.Boolean(**says("Whether somebody disputes it."))
    area_m2 = fields.Float(**says("Its area in m2."))
    rms_m = fields.Float(**says("The RMS error of its vertices in m.", allow_none=True))
    source = fields.String(**says("Where it comes from."))
    survey = fields.Nested(
        ParcelSurveySchema, **says("The survey that brought it.", allow_none=True)
    )
    looked = fields.List(fields.Date(), **says("The days on which a survey looked at it."))
    households = fields.List(
        fields.Nested(LinkedHouseholdSchema),
        **says("The households linked to it that the account sees."),
    )
    encroachments = fields.List(
        fields.Nested(EncroachmentSchema), **says("What was found on it, oldest first.")
    )
    findings = fields.List(fields.Nested(FindingSchema), **says("What is listed only."))
    cases = fields.List(fields.Nested(CaseSchema), **says("The cases about it, newest first."))


class FoundBySchema(Schema):
    """What parcels are looked for by."""

    q = Text(
        LONGEST,
        load_default="",
        metadata={
            "description": "Part of a ref, of the name of a building, or of the number of a case;"
            " all parcels where it is left out."
        },
    )


class MatchesSchema(Schema):
    """The parcels that a text finds."""

    parcels = fields.List(
        fields.UUID(), **says(f"Their identifiers, {MOST_MATCHES:,} of them at most.")
    )


@parcels.route("/communities/<place>/parcels")
@parcels.arguments(FoundBySchema, location="query")
@parcels.response(200, MatchesSchema)
@gated(Permission.MAP_READ)
def parcel_matches(asked: dict[str, Any], place: str) -> ResponseReturnValue:
    """Find all parcels by a text.

    The map colours these alone while the text stands. A parcel is found by its own ref,
    its building, the households linked to it and its cases; residents are never found.
    """
    with place_session() as session:
        rows = matching(asked_community(session), asked["q"], asking_viewer())
        return jsonify(parcels=[str(key) for key in session.scalars(rows)])


@parcels.route("/communities/<place>/parcels/<uuid:parcel_id>")
@parcels.response(200, ParcelSchema)
@gated(Permission.MAP_READ)
def parcel(place: str, parcel_id: uuid.UUID) -> ResponseReturnValue:
    """One parcel with what lies on it, as far as the account sees it.

    The ground is for everybody who reads the map; households, enclosures and findings
    are those of the households and cases that the account sees, and what nobody
    answers for.
    """
    with place_session() as session:
        found = parcel_file(session, asked_community(session), parcel_id, asking_viewer())
    return jsonify(found) if found is not None else abort(404)
