"""The lanes of a demo compound: every building in one, every case with its people."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Role
from cases.demo.accounts import PASSWORD, email
from cases.demo.lanes import assign_inspectors, furnish_lanes, lane_of
from cases.lanes import list_lanes
from cases.models import Account, Case
from cases.people import ensure_account
from layers.models import Community
from tests import builders


def compound(session: Session) -> Community:
    """Make the buildings and a case in each."""
    community = builders.community(session)
    campaign = builders.campaign(session, community)
    for number in range(1, 76):
        house = builders.building(session, community, ref=str(number))
        who = builders.household(session, community, ref=f"{number}-1-101", building_id=house.id)
        builders.case(session, who, campaign)
    return community


def test_every_building_lies_in_a_lane_of_its_own_housekeeper(session: Session) -> None:
    community = compound(session)
    furnish_lanes(session, community)
    furnish_lanes(session, community)
    lanes = list_lanes(session, community)
    assert [one.ref for one in lanes] == ["1", "2", "3", "4", "5", "6"]
    assert [len(one.buildings) for one in lanes] == [13, 13, 13, 13, 13, 10]
    assert sum(one.cases for one in lanes) == 75
    keepers = {one.housekeeper_id for one in lanes}
    assert len(keepers) == 6
    cases = session.scalars(select(Case).where(Case.community_id == community.id)).all()
    assert {case.housekeeper_id for case in cases} == keepers


def test_inspectors_take_turns_lane_by_lane(session: Session) -> None:
    community = compound(session)
    for label in ("inspector_a", "inspector_b"):
        ensure_account(
            session,
            email(label),
            name=label,
            password=PASSWORD,
            role=Role.INSPECTOR,
            place=community.code,
        )
    assign_inspectors(session, community)
    counted: dict[str, int] = {}
    rows = session.execute(
        select(Account.email)
        .join(Case, Case.inspector_id == Account.id)
        .where(Case.community_id == community.id)
    )
    for (address,) in rows:
        counted[address] = counted.get(address, 0) + 1
    assert counted == {email("inspector_a"): 13 + 13 + 10, email("inspector_b"): 13 * 3}
    assert (lane_of("13"), lane_of("14"), lane_of("75")) == (1, 2, 6)
