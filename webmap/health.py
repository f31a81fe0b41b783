"""Whether the program lives and whether it can serve (SAFETY, "Health")."""

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from layers.db import DatabaseError
from layers.readiness import serving_faults
from webmap.connections import current_database
from webmap.gates import Open, gated

health = Blueprint("health", __name__)


@health.get("/live")
@gated(Open.PUBLIC)
def live() -> ResponseReturnValue:
    """Answer without touching anything."""
    return jsonify(live=True)


@health.get("/ready")
@gated(Open.PUBLIC)
def ready() -> ResponseReturnValue:
    """Tell whether the database serves as it must; 503 with the reasons where not.

    The reasons name roles and settings, never data.
    """
    try:
        faults = serving_faults(current_database())
    except (SQLAlchemyError, DatabaseError):
        faults = ["The database does not answer."]
    return jsonify(ready=not faults, faults=faults), 503 if faults else 200
