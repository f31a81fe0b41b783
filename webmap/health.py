"""Whether the program lives and whether it can serve (SAFETY, "Health")."""

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from cases.chain import ready_head
from layers.db import EVERYWHERE, Database, DatabaseError
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

    The reasons name roles and settings, never data. ``chain`` is one head over the
    history of all communities: how many rows, and a hash that changes with any of them.
    """
    chain = None
    try:
        faults = serving_faults(current_database())
        if not faults:
            chain, faults = _chain(current_database())
    except (SQLAlchemyError, DatabaseError):
        faults = ["The database does not answer."]
    return jsonify(ready=not faults, faults=faults, chain=chain), 503 if faults else 200


def _chain(database: Database) -> tuple[str, list[str]]:
    """Return the head over all chains, and whether any does not end where it should."""
    with database.session(EVERYWHERE) as session:
        head, cut_off = ready_head(session)
    if not cut_off:
        return str(head), []
    return str(head), [
        f"The history of {cut_off} communities does not end where its chain does."
        " Run 'commongreen check'."
    ]
