"""People as the API names them: by the addresses of their accounts."""

from typing import Any

from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from cases.assignment import Duty, workers
from gis.problems import Problem, Said
from layers.models import Community
from webmap.api.schemas import says

LONGEST_ADDRESS = 254


class WorkerSchema(Schema):
    """Somebody who can be assigned."""

    account = fields.String(**says("The address of the account."))
    name = fields.String(**says("The name."))


def listed_workers(session: Session, community: Community, duty: Duty) -> list[dict[str, Any]]:
    """Return who can be assigned to cases of a community, by name."""
    found = workers(session, community, duty)
    return [{"account": one.email, "name": one.name} for one in found]


def account_of(
    session: Session, community: Community, duty: Duty, address: str | None
) -> tuple[int | None, list[Problem]]:
    """Return the account of an address, ``None`` for none, and what is wrong with it."""
    if address is None:
        return None, []
    known = {one.email: one.id for one in workers(session, community, duty)}
    if (found := known.get(address.lower())) is not None:
        return found, []
    text = Said("{address!r} works here as no {duty}.", address=address[:40], duty=duty)
    remedy = "Choose one of the community's workers."
    return None, [Problem("no_worker", text, remedy, field=duty)]
