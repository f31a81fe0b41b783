"""Neighbours' tips: told in confidence, checked first, never scored (DOMAIN, product rule 19).

Nobody is named, not even who wrote a tip down. A tip is no observation and belongs to no
case: what was checked is seen anew by whoever checks, and stands on its own.
"""

import datetime as dt
import uuid
from collections.abc import Collection
from dataclasses import dataclass

from geoalchemy2.shape import to_shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.ledger import Moment
from cases.models import Tip, TipState
from cases.requirements import LONGEST_TEXT
from cases.signing import Signature
from gis.problems import InputError, Problem, Said
from layers.models import Building, Community, Parcel, ParcelKind


@dataclass(frozen=True)
class ListedTip:
    """A tip as those see it who may check it."""

    id: uuid.UUID
    received_on: dt.date
    parcel: str | None
    parcel_id: uuid.UUID | None
    building: str | None
    wording: str
    state: TipState
    checked_on: dt.date | None
    checked_by: str | None
    note: str


@dataclass(frozen=True)
class GreenParcel:
    """A parcel of public green to choose, with its outline in EPSG:4326."""

    id: uuid.UUID
    ref: str
    outline: BaseGeometry


def add_tip(
    session: Session, community: Community, wording: str, parcel: str, by: Signature
) -> Tip:
    """Keep what a neighbour told, at the parcel of that ref or at none where it is empty.

    Who told it and who wrote it down is not kept. The caller commits. Raises
    ``InputError`` with everything that is wrong.
    """
    found = _parcel(session, community, parcel.strip())
    problems = [*by.lacks(Permission.TIP_ADD), *_text_problems("wording", wording, needed=True)]
    if parcel.strip() and found is None:
        text = Said("There is no parcel {parcel!r} in this community.", parcel=parcel)
        remedy = "Choose it on the map, or leave it out."
        problems.append(Problem("unknown_parcel", text, remedy, field="parcel"))
    if problems:
        raise InputError(problems)
    tip = Tip(
        community_id=community.id,
        id=uuid.uuid4(),
        received_on=Moment.of(community, by.at).day,
        parcel_id=None if found is None else found.id,
        wording=wording.strip(),
        state=TipState.RECEIVED,
    )
    session.add(tip)
    session.flush()
    return tip


def list_tips(
    session: Session, community: Community, states: Collection[TipState] = tuple(TipState)
) -> list[ListedTip]:
    """Return tips in these states, those that wait first, then the latest."""
    rows = session.execute(
        select(Tip, Parcel.ref, Building.ref)
        .outerjoin(Parcel, (Parcel.community_id == Tip.community_id) & (Parcel.id == Tip.parcel_id))
        .outerjoin(
            Building,
            (Building.community_id == Parcel.community_id) & (Building.id == Parcel.building_id),
        )
        .where(Tip.community_id == community.id, Tip.state.in_(sorted(states)))
        .order_by(Tip.state != TipState.RECEIVED, Tip.received_on.desc(), Tip.id)
    )
    return [
        ListedTip(
            tip.id,
            tip.received_on,
            parcel,
            tip.parcel_id,
            building,
            tip.wording,
            tip.state,
            tip.checked_on,
            tip.checked_by,
            tip.note,
        )
        for tip, parcel, building in rows
    ]


def count_waiting(session: Session, community: Community) -> int:
    """Return how many tips nobody has checked."""
    waiting = select(func.count()).where(
        Tip.community_id == community.id, Tip.state == TipState.RECEIVED
    )
    return session.scalar(waiting) or 0


def check_tip(
    session: Session,
    community: Community,
    tip_id: uuid.UUID,
    outcome: TipState,
    note: str,
    by: Signature,
) -> Tip:
    """Confirm a tip after a look, or dismiss it with a note; neither touches any case.

    The caller commits. Raises ``InputError`` with everything that is wrong.
    """
    tip = session.get(Tip, (community.id, tip_id), with_for_update=True, populate_existing=True)
    needed = outcome is TipState.DISMISSED
    problems = [*by.lacks(Permission.TIP_CHECK), *_text_problems("note", note, needed=needed)]
    if outcome is TipState.RECEIVED:
        problems.append(Problem("outcome", "A check has an outcome.", "Confirm or dismiss it."))
    if tip is None:
        problems.append(Problem("unknown_tip", "There is no such tip.", "Choose one of the list."))
    elif tip.state is not TipState.RECEIVED:
        text = Said(
            "The tip was {state} on {checked_on}.", state=tip.state, checked_on=tip.checked_on
        )
        problems.append(Problem("tip_checked", text, "Choose one that waits."))
    if problems or tip is None:
        raise InputError(problems)
    tip.state, tip.note = outcome, note.strip()
    tip.checked_on, tip.checked_by = Moment.of(community, by.at).day, by.actor
    session.flush()
    return tip


def green_parcels(session: Session, community: Community) -> list[GreenParcel]:
    """Return the parcels of public green, which a tip may be about."""
    rows = session.execute(
        select(Parcel.id, Parcel.ref, Parcel.geom)
        .where(Parcel.community_id == community.id, Parcel.kind == ParcelKind.PUBLIC_GREEN)
        .order_by(Parcel.ref)
    )
    return [GreenParcel(key, ref, to_shape(geom)) for key, ref, geom in rows]


def _parcel(session: Session, community: Community, ref: str) -> Parcel | None:
    return session.scalar(
        select(Parcel).where(Parcel.community_id == community.id, Parcel.ref == ref)
    )


def _text_problems(field: str, text: str, *, needed: bool) -> list[Problem]:
    if needed and not text.strip():
        message, remedy = (
            Said("There is no {field}.", field=field),
            Said("Give the {field}.", field=field),
        )
        return [Problem(f"{field}_missing", message, remedy, field=field)]
    if len(text) > LONGEST_TEXT:
        message = Said(
            "The {field} has more than {longest_text} characters.",
            field=field,
            longest_text=LONGEST_TEXT,
        )
        return [Problem("too_long", message, "Shorten it.", field=field)]
    return []
