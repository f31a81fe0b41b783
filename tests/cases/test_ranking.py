"""What the record says of how hard a case is, and what a person sets instead."""

import pytest

from cases.access import GRANTS, Role
from cases.difficulty import Reason
from cases.models import Campaign, Case, CaseEvent, OrderOfWork
from cases.ranking import CHANGED, order_of_work, ranks, set_difficulty, set_order_of_work
from cases.signing import Signature
from cases.workflow import State
from gis.problems import InputError
from layers.models import Resident, StructureType
from tests import builders
from tests.cases.conftest import Scene


def by(scene: Scene, role: Role = Role.SECRETARY) -> Signature:
    return Signature("sec@example.org", scene.tick(), frozenset(GRANTS[role]))


@pytest.fixture
def case(scene: Scene) -> Case:
    """A case of 6 + 32 m2 over two parcels, a shed and a hedge."""
    household = scene.households[0].id
    scene.observe("O1", 1, 1, 3, 2, structure_type=StructureType.HEDGE, occupier_id=household)
    scene.observe("O2", 6, 4, 8, 4, structure_type=StructureType.SHED, occupier_id=household)
    scene.flag()
    return scene.cases()[0]


def test_the_record_gives_the_reasons(scene: Scene, case: Case) -> None:
    rank = ranks(scene.session, scene.community, [case.id])[case.id]
    assert rank.suggestion.facts.occupied_m2 == pytest.approx(38, abs=0.01)
    assert rank.suggestion.reasons == (
        Reason.LARGE_AREA,
        Reason.FOUNDED,
        Reason.SEVERAL_PARCELS,
    )
    assert (rank.difficulty, rank.chosen, rank.is_remedial_suggested) == (4, None, True)


def test_a_tenant_refusals_and_rebounds_weigh_also_from_earlier_campaigns(
    scene: Scene, case: Case
) -> None:
    session, community = scene.session, scene.community
    household = scene.households[0]
    session.add(
        Resident(community_id=community.id, household_id=household.id, name="x", role="tenant")
    )
    earlier = builders.case(session, household, builders.campaign(session, community))
    for state in (State.DECLINED, State.REBOUND, State.DECLINED):
        builders.event(session, earlier, builders.EARLY, state)
    facts = ranks(session, community, [case.id])[case.id].suggestion.facts
    assert (facts.is_let, facts.refusals, facts.rebounds) == (True, 2, 1)


def test_a_person_overrides_it_with_a_reason(scene: Scene, case: Case) -> None:
    session, community = scene.session, scene.community
    set_difficulty(session, community, case.id, 2, "the hedge is dead", by(scene), is_remedial=True)
    rank = ranks(session, community, [case.id])[case.id]
    assert (rank.difficulty, rank.suggestion.difficulty, rank.reason) == (2, 4, "the hedge is dead")
    assert (rank.is_remedial, rank.is_remedial_suggested) == (True, False)
    event = session.query(CaseEvent).filter_by(case_id=case.id, event=CHANGED).one()
    assert event.data == {"from": None, "to": 2, "suggested": 4, "is_remedial": True}
    set_difficulty(session, community, case.id, None, "", by(scene), is_remedial=False)
    assert ranks(session, community, [case.id])[case.id].difficulty == 4


@pytest.mark.parametrize(
    ("difficulty", "reason", "role", "expected"),
    [
        (0, "x", Role.SECRETARY, ["difficulty"]),
        (6, "x", Role.SECRETARY, ["difficulty"]),
        (3, " ", Role.SECRETARY, ["reason_missing"]),
        (3, "x", Role.INSPECTOR, ["not_permitted"]),
    ],
)
def test_what_is_wrong_is_said(
    scene: Scene, case: Case, difficulty: int, reason: str, role: Role, expected: list[str]
) -> None:
    with pytest.raises(InputError) as error:
        set_difficulty(
            scene.session,
            scene.community,
            case.id,
            difficulty,
            reason,
            by(scene, role),
            is_remedial=False,
        )
    assert [one.code for one in error.value.problems] == expected


def test_the_running_campaign_says_in_which_order(scene: Scene, case: Case) -> None:
    session, community = scene.session, scene.community
    assert order_of_work(session, community) is OrderOfWork.EASY_FIRST
    set_order_of_work(session, community, OrderOfWork.DIFFICULT_FIRST, by(scene))
    assert order_of_work(session, community) is OrderOfWork.DIFFICULT_FIRST
    session.get_one(Campaign, (community.id, case.campaign_id)).ended_on = builders.EARLY
    with pytest.raises(InputError):
        set_order_of_work(session, community, OrderOfWork.EASY_FIRST, by(scene))
