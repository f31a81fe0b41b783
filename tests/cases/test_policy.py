"""What a community may set for itself, and what it may not."""

import pytest

from cases.policy import Policy
from gis.problems import InputError


def test_what_is_not_set_is_the_default() -> None:
    policy = Policy.of({"announcement_days": 10, "coverage_share": 1})
    assert (policy.announcement_days, policy.objection_days) == (10, 7)
    assert policy.coverage_share == 1.0


def test_patrols_are_a_list_of_days() -> None:
    assert Policy.of({}).patrol_days == (7, 30, 90, 180, 365)
    assert Policy.of({"patrol_days": [14, 60]}).patrol_days == (14, 60)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("announcement_days", 7.5),
        ("announcement_days", True),
        ("extension_days", -1),
        ("visit_days", 5_000),
        ("objection_days", "7"),
        ("coverage_share", "all"),
        ("patrol_days", 7),
        ("patrol_days", []),
        ("patrol_days", [30, 7]),
        ("patrol_days", [0, 7]),
        ("patrol_days", [7.5]),
        ("anything", 1),
    ],
)
def test_a_wrong_value_is_named(name: str, value: object) -> None:
    with pytest.raises(InputError) as error:
        Policy.of({name: value})
    assert [problem.field for problem in error.value.problems] == [name]
