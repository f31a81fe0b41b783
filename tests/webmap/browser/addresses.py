"""Every page there is, an address to a line: whoever adds a page adds it here."""

import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select

from cases.access import Role
from cases.models import (
    Account,
    Campaign,
    Case,
    DocumentRecord,
    FieldSubmission,
    Idempotency,
    Lane,
    SubmissionKind,
)
from layers.db import EVERYWHERE
from layers.migrate import open_database
from layers.models import Community, Observation
from tests.webmap.browser.conftest import Site, address

# Who opens it, and where; {place} is a compound, {town} a region, {case:...} a case in a state.
PAGES = """
nobody      /login
nobody      /login?next=https://elsewhere.example/
nobody      /nothing
nobody      /reset
nobody      /reset/no-such-token
nobody      /d/no-such-token
inspector   /places
inspector   /places?q=000
inspector   /nothing
inspector   /map/{town}
inspector   /map/{place}
inspector   /c/{place}/cases
inspector   /c/{place}/cases?sort=-occupied_m2&state=verified&state=announced
inspector   /c/{place}/cases?q=000
inspector   /c/{place}/cases/{case:suspected}
inspector   /c/{place}/cases/{case:self_clearing}
secretary   /c/{place}/cases/{case:verified}
secretary   /c/{place}/cases/{case:announced}
inspector   /c/{place}/cases/{case:accepted}
planner     /c/{place}/cases/{case:referred}
official    /places
official    /c/{place}/cases
official    /c/{place}/cases/{case:referred}
secretary   /c/{place}/campaigns
planner     /c/{place}/campaigns
secretary   /c/{place}/campaigns/{campaign}
secretary   /c/{place}/papers/{paper}
planner     /c/{place}/papers/{paper}
secretary   /c/{place}/lanes
inspector   /c/{town}/lanes
secretary   /c/{place}/lanes/new
secretary   /c/{place}/lanes/{lane}
inspector   /c/{place}/observations/new
planner     /c/{place}/sites
secretary   /c/{place}/sites
planner     /c/{place}/sites/new
planner     /c/{place}/edit
inspector   /c/{place}/observations
secretary   /c/{place}/observations/{observation}
planner     /c/{place}/observations/{observation}
secretary   /c/{place}/submissions
inspector   /c/{place}/submissions
secretary   /c/{place}/submissions?state=accepted
secretary   /c/{place}/submissions?state=merged
secretary   /c/{place}/submissions/{conflict}
secretary   /c/{place}/submissions/{clear}
secretary   /c/{place}/submissions/{doubtful}
inspector   /c/{place}/submissions/{doubtful}
secretary   /c/{place}/submissions/import/{import}
secretary   /c/{place}/tips
inspector   /c/{place}/work
secretary   /c/{place}/work
lane_housekeeper /c/{place}/work
inspector   /work
inspector   /my-household
inspector   /account
inspector   /account/password
inspector   /account/recovery-codes
inspector   /account/verify
inspector   /account/factor
admin       /accounts
admin       /accounts/waiting
admin       /accounts/{account}
inspector   /api
inspector   /field/
"""


@dataclass(frozen=True)
class Address:
    """A page as somebody opens it; ``role`` is ``None`` for whoever has not logged in."""

    role: Role | None
    path: str

    def __str__(self) -> str:
        """Return the name that a test is listed under."""
        return f"{self.role or 'nobody'} {self.path}"

    @property
    def has_map(self) -> bool:
        """Return whether the page is the map of a place."""
        return re.fullmatch(r"/map/[^/]+", self.path) is not None

    def at(self, site: Site, language: str) -> str:
        """Return the address on a running site, in a language."""
        path = re.sub(r"\{case:(\w+)\}", lambda found: _case(site, found[1]), self.path)
        for name, find in {
            "{campaign}": _campaign,
            "{paper}": _paper,
            "{lane}": _lane,
            "{observation}": _seen,
            "{conflict}": _conflict,
            "{clear}": _clear,
            "{doubtful}": _doubtful,
            "{import}": _import,
            "{account}": _account,
        }.items():
            path = path.replace(name, find(site)) if name in path else path
        path = path.replace("{place}", site.plain).replace("{town}", site.town)
        return f"{path}{'&' if '?' in path else '?'}lang={language}"


def every_page() -> list[Address]:
    """Return the pages of :data:`PAGES`."""
    lines = [line.split() for line in PAGES.split("\n") if line]
    return [Address(None if who == "nobody" else Role(who), path) for who, path in lines]


def _case(site: Site, state: str) -> str:
    return _first(site, select(Case.id).where(Case.state == state).order_by(Case.number), Case)


def _campaign(site: Site) -> str:
    return _first(site, select(Campaign.id).order_by(Campaign.ref), Campaign)


def _paper(site: Site) -> str:
    order = (DocumentRecord.year, DocumentRecord.number, DocumentRecord.version)
    return _first(site, select(DocumentRecord.id).order_by(*order), DocumentRecord)


def _lane(site: Site) -> str:
    return _first(site, select(Lane.id).order_by(Lane.name), Lane)


def _seen(site: Site) -> str:
    return _first(site, select(Observation.id).order_by(Observation.ref), Observation)


def _conflict(site: Site) -> str:
    return _first(
        site, select(FieldSubmission.id).where(FieldSubmission.keep_both), FieldSubmission
    )


def _clear(site: Site) -> str:
    is_clear = FieldSubmission.kind == SubmissionKind.CLEAR
    return _first(site, select(FieldSubmission.id).where(is_clear), FieldSubmission)


def _doubtful(site: Site) -> str:
    return _first(
        site, select(FieldSubmission.id).where(FieldSubmission.is_clock_doubtful), FieldSubmission
    )


def _import(site: Site) -> str:
    return _first(site, select(Idempotency.key).order_by(Idempotency.at), Idempotency)


def _account(site: Site) -> str:
    database = open_database(site.settings)
    with database.session(EVERYWHERE) as session:
        wanted = select(Account.public_id).where(Account.email == address(Role.PLANNER))
        found = session.scalar(wanted)
    database.engine.dispose()
    return str(found)


def _first(
    site: Site,
    rows: Select[Any],
    table: type[
        Case | Campaign | DocumentRecord | FieldSubmission | Idempotency | Lane | Observation
    ],
) -> str:
    database = open_database(site.settings)
    with database.session(EVERYWHERE) as session:
        place = select(Community.id).where(Community.code == site.plain)
        found = session.scalars(rows.where(table.community_id == place.scalar_subquery())).first()
    database.engine.dispose()
    assert found is not None
    return str(found)
