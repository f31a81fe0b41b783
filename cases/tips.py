"""Neighbours' tips: told in confidence, checked first, never scored (DOMAIN, product rule 19).

Nobody is named, not even who wrote a tip down. A tip is no observation and belongs to no
case: what was checked is seen anew by whoever checks, and stands on its own.
"""

import datetime as dt
import uuid
from dataclasses import dataclass

from geoalchemy2.shape import to_shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.ledger import Moment
from cases.models import Tip, TipState
from cases.requirements import LONGEST_TEXT
from cases.signing import Signature
from gis.problems import InputError, Problem, Said
from layers.frames import Rows
from layers.models import Building, Community, Parcel, ParcelKind
from layers.places import lock_community


@dataclass(frozen=True)
class TipPosition:
    """Where a tip stands in the list: after those that wait, later ones first."""

    is_checked: bool
    received_on: dt.date
    id: uuid.UUID


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

    @property
    def position(self) -> TipPosition:
        """Return where it stands in the list."""
        return TipPosition(self.state is not TipState.RECEIVED, self.received_on, self.id)


@dataclass(frozen=True)
class GreenParcel:
    """A parcel of public green to choose, with its outline in EPSG:4326."""

    id: uuid.UUID
    ref: str
    outline: BaseGeometry


def add_tip(
    session: Session,
    community: Community,
    wording: str,
    parcel: str,
    by: Signature,
    tip_id: uuid.UUID | None = None,
) -> Tip:
    """Keep what a neighbour told, at the parcel of that ref or at none where it is empty.

    Who told it and who wrote it down is not kept. ``tip_id`` is the sender's own: the same
    tip sent again is kept once. The caller commits. Raises ``InputError`` with everything
    that is wrong.
    """
    found = _parcel(session, community, parcel.strip())
    problems = [*by.lacks(Permission.TIP_ADD), *_text_problems("wording", wording, needed=True)]
    if parcel.strip() and found is None:
        text: str = Said("There is no parcel {parcel!r} in this community.", parcel=parcel)
        remedy = "Choose it on the map, or leave it out."
        problems.append(Problem("unknown_parcel", text, remedy, field="parcel"))
    if problems:
        raise InputError(problems)
    if tip_id is not None and (kept := _kept(session, community, tip_id)) is not None:
        if (kept.wording, kept.parcel_id) != (wording.strip(), found and found.id):
            text, remedy = "Another tip has this identifier.", "Make a new one."
            raise InputError([Problem("key_reused", text, remedy, field="tip_id")])
        return kept
    tip = Tip(
        community_id=community.id,
        id=tip_id or uuid.uuid4(),
        received_on=Moment.of(community, by.at).day,
        parcel_id=None if found is None else found.id,
        wording=wording.strip(),
        state=TipState.RECEIVED,
    )
    session.add(tip)
    session.flush()
    return tip


def list_tips(
    session: Session,
    community: Community,
    *,
    after: TipPosition | None = None,
    limit: int | None = None,
) -> list[ListedTip]:
    """Return tips, those that wait first, then the latest; ``after`` is where a page begins."""
    rows = _tips(community).order_by(_is_checked(), Tip.received_on.desc(), Tip.id).limit(limit)
    if after is not None:
        rows = rows.where(_follows(after))
    return [_listed(*row) for row in session.execute(rows)]


def find_listed_tip(session: Session, community: Community, tip_id: uuid.UUID) -> ListedTip:
    """Return one tip that there is."""
    return _listed(*session.execute(_tips(community).where(Tip.id == tip_id)).one())


def _tips(community: Community) -> Rows:
    return (
        select(Tip, Parcel.ref, Building.ref)
        .outerjoin(Parcel, (Parcel.community_id == Tip.community_id) & (Parcel.id == Tip.parcel_id))
        .outerjoin(
            Building,
            (Building.community_id == Parcel.community_id) & (Building.id == Parcel.building_id),
        )
        .where(Tip.community_id == community.id)
    )


def _is_checked() -> ColumnElement[bool]:
    return Tip.state != TipState.RECEIVED


def _follows(place: TipPosition) -> ColumnElement[bool]:
    """Return which tips stand behind a place of the list."""
    same_day = and_(Tip.received_on == place.received_on, Tip.id > place.id)
    later = or_(Tip.received_on < place.received_on, same_day)
    # Every checked tip stands behind every one that waits.
    return and_(_is_checked(), later) if place.is_checked else or_(_is_checked(), later)


def _listed(tip: Tip, parcel: str | None, building: str | None) -> ListedTip:
    return ListedTip(
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


def _kept(session: Session, community: Community, tip_id: uuid.UUID) -> Tip | None:
    lock_community(session, community.id)
    return session.get(Tip, (community.id, tip_id), populate_existing=True)


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
