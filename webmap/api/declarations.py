"""The one-time link by which the household of a case declares that it clears."""

import uuid
from typing import Any
from urllib.parse import urljoin

from flask import request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.declarations import make_link
from cases.signing import Signature
from webmap.api.blueprint import Blueprint
from webmap.api.changing import seen_case
from webmap.api.community import asked_community, asking_viewer
from webmap.api.schemas import says
from webmap.api.submitting import submit
from webmap.connections import current_settings
from webmap.gates import gated

declarations = Blueprint("declarations", __name__, "How households declare that they clear.")


class LinkSchema(Schema):
    """A link that is good once; it is told this once and kept nowhere."""

    address = fields.String(**says("The address to print, or to show as a code."))
    expires_at = fields.DateTime(**says("Until when it is good."))


@declarations.route("/communities/<place>/cases/<uuid:case_id>/declaration-link", methods=["POST"])
@declarations.response(200, LinkSchema)
@gated(Permission.CASE_DECLARE)
def make_declaration_link(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Make a one-time link for the household of a case.

    It ends the one before. There is no Idempotency-Key: what is kept of an answer would hold
    the link, and whoever holds it can declare.
    """
    viewer = asking_viewer()

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        case = seen_case(session, community, case_id)
        by = Signature(viewer.actor, permissions=viewer.permissions)
        token, link = make_link(session, community, case.id, by)
        base = current_settings().public_url or request.url_root
        address = urljoin(base, url_for("declarations.declare", token=token))
        return {"address": address, "expires_at": link.expires_at.isoformat()}

    response = submit(None, work)
    response.headers["Cache-Control"] = "no-store"
    return response
