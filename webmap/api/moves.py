"""A move of a case as the API and the form of a page send it: read whole, every fault by field."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields
from marshmallow.validate import Length
from werkzeug.exceptions import PreconditionRequired

from cases.casework import NOTHING_LEFT, Request
from cases.issuing import (
    LONGEST_AUTHORITY,
    LONGEST_ITEM,
    MOST_ITEMS,
    MOST_OF_ONE,
    Item,
    PaperDetails,
)
from cases.parcel_file import Viewer
from cases.workflow import Addressee, State
from gis.problems import InputError
from webmap.api.fields import Ground, Instant, Text, Version, Whole, Word, problems_in

_MISSING = object()


class ItemSchema(Schema):
    """A thing that is moved or taken down with the household's consent."""

    what = Text(LONGEST_ITEM, required=True, metadata={"description": "What it is."})
    count = Whole(
        1, MOST_OF_ONE, load_default=1, metadata={"description": "How many; 1 by default."}
    )
    condition = Text(
        LONGEST_ITEM, load_default="", metadata={"description": "In which condition it is."}
    )


class MoveSchema(Schema):
    """A move of a case; what it needs beside its target is in the case's `moves`."""

    target = Word(
        State,
        code="target",
        noun="state",
        required=True,
        metadata={"description": "The state to come to."},
    )
    residual = Ground(
        metadata={
            "description": "What is still occupied, in EPSG:4326; null says that an inspection"
            " found nothing left."
        }
    )
    at = Instant(
        allow_none=True,
        metadata={"description": "When it happened, with its zone; now by default."},
    )
    document = Text(
        allow_none=True,
        metadata={
            "description": "The number of the paper behind it; without one the paper is issued"
            " with the move."
        },
    )
    reason = Text(allow_none=True, metadata={"description": "The reason, or a note."})
    addressee = Word(
        Addressee,
        code="addressee",
        noun="addressee",
        allow_none=True,
        metadata={"description": "To whom a refusal is referred; the authority by default."},
    )
    inventory = fields.List(
        fields.Nested(ItemSchema),
        allow_none=True,
        validate=Length(max=MOST_ITEMS),
        metadata={"description": "What an assistance consent lists."},
    )
    authority = Text(
        LONGEST_AUTHORITY,
        allow_none=True,
        metadata={"description": "Whom a referral goes to, by name."},
    )
    version = Version(metadata={"description": "The same as in If-Match, for a client's own use."})


def read_move(body: Mapping[str, Any], viewer: Viewer) -> Request:
    """Return what the form of a page asks for; raises ``InputError`` with every fault.

    Without ``version`` two people could overwrite one another: 428 (SAFETY, "Conflicts").
    """
    if "version" not in body:
        raise PreconditionRequired
    try:
        asked = MoveSchema().load(body)
    except ValidationError as error:
        raise InputError(list(problems_in(error.messages))) from None
    return move_request(asked, viewer, asked["version"])


def move_request(asked: Mapping[str, Any], viewer: Viewer, version: int) -> Request:
    """Return a move as :class:`MoveSchema` read it, of the case in ``version``."""
    target, residual = asked["target"], asked.get("residual", _MISSING)
    if residual is _MISSING or (residual is None and target is not State.INSPECTED):
        residual = None
    elif residual is None:
        residual = NOTHING_LEFT
    return Request(
        target,
        viewer.actor,
        at=asked.get("at"),
        document=asked.get("document") or "",
        reason=asked.get("reason") or "",
        residual=residual,
        version=version,
        permissions=viewer.permissions,
        addressee=asked.get("addressee") or Addressee.AUTHORITY,
    )


def paper_details(asked: Mapping[str, Any]) -> PaperDetails:
    """Return what the paper of a move says beside the facts of its case."""
    inventory = [Item(**one) for one in asked.get("inventory") or ()]
    return PaperDetails(inventory, asked.get("authority") or "")
