"""Sites are entered whole, brought forward step by step, and never on occupied ground."""

import datetime as dt
from dataclasses import replace

import pytest
import shapely

from cases.access import Role, permissions
from cases.casework import NOTHING_LEFT
from cases.models import Case
from cases.signing import Signature
from cases.sites import Plan, Progress, bring_forward, enter_site, later_states, list_sites
from cases.workflow import State
from gis.problems import InputError
from layers.models import SiteKind, SiteState
from tests.cases.conftest import Scene, rectangle

PLANNER = Signature("pia", permissions=permissions([Role.PLANNER]))


def garden(scene: Scene, x: float = 2, y: float = 1) -> Plan:
    """Return landscaping of 20 m2."""
    return Plan("G-1", SiteKind.LANDSCAPING, scene.polygon(rectangle(x, y, 4, 5)), name="Roses")


def pile(scene: Scene) -> Plan:
    shape = scene.polygon(rectangle(8, 8, 1, 1).centroid)
    return Plan("CP-1", SiteKind.CHARGING_PILE, shape, heads=15, power_w=13_500)


def faults(error: pytest.ExceptionInfo[InputError]) -> set[tuple[str, str | None]]:
    return {(one.code, one.field) for one in error.value.problems}


def test_a_site_is_planned_and_counts_from_the_day_on_which_it_is_built(scene: Scene) -> None:
    made = enter_site(scene.session, scene.community, garden(scene), PLANNER)
    assert made.area_m2 == pytest.approx(20, abs=1e-6)
    assert scene.figures()["landscaped_m2"] == 0
    built = scene.tick().date()
    step = Progress(SiteState.PLANNED, SiteState.BUILT, built)
    bring_forward(scene.session, scene.community, made.id, step, PLANNER)
    assert scene.figures(built - dt.timedelta(days=1))["landscaped_m2"] == 0
    assert scene.figures(built)["landscaped_m2"] == 20
    enter_site(
        scene.session,
        scene.community,
        replace(pile(scene), state=SiteState.BUILT, built_on=built),
        PLANNER,
    )
    shown = scene.figures(built)
    assert (shown["charging_piles"], shown["charging_heads"]) == (1, 15)
    assert [one.ref for one in list_sites(scene.session, scene.community)] == ["G-1", "CP-1"]


def test_everything_that_is_wrong_comes_at_once(scene: Scene) -> None:
    scene.community.boundary = scene.stored(rectangle(0, 0, 60, 30))
    enter_site(scene.session, scene.community, garden(scene), PLANNER)
    far = scene.polygon(rectangle(5_000, 0, 4, 5))
    wrong = replace(garden(scene), shape=far, name="x" * 201, heads=3, state=SiteState.BUILT)
    with pytest.raises(InputError) as error:
        enter_site(scene.session, scene.community, wrong, Signature("eve", permissions=frozenset()))
    assert faults(error) == {
        ("not_permitted", "actor"),
        ("too_long", "name"),
        ("ref_taken", "ref"),
        ("heads", "heads"),
        ("built_on_missing", "built_on"),
        ("shape_elsewhere", "shape"),
    }
    bowtie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    for shape in (None, bowtie):
        with pytest.raises(InputError) as error:
            enter_site(scene.session, scene.community, replace(pile(scene), shape=shape), PLANNER)
        assert {one.field for one in error.value.problems} == {"shape"}
    with pytest.raises(InputError) as error:
        enter_site(scene.session, scene.community, replace(pile(scene), heads=0), PLANNER)
    assert faults(error) == {("heads", "heads")}


def test_nothing_is_built_on_ground_that_is_still_occupied(scene: Scene) -> None:
    scene.observe("O1", 2, 1, 4, 5)
    scene.flag()
    (case,) = scene.cases()
    scene.move(case, State.VERIFIED)
    made = enter_site(scene.session, scene.community, garden(scene, x=4), PLANNER)
    step = Progress(SiteState.PLANNED, SiteState.BUILT, scene.tick().date())
    with pytest.raises(InputError, match=r"still occupies this ground \(10\.00 m2\)"):
        bring_forward(scene.session, scene.community, made.id, step, PLANNER)
    clear(scene, case)
    bring_forward(scene.session, scene.community, made.id, step, PLANNER)
    assert scene.figures()["landscaped_m2"] == 20


def clear(scene: Scene, case: Case) -> None:
    scene.move(case, State.SELF_CLEARING)
    scene.move(case, State.INSPECTED, residual=NOTHING_LEFT)
    scene.move(case, State.ACCEPTED, actor="bo", document="A-1")


def test_a_site_goes_forward_only_and_nobody_is_overwritten(scene: Scene) -> None:
    made = enter_site(scene.session, scene.community, garden(scene), PLANNER)
    assert later_states(SiteState.BUILT) == [SiteState.REMOVED]
    approved = Progress(SiteState.PLANNED, SiteState.APPROVED)
    bring_forward(scene.session, scene.community, made.id, approved, PLANNER)
    with pytest.raises(InputError) as error:
        bring_forward(scene.session, scene.community, made.id, approved, PLANNER)
    assert ("stale", "after") in faults(error)
    back = Progress(SiteState.APPROVED, SiteState.PLANNED)
    with pytest.raises(InputError) as error:
        bring_forward(scene.session, scene.community, made.id, back, PLANNER)
    assert faults(error) == {("step", "after")}
