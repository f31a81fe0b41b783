"""Whoever was second is shown all that they typed, whichever form of a case it was."""

import re
from dataclasses import dataclass

import pytest
from sqlalchemy import func, select

from cases.access import Role
from cases.models import CaseEvent
from layers.config import PROJECT_ROOT
from layers.db import EVERYWHERE
from tests.webmap.conftest import Web
from tests.webmap.test_campaign_pages import HOSTILE, send
from tests.webmap.test_case_page import Scene, scene

__all__ = ["scene"]

TEMPLATES = PROJECT_ROOT / "webmap" / "templates"
STALE = 999


@dataclass(frozen=True)
class Typed:
    """A form as somebody filled it in, and what must be told of it."""

    name: str
    address: str
    role: Role
    title: str
    fields: dict[str, str]
    told: tuple[str, ...]
    is_offered: bool = False


POLYGON = '{"type":"Polygon","coordinates":[[[122.1,37.4],[122.2,37.4],[122.2,37.5],[122.1,37.4]]]}'
FORMS = [
    Typed(
        "move",
        "moves",
        Role.INSPECTOR,
        "Reject",
        {"target": "rejected", "reason": "a mistake"},
        ("Reason or note", "a mistake"),
        is_offered=True,
    ),
    Typed(
        "move",
        "moves",
        Role.INSPECTOR,
        "Inspect",
        {"target": "inspected", "left": "something", "residual": POLYGON, "reason": "a corner"},
        ("Something is left", "a polygon", "a corner"),
    ),
    Typed(
        "move",
        "moves",
        Role.SECRETARY,
        "Refer to the authority",
        {"target": "referred", "addressee": "owners_claim", "authority": "the court"},
        ("The owners&#39; own claim", "the court"),
    ),
    Typed(
        "move",
        "moves",
        Role.SECRETARY,
        "Assist the clearing",
        {"target": "assisted", "inventory": "fence; 12; worn", "document": "AC-7"},
        ("fence; 12; worn", "AC-7"),
    ),
    Typed(
        "visit",
        "visits",
        Role.SECRETARY,
        "A visit",
        {"outcome": "declined", "note": "not now", "next_on": "2030-05-06", "document": "C-1"},
        ("Declined", "not now", "May 6, 2030", "C-1"),
    ),
    Typed(
        "lodge",
        "objections",
        Role.SECRETARY,
        "An objection",
        {"grounds": f"our own yard {HOSTILE}"},
        ("What the household objects", "our own yard"),
        is_offered=True,
    ),
    Typed(
        "decide",
        "objections/decision",
        Role.SECRETARY,
        "The decision of an objection",
        {"outcome": "suspected", "reason": "the deed", "document": "OD-3"},
        ("Upheld: verify the ground again", "the deed", "OD-3"),
    ),
    Typed(
        "extend",
        "deadline",
        Role.SECRETARY,
        "A later deadline",
        {"deadline_on": "2030-05-06", "reason": "a death"},
        ("May 6, 2030", "a death"),
    ),
    Typed(
        "answer",
        "answer",
        Role.INSPECTOR,
        "Another household answers",
        {"household": "12-1-102", "observation": "O9", "reason": "moved out"},
        ("12-1-102", "O9", "moved out"),
        is_offered=True,
    ),
    Typed(
        "assignment",
        "assignment",
        Role.SECRETARY,
        "Who works on the case",
        {"housekeeper": "lane", "inspector": ""},
        ("as the lane says", "nobody"),
        is_offered=True,
    ),
    Typed(
        "difficulty",
        "difficulty",
        Role.SECRETARY,
        "How hard the case is",
        {"difficulty": "5", "reason": "a shed", "is_remedial": "1"},
        ("5", "a shed", "The remedial team takes it", "yes"),
        is_offered=True,
    ),
    Typed(
        "confirm",
        "confirmation",
        Role.INSPECTOR,
        "New ground is confirmed",
        {"note": "a second hedge"},
        ("a second hedge",),
    ),
    Typed(
        "withdraw",
        "withdrawal",
        Role.INSPECTOR,
        "Withdraw an observation",
        {"observation": "O9", "reason": "a shadow"},
        ("O9", "a shadow"),
    ),
    Typed(
        "patrol",
        "patrols",
        Role.INSPECTOR,
        "A patrol",
        {"left": "same", "structure_type": "hedge", "note": "seen from the path"},
        ("It is taken again, as it was before", "Hedge", "seen from the path"),
    ),
]


def forms_with_a_version() -> set[str]:
    """Return the names of the forms of a case that send which version they saw."""
    names = set()
    for path in (TEMPLATES / "case.html", *sorted((TEMPLATES / "case" / "parts").glob("*.html"))):
        for form in re.findall(r"<form.*?</form>", path.read_text(), re.DOTALL):
            if 'name="version"' in form:
                names |= set(re.findall(r'name="form" value="(\w+)"', form))
    return names


def test_every_form_with_a_version_is_looked_at_here() -> None:
    assert {one.name for one in FORMS} == forms_with_a_version()


@pytest.mark.parametrize("typed", FORMS, ids=lambda one: f"{one.name}-{one.title}")
def test_a_conflict_shows_the_form_and_all_that_was_typed(
    web: Web, scene: Scene, typed: Typed
) -> None:
    client = web.login(typed.role, scene.place)
    answer = send(
        client,
        f"{scene.page}/{typed.address}",
        form=typed.name,
        version=STALE,
        seen=0,
        **typed.fields,
    )
    assert answer.status_code == 412
    found = re.search(r'class="notice notice-bad conflict".*?</section>', answer.text, re.DOTALL)
    assert found
    conflict = found.group(0)
    assert f"<strong>{typed.title}</strong>" in conflict
    for said in typed.told:
        assert said in conflict, said
    for carried in ("csrf_token", "resend_key", str(STALE), HOSTILE):
        assert carried not in conflict
    if typed.is_offered:
        folds = re.findall(r'<details class="fold"[^>]* open>.*?</details>', answer.text, re.DOTALL)
        assert len(folds) == 1
        assert f'name="form" value="{typed.name}"' in folds[0]
    with web.database.session(EVERYWHERE) as session:
        events = select(func.count()).where(CaseEvent.case_id == scene.case)
        assert session.scalar(events) == 1


def test_a_field_without_a_label_is_shown_all_the_same(web: Web, scene: Scene) -> None:
    client = web.login(Role.SECRETARY, scene.place)
    fields = {"grounds": "a", "something_new": "typed by hand", "version": STALE, "seen": 0}
    answer = send(client, f"{scene.page}/objections", form="lodge", **fields)
    assert answer.status_code == 412
    assert "something_new" in answer.text
    assert "typed by hand" in answer.text
