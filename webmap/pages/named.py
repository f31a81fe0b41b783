"""People as pages name them: by the name of their account, else as they are on record."""

from collections.abc import Callable, Iterable

from sqlalchemy.orm import Session

from cases.people import account_names
from webmap.words import word


def naming(session: Session, addresses: Iterable[str | None]) -> Callable[[str], str]:
    """Return what names an actor, of those whose ``addresses`` a page shows.

    The record keeps the address, as names change and two people may share one.
    """
    names = account_names(session, [one for one in addresses if one])
    return lambda actor: names.get(actor) or word("actor", actor)
