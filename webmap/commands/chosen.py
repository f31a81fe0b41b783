"""The communities that a command's ``--community`` means."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from gis.problems import InputError, Problem, Said
from layers.features import find_place
from layers.models import Community


def chosen_communities(session: Session, code: str | None) -> Sequence[Community]:
    """Return a community, or all communities under a region; all there are for ``None``.

    Raises ``InputError`` where there is no place of that code.
    """
    chosen = select(Community).order_by(Community.code)
    if code is None:
        return session.scalars(chosen).all()
    place = find_place(session, code)
    if place is None:
        message = Said("There is no community or region {code!r}.", code=code)
        remedy = "List them with 'commongreen community list'."
        raise InputError([Problem("unknown_place", message, remedy, field="community")])
    return session.scalars(chosen.where(Community.id.in_(place.communities))).all()
