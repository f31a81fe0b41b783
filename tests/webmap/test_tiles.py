"""The map's tiles: what they hold, for whom, and that none is sent twice."""

import datetime as dt
import gzip
from typing import Any

import mapbox_vector_tile
from werkzeug.test import TestResponse

from cases.access import Role
from tests import builders as make
from tests.webmap.conftest import NAME, Story, Web

TILE = make.tile_at(16)


def layers(answer: TestResponse) -> dict[str, list[dict[str, Any]]]:
    content = answer.get_data()
    if answer.headers.get("Content-Encoding") == "gzip":
        content = gzip.decompress(content)
    return {
        name: [feature["properties"] for feature in layer["features"]]
        for name, layer in mapbox_vector_tile.decode(content).items()
    }


def tile(place: str) -> str:
    return f"/tiles/{place}/{TILE.z}/{TILE.x}/{TILE.y}.mvt"


def test_a_tile_holds_the_layers_of_its_place(web: Web, story: Story) -> None:
    answer = web.login(Role.PLANNER, story.here).get(tile(story.here))
    assert answer.mimetype == "application/vnd.mapbox-vector-tile"
    found = layers(answer)
    first_day = (make.EARLY - dt.date(1970, 1, 1)).days
    assert set(found) == {"parcels", "buildings", "observations", "encroachments", "sites"}
    (taken,) = [one for one in found["parcels"] if one["ref"] == "G1"]
    assert taken == {
        "id": str(story.parcel),
        "community": story.here,
        "ref": "G1",
        "kind": "public_green",
        "title": "owner_common",
        "building": "12",
        "looked": first_day,
        "h": f"{first_day}:suspected",
    }
    (untouched,) = [one for one in found["parcels"] if one["ref"] == "G2"]
    assert "looked" not in untouched
    assert untouched["h"] == ""
    (encroachment,) = found["encroachments"]
    assert encroachment["case"] == str(story.case)
    assert encroachment["parcel"] == str(story.parcel)
    assert encroachment["building"] == "12"
    assert encroachment["m2"] == 24.0
    assert encroachment["from"] == first_day
    assert encroachment["h"] == f"{first_day}:suspected"
    (site,) = found["sites"]
    assert (site["kind"], site["state"], site["heads"]) == ("charging_pile", "built", 15)
    (seen,) = found["observations"]
    assert (seen["structure"], seen["from"]) == ("fence", first_day)


def test_an_unchanged_tile_is_not_sent_twice(web: Web, story: Story) -> None:
    client = web.login(Role.PLANNER, story.here)
    first = client.get(tile(story.here))
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert {"Cookie", "Accept-Encoding"} <= set(first.headers["Vary"].replace(" ", "").split(","))
    again = client.get(tile(story.here), headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.get_data() == b""
    packed = client.get(tile(story.here), headers={"Accept-Encoding": "gzip"})
    assert packed.headers["ETag"] == first.headers["ETag"]
    assert layers(packed) == layers(first)


def test_a_tile_far_out_is_empty_and_one_that_is_not_there_is_missing(
    web: Web, story: Story
) -> None:
    client = web.login(Role.PLANNER, story.here)
    far = make.tile_at(14)
    answer = client.get(f"/tiles/{story.here}/{far.z}/{far.x}/{far.y}.mvt")
    assert (answer.status_code, answer.get_data()) == (200, b"")
    for wrong in ("3/8/0", "23/0/0", "99/1/1"):
        assert client.get(f"/tiles/{story.here}/{wrong}.mvt").status_code == 404


def test_a_region_shows_its_communities_and_no_other(web: Web, story: Story) -> None:
    everywhere = web.login(Role.PLANNER)
    found = layers(everywhere.get(tile(story.town)))
    assert {one["community"] for one in found["parcels"]} == {story.here, story.neighbour}
    # Whoever may see one of them sees that one on the region's map.
    one = layers(web.login(Role.PLANNER, story.here).get(tile(story.town)))
    assert {one["community"] for one in one["parcels"]} == {story.here}


def test_no_resident_is_in_a_tile(web: Web, story: Story) -> None:
    answer = web.login(Role.SECRETARY, story.here).get(tile(story.here))
    assert answer.status_code == 200
    assert NAME not in answer.get_data().decode("utf-8", "replace")
