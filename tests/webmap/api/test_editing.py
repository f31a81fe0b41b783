"""Edits by the API: rows with versions, both versions of a conflict, history and undo."""

import uuid
from typing import Any

import pytest

from cases.access import Role
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.api.sending import Sender, codes
from tests.webmap.conftest import Web

WHY = "Measured anew."


@pytest.fixture
def place(web: Web) -> str:
    with web.database.session(EVERYWHERE) as session, session.begin():
        of = make.community(session, boundary=make.square(0, 0, 9))
        house = make.building(session, of, make.square(0, 2), ref="12")
        green = make.parcel(session, of, make.square(0, 0, 2), ref="G1", building_id=house.id)
        make.link(session, green, make.household(session, of, ref="12-1-101"))
        make.parcel(session, of, make.square(2, 0, 2), ref="G2", building_id=house.id)
        return of.code


@pytest.fixture
def planner(web: Web, place: str) -> Sender:
    return Sender.of(web, Role.PLANNER, place)


def features(planner: Sender, layer: str = "parcels", **query: Any) -> dict[str, Any]:
    told = planner.get("edits/features", layer=layer, **query)
    return {one["ref"]: one for one in told["features"]}


def split_of(one: dict[str, Any]) -> dict[str, Any]:
    """Return the change that cuts a feature from south to north."""
    places = one["geometry"]["coordinates"][0][0]
    middle = sum(x for x, _y in places[:4]) / 4
    line = [
        [middle, min(y for _x, y in places) - 1e-4],
        [middle, max(y for _x, y in places) + 1e-4],
    ]
    return {
        "kind": "split",
        "id": one["id"],
        "version": one["version"],
        "line": {"type": "LineString", "coordinates": line},
    }


def edit(planner: Sender, *changes: dict[str, Any], layer: str = "parcels", **more: Any) -> Any:
    return planner.send(
        "POST", "edits", {"layer": layer, "reason": WHY, "changes": list(changes)}, **more
    )


def test_rows_are_read_with_their_versions(planner: Sender) -> None:
    one = features(planner)["G1"]
    assert (one["version"], one["building"], one["households"]) == ("1", "12", ["12-1-101"])
    assert one["uncertainty_m2"] > 0
    assert list(features(planner, bbox=f"{make.WEST + 2.5e-4},37.4,123,38")) == ["G2"]
    assert set(features(planner, building="12")) == {"G1", "G2"}
    answer = planner.client.get(planner.at("edits/features?layer=parcels&building=99"))
    assert codes(answer) == ["unknown_building"]
    assert list(features(planner, ref="G2")) == ["G2"]
    assert list(features(planner, ref="G%")) == []


def test_rows_are_read_page_by_page(planner: Sender) -> None:
    box = f"{make.WEST},37.0,123,38"
    first = planner.get("edits/features", layer="parcels", bbox=box, limit=1)
    second = planner.get(first["next"])
    assert [it["ref"] for page in (first, second) for it in page["features"]] == ["G1", "G2"]
    assert second["next"] is None
    foreign = first["next"].replace("layer=parcels", "layer=sites")
    assert codes(planner.client.get(foreign)) == ["cursor"]


def test_an_edit_is_made_once_and_is_in_the_history(planner: Sender) -> None:
    key, change = uuid.uuid4(), split_of(features(planner)["G1"])
    first, again = (edit(planner, change, key=key) for _time in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.get_json() == again.get_json()
    assert set(features(planner)) == {"G1", "G1-2", "G2"}
    (kept,) = planner.get("edits")["edits"]
    assert kept == first.get_json()["edit"]
    assert (kept["number"], kept["reason"], kept["layer"]) == (1, WHY, "parcels")
    whole, part = kept["rows"]
    assert whole["before"]["type"] == whole["after"]["type"] == "MultiPolygon"
    assert part["before"] is None
    assert planner.get("edits", feature=part["after_id"])["edits"] == [kept]
    assert planner.get("edits", layer="sites")["edits"] == []


def test_the_second_of_two_planners_is_shown_both_versions(web: Web, place: str) -> None:
    first, second = (Sender.of(web, Role.PLANNER, place, name) for name in ("a", "b"))
    change = split_of(features(second)["G1"])
    assert edit(first, split_of(features(first)["G1"])).status_code == 201
    answer = edit(second, change)
    assert answer.status_code == 412
    told = answer.get_json()
    assert told["yours"]["changes"] == [change]
    (stale,) = told["now"]
    assert (stale["version"], [one["version"] for one in stale["now"]]) == ("1", ["2"])
    assert len(first.get("edits")["edits"]) == 1


def test_an_edit_is_taken_back_and_made_again(planner: Sender) -> None:
    before = features(planner)["G1"]
    made = edit(planner, split_of(before)).get_json()["edit"]
    undone = planner.send("POST", f"edits/{made['id']}/undo", {"reason": "wrong"}).get_json()
    assert undone["edit"]["undoes"] == 1
    now = features(planner)
    assert set(now) == {"G1", "G2"}
    assert now["G1"]["geometry"] == before["geometry"]
    twice = planner.send("POST", f"edits/{made['id']}/undo", {"reason": "wrong"})
    assert "undone" in codes(twice)
    redone = planner.send("POST", f"edits/{undone['edit']['id']}/undo", {"reason": "right"})
    assert redone.status_code == 201
    assert set(features(planner)) == {"G1", "G1-2", "G2"}
    history = planner.get("edits", limit=2)
    assert [one["number"] for one in history["edits"]] == [3, 2]
    rest = planner.get(history["next"])["edits"]
    assert [(one["number"], one["undone_by"]) for one in rest] == [(1, 2)]


def test_every_fault_of_an_edit_is_named_at_once(planner: Sender) -> None:
    one = features(planner)["G1"]
    nothing = planner.send("POST", "edits", {"layer": "roads", "changes": [{"kind": "bend"}]})
    assert {"layer", "kind", "missing"} == set(codes(nothing))
    lacking = edit(planner, {"kind": "outline"}, {"kind": "merge"}, {"kind": "draw"})
    fields = [it["field"] for it in lacking.get_json()["problems"]]
    assert fields == [
        "changes.0.id",
        "changes.0.version",
        "changes.0.shape",
        "changes.1.rows",
        "changes.2.shape",
    ]
    drawn = {"kind": "draw", "shape": one["geometry"], "attributes": {"ref": "G2"}}
    assert codes(edit(planner, drawn)) == ["ref_taken"]
    twice = {"kind": "remove", "id": one["id"], "version": one["version"]}
    assert "row_twice" in codes(edit(planner, twice, twice))
    assert codes(planner.client.get(planner.at("edits?cursor=none"))) == ["cursor"]


def test_an_observation_is_drawn_and_flagged_at_once(planner: Sender) -> None:
    shape = features(planner)["G1"]["geometry"]
    said = {"structure_type": "hedge", "household": "12-1-101", "note": "bamboo"}
    drawn = {"kind": "draw", "shape": shape, "attributes": said, "rms_m": 0.1}
    made = edit(planner, drawn, layer="observations").get_json()
    assert made["flagged"]["new"] == made["flagged"]["cases_opened"] == 1
    (seen,) = features(planner, "observations").values()
    assert (seen["rms_m"], seen["households"]) == (0.1, ["12-1-101"])
    assert seen["attributes"]["structure_type"] == "hedge"


def test_only_planners_read_and_edit(web: Web, place: str) -> None:
    secretary = Sender.of(web, Role.SECRETARY, place)
    for path in ("edits", "edits/features?layer=parcels"):
        assert secretary.client.get(secretary.at(path)).status_code == 403
    assert edit(secretary).status_code == 403
    nowhere = Sender.of(web, Role.PLANNER, place).send(
        "POST", f"edits/{uuid.uuid4()}/undo", {"reason": WHY}
    )
    assert nowhere.status_code == 404
