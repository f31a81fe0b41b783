"""People as pages name them: by the name of their account, else as they are on record."""

from collections.abc import Callable, Iterable

from sqlalchemy.orm import Session

from cases.people import account_names
from webmap.words import word


def naming(session: Session, addresses: Iterable[str | None] = ()) -> Callable[[str], str]:
    """Return what names an actor; ``addresses`` are those that are sure to be asked for.

    The record keeps the address, as names change and two people may share one.
    """
    names: dict[str, str] = {}

    def read(unknown: set[str]) -> None:
        found = account_names(session, unknown) if unknown else {}
        names.update({actor: found.get(actor) or word("actor", actor) for actor in unknown})

    def person(actor: str) -> str:
        if actor not in names:
            read({actor})
        return names[actor]

    read({one for one in addresses if one})
    return person
