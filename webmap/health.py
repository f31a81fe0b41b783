"""Whether the program lives and whether it can serve (SAFETY, "Health")."""

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from webmap.gates import Open, gated

health = Blueprint("health", __name__)


@health.get("/live")
@gated(Open.PUBLIC)
def live() -> ResponseReturnValue:
    """Answer without touching anything."""
    return jsonify(live=True)
