"""Links between parcels and households that somebody has written down.

A table has the columns parcel, household, role and share; a parcel's rows
replace the links it had. Nothing here commits.
"""

import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gis.problems import InputError, Problem
from layers.bulk import among, copy_rows
from layers.files.tables import read_csv
from layers.frames import frame, geometries, wkb
from layers.imports.linking import LinkReport
from layers.imports.relook import look_again
from layers.models import (
    Building,
    Community,
    Household,
    LinkMethod,
    LinkRole,
    Parcel,
    ParcelHousehold,
)

MOST_ROWS = 1_000_000

Links = dict[uuid.UUID, tuple[LinkRole, float]]
"""Household to role and share."""

Wanted = dict[uuid.UUID, Links]
"""Parcel to its households."""


def set_links(session: Session, community: Community, path: Path) -> LinkReport:
    """Replace the links of the parcels in a CSV with columns parcel, household, role, share.

    A parcel may have several rows; one without household removes its links.
    ``role`` is adjoining and ``share`` 1 where the table has none. Raises
    ``InputError`` with every fault by row, and changes nothing then.
    """
    wanted = _read_links(session, community.id, path)
    parcels = sorted(wanted)
    before = stored_links(session, community.id, parcels)
    changed = [key for key in parcels if wanted[key] != before.get(key, {})]
    removed = sum(len(before.get(key, {})) for key in changed)
    added = sum(len(wanted[key]) for key in changed)
    replace_links(session, community.id, {key: wanted[key] for key in changed}, LinkMethod.CSV)
    return LinkReport(linked=added, removed=removed, unchanged=len(parcels) - len(changed))


def replace_links(session: Session, community_id: int, wanted: Wanted, method: LinkMethod) -> None:
    """Give each parcel of ``wanted`` exactly these households."""
    session.execute(
        delete(ParcelHousehold)
        .where(ParcelHousehold.community_id == community_id)
        .where(among(ParcelHousehold.parcel_id, wanted))
    )
    rows = [
        (community_id, parcel, household, role, share, method)
        for parcel, homes in wanted.items()
        for household, (role, share) in homes.items()
    ]
    names = ["community_id", "parcel_id", "household_id", "role", "share", "method"]
    copy_rows(session, ParcelHousehold, names, rows)
    where = select(wkb(Parcel.geom)).where(Parcel.community_id == community_id)
    changed = frame(session, where.where(among(Parcel.id, wanted)))
    look_again(session, community_id, geometries(changed))


def stored_links(session: Session, community_id: int, parcels: Iterable[uuid.UUID]) -> Wanted:
    """Return the links that parcels have."""
    query = (
        select(
            ParcelHousehold.parcel_id,
            ParcelHousehold.household_id,
            ParcelHousehold.role,
            ParcelHousehold.share,
        )
        .where(ParcelHousehold.community_id == community_id)
        .where(among(ParcelHousehold.parcel_id, parcels))
    )
    found: Wanted = {}
    for parcel, household, role, share in session.execute(query):
        found.setdefault(parcel, {})[household] = (role, share)
    return found


def _read_links(session: Session, community_id: int, path: Path) -> Wanted:
    table, _encoding = read_csv(path, None, MOST_ROWS)
    missing = [name for name in ("parcel", "household") if name not in table.columns]
    if missing:
        text = f"{path.name} has no column {' and no column '.join(missing)}."
        remedy = "Its columns are parcel, household, role, share."
        raise InputError([Problem("links_columns", text, remedy)])
    parcels = ids_of(session, Parcel, community_id, table["parcel"])
    homes = ids_of(session, Household, community_id, table["household"])
    problems: list[Problem] = []
    wanted: Wanted = {}
    for row, values in enumerate(table.to_dict("records"), start=1):
        _read_link(row, values, parcels, homes, wanted, problems)
    if problems:
        raise InputError(problems)
    return wanted


def _read_link(
    row: int,
    values: dict[Any, Any],
    parcels: dict[str, uuid.UUID],
    homes: dict[str, uuid.UUID],
    wanted: Wanted,
    problems: list[Problem],
) -> None:
    """Add one row of a link table to ``wanted``, or say what is wrong with it."""
    parcel = parcels.get(values["parcel"])
    if parcel is None:
        problems.append(unknown_ref("parcel", values["parcel"], row))
        return
    links = wanted.setdefault(parcel, {})
    if values["household"] is None:
        return
    household = homes.get(values["household"])
    if household is None:
        problems.append(unknown_ref("household", values["household"], row))
        return
    if household in links:
        text = f"{values['parcel']} and {values['household']} are linked twice."
        problems.append(Problem("link_twice", text, "Leave one of the rows out.", row))
    found = read_terms(values.get("role"), values.get("share"), row, problems)
    if found is not None:
        links[household] = found


def read_terms(
    role: str | None, share: Any, row: int, problems: list[Problem]
) -> tuple[LinkRole, float] | None:
    """Return the role and share of a link; a missing one is adjoining, or 1."""
    try:
        kind = LinkRole(role or LinkRole.ADJOINING)
    except ValueError:
        text = f"{role!r} is no role of a household."
        remedy = f"Write {', '.join(LinkRole)}."
        problems.append(Problem("link_role", text, remedy, row, "role"))
        return None
    try:
        part = 1.0 if share is None else float(share)
    except ValueError:
        part = 0.0
    if not 0 < part <= 1:
        text = f"{share!r} is no share."
        problems.append(Problem("link_share", text, "Write more than 0, 1 at most.", row, "share"))
        return None
    return kind, part


def unknown_ref(kind: str, ref: str | None, row: int, field: str | None = None) -> Problem:
    """Return the problem of a row that names something that is not there."""
    text = f"There is no {kind} {ref!r}."
    remedy = f"Correct the name, or import the {kind} first."
    return Problem(f"{kind}_unknown", text, remedy, row, field or kind)


def ids_of(
    session: Session,
    model: type[Building] | type[Parcel] | type[Household],
    community_id: int,
    refs: Iterable[Any],
) -> dict[str, uuid.UUID]:
    """Return the identifiers of those refs that there are."""
    given = sorted({ref for ref in refs if ref is not None})
    query = select(model.ref, model.id).where(model.community_id == community_id)
    return {ref: key for ref, key in session.execute(query.where(among(model.ref, given)))}  # noqa: C416
