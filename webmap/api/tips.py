"""Neighbours' tips: written down without a name, read only by those who check them."""

import datetime as dt
import uuid
from typing import Any

from flask import abort
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.models import Tip, TipState
from cases.signing import Signature
from cases.tips import ListedTip, TipPosition, add_tip, check_tip, find_listed_tip, list_tips
from webmap.api.blueprint import Blueprint
from webmap.api.cases import LONGEST_REF
from webmap.api.community import asked_community, asking_viewer
from webmap.api.cursors import read_place, write_place
from webmap.api.fields import Text, Word
from webmap.api.histories import SubmissionSchema
from webmap.api.paging import PageQuerySchema, page_of
from webmap.api.schemas import says, word
from webmap.api.submitting import submit
from webmap.gates import gated, place_session

tips = Blueprint("tips", __name__, "What neighbours tell in confidence.")


class TipSchema(Schema):
    """A tip; nobody's name is kept with it."""

    id = fields.UUID(**says("Its identifier."))
    received_on = fields.Date(**says("When it came."))
    parcel = fields.String(**says("The ref of the parcel that it names.", allow_none=True))
    building = fields.String(**says("The ref of the building there.", allow_none=True))
    wording = fields.String(**says("What was told."))
    state = word(TipState, "How far it has been checked.")
    checked_on = fields.Date(**says("When it was checked.", allow_none=True))
    checked_by = fields.String(**says("Whose account checked it.", allow_none=True))
    note = fields.String(**says("What the check found."))


class TipPageSchema(Schema):
    """A page of the tips."""

    next = fields.String(
        **says("The address of the next page; null after the last.", allow_none=True)
    )
    tips = fields.List(fields.Nested(TipSchema), **says("Those that wait come first."))


class NewTipSchema(Schema):
    """A tip to be kept."""

    wording = Text(
        required=True,
        metadata={
            "description": "Only the place and what is to be seen there: no name, and nothing by"
            " which whoever told it could be known."
        },
    )
    parcel = Text(
        LONGEST_REF, load_default="", metadata={"description": "The ref of a parcel, if known."}
    )


class KeptTipSchema(Schema):
    """That a tip is kept; what it says is not repeated."""

    id = fields.UUID(**says("Its identifier."))


class CheckSchema(Schema):
    """What became of a tip after a look."""

    outcome = Word(
        TipState,
        code="outcome",
        noun="outcome",
        required=True,
        metadata={"description": "confirmed or dismissed."},
    )
    note = Text(load_default="", metadata={"description": "What was found; needed to dismiss it."})


@tips.route("/communities/<place>/tips")
@tips.arguments(PageQuerySchema, location="query")
@tips.response(200, TipPageSchema)
@gated(Permission.TIP_CHECK)
def place_tips(asked: dict[str, Any], place: str) -> ResponseReturnValue:
    """Tips of a community, those that wait first, for those who check them."""
    of, after = f"tips of {place}", None
    if asked["cursor"]:
        checked, day, last = read_place(asked["cursor"], of, 3)
        after = TipPosition(checked, dt.date.fromisoformat(day), uuid.UUID(last))
    with place_session() as session:
        community, limit = asked_community(session), asked["limit"]
        found = list_tips(session, community, after=after, limit=limit + 1)
    last_shown = found[limit - 1].position if len(found) > limit else None
    following = last_shown and write_place(
        of, last_shown.is_checked, last_shown.received_on.isoformat(), last_shown.id.hex
    )
    return page_of(following, tips=[_told(one) for one in found[:limit]])


@tips.route("/communities/<place>/tips/<uuid:tip_id>", methods=["PUT"])
@tips.arguments(NewTipSchema, example={"wording": "A new fence behind building 12."})
@tips.response(200, KeptTipSchema)
@gated(Permission.TIP_ADD)
def keep_tip(asked: dict[str, Any], place: str, tip_id: uuid.UUID) -> ResponseReturnValue:
    """Keep what a neighbour told, under an identifier of the sender's own making.

    Sent again, it is kept once. An Idempotency-Key would be kept with the account that sent
    it, and who wrote a tip down is kept nowhere.
    """
    viewer = asking_viewer()

    def work(session: Session) -> dict[str, Any]:
        by = Signature(viewer.actor, permissions=viewer.permissions)
        community = asked_community(session)
        add_tip(session, community, asked["wording"], asked["parcel"], by, tip_id)
        return {"id": str(tip_id)}

    return submit(None, work)


@tips.route("/communities/<place>/tips/<uuid:tip_id>/check", methods=["POST"])
@tips.arguments(SubmissionSchema, location="headers")
@tips.arguments(CheckSchema, example={"outcome": "dismissed", "note": "It is the old hedge."})
@tips.response(200, TipSchema)
@gated(Permission.TIP_CHECK)
def check_one_tip(
    headers: dict[str, Any], asked: dict[str, Any], place: str, tip_id: uuid.UUID
) -> ResponseReturnValue:
    """Confirm a tip after a look, or dismiss it; neither touches any case.

    A tip is checked once: whoever comes second is told who checked it and when.
    """
    viewer = asking_viewer()

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        if session.get(Tip, (community.id, tip_id)) is None:
            abort(404)
        by = Signature(viewer.actor, permissions=viewer.permissions)
        check_tip(session, community, tip_id, asked["outcome"], asked["note"], by)
        return _told(find_listed_tip(session, community, tip_id))

    return submit(headers.get("key"), work)


def _told(tip: ListedTip) -> dict[str, Any]:
    return {
        "id": str(tip.id),
        "received_on": tip.received_on.isoformat(),
        "parcel": tip.parcel,
        "building": tip.building,
        "wording": tip.wording,
        "state": tip.state,
        "checked_on": tip.checked_on and tip.checked_on.isoformat(),
        "checked_by": tip.checked_by,
        "note": tip.note,
    }
