"""How hard a case is said to be, and what may never weigh in it."""

import datetime as dt
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.difficulty import (
    EASIEST,
    HARDEST,
    Facts,
    Ranked,
    Reason,
    in_order,
    is_for_remedial_team,
    suggest,
)
from cases.models import OrderOfWork
from cases.policy import Policy
from layers.models import StructureType

ORDINARY = Policy()
facts = st.builds(
    Facts,
    occupied_m2=st.floats(0, 500),
    structures=st.frozensets(st.sampled_from(StructureType)),
    is_let=st.booleans(),
    refusals=st.integers(0, 9),
    rebounds=st.integers(0, 9),
    parcels=st.integers(1, 9),
)


@given(facts)
def test_a_difficulty_is_from_1_to_5_and_has_a_reason_unless_it_is_easy(of: Facts) -> None:
    found = suggest(of, ORDINARY)
    assert EASIEST <= found.difficulty <= HARDEST
    assert (found.difficulty > EASIEST) == bool(found.reasons)


@pytest.mark.parametrize(
    ("of", "difficulty", "reasons"),
    [
        (Facts(), 1, ()),
        (Facts(occupied_m2=30.0), 2, (Reason.LARGE_AREA,)),
        (Facts(occupied_m2=29.99), 1, ()),
        (Facts(structures=frozenset({StructureType.HEDGE})), 1, ()),
        (Facts(structures=frozenset({StructureType.HEDGE, StructureType.SHED})), 2,
         (Reason.FOUNDED,)),
        (Facts(is_let=True), 2, (Reason.TENANT,)),
        (Facts(refusals=1), 2, (Reason.REFUSED,)),
        (Facts(refusals=7), 3, (Reason.REFUSED,)),
        (Facts(rebounds=2, parcels=2), 4, (Reason.REBOUND, Reason.SEVERAL_PARCELS)),
        (Facts(80.0, frozenset({StructureType.PAVING}), refusals=2, rebounds=2), 5,
         (Reason.LARGE_AREA, Reason.FOUNDED, Reason.REFUSED, Reason.REBOUND)),
    ],
)  # fmt: skip
def test_each_reason_adds_to_it(of: Facts, difficulty: int, reasons: tuple[Reason, ...]) -> None:
    found = suggest(of, ORDINARY)
    assert (found.difficulty, found.reasons) == (difficulty, reasons)


def test_a_community_sets_the_thresholds() -> None:
    strict = Policy.of({"large_area_m2": 5, "several_parcels": 3, "remedial_difficulty": 2})
    assert suggest(Facts(occupied_m2=6, parcels=2), strict).reasons == (Reason.LARGE_AREA,)
    assert is_for_remedial_team(2, strict)
    assert not is_for_remedial_team(3, ORDINARY)
    assert is_for_remedial_team(4, ORDINARY)


def test_neither_credit_nor_a_trait_of_a_person_is_known_to_it() -> None:
    assert {one.name for one in fields(Facts)} == {
        "occupied_m2",
        "structures",
        "is_let",
        "refusals",
        "rebounds",
        "parcels",
    }


def test_a_campaign_takes_the_easy_or_the_difficult_first() -> None:
    day = dt.date(2022, 4, 1)
    cases = [Ranked(3, day, 1), Ranked(1, day, 2), Ranked(3, day - dt.timedelta(9), 3)]

    def numbers(order: OrderOfWork) -> list[int]:
        return [one.number for one in in_order(order, cases, lambda one: one)]

    assert numbers(OrderOfWork.EASY_FIRST) == [2, 3, 1]
    assert numbers(OrderOfWork.DIFFICULT_FIRST) == [3, 1, 2]
