"""The lanes of an invented compound, with their housekeepers, and who inspects what."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Role
from cases.assignment import RESTING_STATES, Duty, assign, workers
from cases.demo.accounts import PASSWORD, email
from cases.demo.story import LANE_BUILDINGS, LANES
from cases.lanes import LaneForm, save_lane
from cases.models import Case, Lane
from cases.people import ensure_account
from cases.signing import Signature
from layers.models import Building, Community, Household

NAMES = ("东一巷", "东二巷", "中一巷", "中二巷", "西一巷", "西二巷")
BY = "secretary"


def lane_of(building: str) -> int:
    """Return the lane of a building, as the story counts them."""
    return min((int(building) - 1) // LANE_BUILDINGS + 1, LANES)


def furnish_lanes(session: Session, community: Community, at: dt.datetime | None = None) -> None:
    """See that the lanes are there, each with a housekeeper who can log in.

    Called once the buildings are imported, before the first survey is flagged, so that
    every case opens with its housekeeper. A second call changes nothing. The caller
    commits.
    """
    if session.scalar(select(Lane.id).where(Lane.community_id == community.id).limit(1)):
        return
    buildings = session.execute(
        select(Building.ref, Building.id).where(Building.community_id == community.id)
    ).all()
    for number in range(1, LANES + 1):
        keeper = ensure_account(
            session,
            email(f"lane_housekeeper_{number}"),
            name=f"巷管家{number} Lane housekeeper {number}",
            password=PASSWORD,
            role=Role.LANE_HOUSEKEEPER,
            place=community.code,
        )
        mine = frozenset(key for ref, key in buildings if lane_of(ref) == number)
        form = LaneForm(str(number), NAMES[number - 1], keeper.id, mine)
        save_lane(session, community, None, form, Signature(email(BY), at))


def assign_inspectors(
    session: Session, community: Community, at: dt.datetime | None = None
) -> None:
    """Give every case under way the inspector of its lane, as the story has it.

    Their accounts are the demo's (``make_accounts``). The caller commits.
    """
    rows = session.execute(
        select(Case.id, Household.ref)
        .join(
            Household,
            (Household.community_id == Case.community_id) & (Household.id == Case.household_id),
        )
        .where(
            Case.community_id == community.id,
            Case.inspector_id.is_(None),
            Case.state.not_in(sorted(RESTING_STATES)),
        )
    ).all()
    known = {one.email: one.id for one in workers(session, community, Duty.INSPECTOR)}
    for parity, label in enumerate(("inspector_a", "inspector_b")):
        mine = [key for key, ref in rows if lane_of(ref.split("-")[0]) % 2 == parity]
        if mine and email(label) in known:
            by = Signature(email(BY), at)
            assign(session, community, mine, Duty.INSPECTOR, known[email(label)], by)
