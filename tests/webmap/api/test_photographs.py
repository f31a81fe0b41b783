"""Photographs by the API: whole as they were hashed, kept once, their originals restricted."""

import hashlib
import io
import uuid
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from cases.access import Role
from cases.models import Photograph
from layers.db import EVERYWHERE
from tests.webmap.api.sending import Sender, codes
from tests.webmap.api.test_case_work import Place, announced
from tests.webmap.conftest import Web


def picture(colour: str = "green") -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(content, "PNG")
    return content.getvalue()


@pytest.fixture
def place(web: Web) -> Place:
    return announced(web)


def upload(
    sender: Sender, place: Place, content: bytes, key: uuid.UUID | None = None, **fields: Any
) -> TestResponse:
    form = {
        "photograph": (io.BytesIO(content), "before.png"),
        "sha256": hashlib.sha256(content).hexdigest(),
        "subject": "before",
        **fields,
    }
    given = {name: value for name, value in form.items() if value is not None}
    return sender.send(
        "POST",
        f"{place.at}/photographs",
        key=key,
        data=given,
        content_type="multipart/form-data",
    )


def test_a_photograph_is_kept_once_and_whole(web: Web, place: Place) -> None:
    inspector = Sender.of(web, Role.INSPECTOR, place.code)
    content, key = picture(), uuid.uuid4()
    typed = {
        "taken_at": "2022-04-01T10:00:00+08:00",
        "longitude": "122.2014",
        "latitude": "37.4055",
        "bearing": "90",
        "note": "the gate",
    }
    first, again = (upload(inspector, place, content, key, **typed) for _ in range(2))
    assert first.status_code == 200, first.text
    assert first.data == again.data
    told = first.get_json()
    assert told["sha256"] == hashlib.sha256(content).hexdigest()
    assert (told["longitude"], told["bearing"], told["note"]) == (122.2014, 90, "the gate")
    assert (told["width"], told["media_type"]) == (64, "image/png")
    assert inspector.get(f"{place.at}/photographs") == [told]
    # Under another key the same picture changes nothing either.
    assert upload(inspector, place, content, uuid.uuid4()).get_json()["id"] == told["id"]
    other = upload(inspector, place, picture("red"), key)
    assert codes(other) == ["key_reused"]
    with web.database.session(EVERYWHERE) as session:
        wanted = select(func.count()).where(Photograph.case_id == place.case)
        assert session.scalar(wanted) == 1


def test_a_copy_is_for_readers_and_the_original_for_few(web: Web, place: Place) -> None:
    inspector = Sender.of(web, Role.INSPECTOR, place.code)
    content = picture()
    told = upload(inspector, place, content).get_json()
    planner = Sender.of(web, Role.PLANNER, place.code)
    copy = planner.client.get(planner.at(f"photographs/{told['id']}/copy?size=large"))
    assert (copy.status_code, copy.mimetype) == (200, "image/jpeg")
    original = planner.at(f"photographs/{told['id']}/original")
    assert planner.client.get(original).status_code == 403
    answer = inspector.client.get(original)
    assert answer.data == content
    assert copy.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Cache-Control"] == "no-store"
    for one in (copy, answer):
        assert one.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in one.headers["Content-Security-Policy"]
        one.close()
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert planner.client.get(planner.at(f"photographs/{uuid.uuid4()}/copy")).status_code == 404


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"sha256": "0" * 64}, ["sha256_differs"]),
        ({"sha256": "abc", "subject": "never", "longitude": "x"}, ["sha256", "choice", "number"]),
        ({"photograph": None}, ["missing"]),
        ({"photograph": "text"}, ["file"]),
        ({"longitude": "122"}, ["half_position"]),
        ({"subject": "posting"}, ["choice"]),
    ],
)
def test_a_photograph_with_faults_is_refused_whole(
    web: Web, place: Place, fields: dict[str, Any], expected: list[str]
) -> None:
    inspector = Sender.of(web, Role.INSPECTOR, place.code)
    answer = upload(inspector, place, picture(), **fields)
    assert answer.status_code == 422
    assert sorted(codes(answer)) == sorted(expected)
    assert inspector.get(f"{place.at}/photographs") == []


def test_what_is_no_picture_is_refused(web: Web, place: Place) -> None:
    inspector = Sender.of(web, Role.INSPECTOR, place.code)
    assert codes(upload(inspector, place, b"<svg xmlns='x'/>")) == ["photograph_kind"]


def test_a_photograph_shows_an_observation_of_its_case(web: Web, place: Place) -> None:
    inspector = Sender.of(web, Role.INSPECTOR, place.code)
    wrong = upload(inspector, place, picture(), observation="O2", longitude="122")
    assert codes(wrong) == ["half_position", "no_observation"]
    told = upload(inspector, place, picture(), observation="O1").get_json()
    assert told["observation"] == "O1"
    assert inspector.get(f"{place.at}/photographs") == [told]
