"""The communities that a command's ``--community`` means."""

from gis.problems import InputError, Problem
from layers.db import EVERYWHERE, Database
from layers.features import find_place


def chosen_communities(database: Database, code: str) -> list[int]:
    """Return the ids of a community, or of all communities under a region.

    Raises ``InputError`` where there is no place of that code.
    """
    with database.session(EVERYWHERE) as session:
        place = find_place(session, code)
    if place is None:
        message = f"There is no community or region {code!r}."
        remedy = "List them with 'commongreen community list'."
        raise InputError([Problem("unknown_place", message, remedy, field="community")])
    return sorted(place.communities)
