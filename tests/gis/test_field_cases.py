import json
import math
from typing import Any

import pytest

from tests.gis.field_cases import FILE, build

KNOWN = json.loads(FILE.read_text(encoding="utf-8"))
CASES = {case["name"]: case for case in KNOWN["cases"]}


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    return build()


def test_the_file_holds_cases_of_many_kinds() -> None:
    assert len(CASES) == len(KNOWN["cases"]) >= 60
    codes = {fault["code"] for case in CASES.values() for fault in case["expected"]["faults"]}
    assert codes == {
        "broken_outline",
        "no_public_green",
        "nothing_new",
        "only_slivers",
        "outside_community",
        "overlaps_observation",
        "overlaps_waiting",
        "poor_accuracy",
        "self_crossing",
        "too_few_corners",
        "unknown_title",
        "within_accuracy",
    }
    kinds = {row["kind"] for case in CASES.values() for row in case["expected"].get("overlaps", [])}
    assert kinds == {"again", "green", "sliver", "unknown_title"}


def test_python_answers_what_the_phone_is_held_against(now: dict[str, Any]) -> None:
    """Where this fails on purpose, ``python -m tests.gis.field_cases`` writes the file anew."""
    assert [case["name"] for case in now["cases"]] == list(CASES)
    for case in now["cases"]:
        known = CASES[case["name"]]
        assert _alike(case["geometry"], known["geometry"], 1e-12), case["name"]
        assert _alike(case["expected"], known["expected"], 1e-6), case["name"]
    assert _alike(now["worlds"], KNOWN["worlds"], 1e-6)
    assert _alike(now["gcj02"], KNOWN["gcj02"], 1e-12)
    assert _alike(now["positions"], KNOWN["positions"], 1e-12)


def test_only_what_lies_well_outside_is_taken_for_shifted() -> None:
    """Of 414 places 3 m outside the demo's boundary 98 were, and their walks with them."""
    cases = KNOWN["positions"]["cases"]
    assert len(cases) == 58
    assert {case["name"] for case in cases if case["shifted"]} == {
        "far outside, from where the shift leads in",
        "shifted in the east",
        "a shifted walk",
    }


def _alike(one: Any, other: Any, tolerance: float) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            _alike(one[key], other[key], tolerance) for key in one
        )
    if isinstance(one, list | tuple):
        pairs = zip(one, other, strict=True)
        return len(one) == len(other) and all(_alike(a, b, tolerance) for a, b in pairs)
    if isinstance(one, float):
        return math.isclose(one, other, rel_tol=0, abs_tol=tolerance)
    return bool(one == other)
