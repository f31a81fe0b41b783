"""What inspectors found, by the observation and by the case that rest on it."""

import uuid
from typing import Any

from flask import abort, jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields

from cases.access import Permission
from cases.enclosures import find_enclosure
from cases.field.captured import Captured, captured_as, captured_for
from cases.models import FieldVerdict, SubmissionKind
from layers.models import StructureType
from webmap.api.changing import seen_case
from webmap.api.community import asked_community, asking_viewer
from webmap.api.field_reviews import field_reviews
from webmap.api.schemas import says, word
from webmap.gates import gated, place_session


class CapturedSchema(Schema):
    """What an inspector found, and who let it become an observation."""

    submission = fields.UUID(**says("The submission, whose address has all of it."))
    kind = word(SubmissionKind, "Whether something is enclosed or the household is clear.")
    observation = fields.UUID(**says("The observation that it became."))
    observation_ref = fields.String(**says("Its ref."))
    structure_types = fields.List(
        word(StructureType, "One of them."), **says("What stands there, the main one first.")
    )
    height_m = fields.Float(**says("How high it is.", allow_none=True))
    plants = fields.String(**says("What grows there."))
    note = fields.String(**says("A note."))
    household = fields.String(
        **says("The household that the inspector named; null where hidden.", allow_none=True)
    )
    area_m2 = fields.Float(**says("In m2 of the survey CRS, as sent.", allow_none=True))
    observed_on = fields.Date(**says("On which day it was seen."))
    recorded_by = fields.String(**says("Who sent it."))
    received_at = fields.DateTime(**says("When it was stored, by the server's clock."))
    verdict = word(FieldVerdict, "Whether it was accepted by itself or merged.")
    decided_by = fields.String(**says("Who decided."))
    decided_at = fields.DateTime(**says("When."))
    reason = fields.String(**says("What the reviewer noted."))


@field_reviews.route("/communities/<place>/observations/<uuid:observation_id>/submissions")
@field_reviews.response(200, CapturedSchema(many=True))
@gated(Permission.MAP_READ)
def observation_submissions(place: str, observation_id: uuid.UUID) -> ResponseReturnValue:
    """What inspectors sent that became an observation, or one whose place it took."""
    viewer = asking_viewer()
    with place_session() as session:
        community = asked_community(session)
        found = find_enclosure(session, community, observation_id, viewer) or abort(404)
        return jsonify([_told(one) for one in captured_as(session, community, found.seen, viewer)])


@field_reviews.route("/communities/<place>/cases/<uuid:case_id>/submissions")
@field_reviews.response(200, CapturedSchema(many=True))
@gated(Permission.CASE_READ)
def case_submissions(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """What inspectors sent of the ground of a case, those accepted last first."""
    with place_session() as session:
        case = seen_case(session, asked_community(session), case_id)
        return jsonify([_told(one) for one in captured_for(session, case, asking_viewer())])


def _told(one: Captured) -> dict[str, Any]:
    sent, decided = one.sent, one.decision
    return {
        "submission": str(sent.id),
        "kind": sent.kind,
        "observation": str(decided.observation_id),
        "observation_ref": one.observation,
        "structure_types": sent.structure_types,
        "height_m": sent.height_m,
        "plants": sent.plants,
        "note": sent.note,
        "household": one.household,
        "area_m2": sent.area_m2,
        "observed_on": one.observed_on.isoformat(),
        "recorded_by": sent.recorded_by,
        "received_at": sent.received_at.isoformat(),
        "verdict": decided.verdict,
        "decided_by": decided.decided_by,
        "decided_at": decided.decided_at.isoformat(),
        "reason": decided.reason,
    }
