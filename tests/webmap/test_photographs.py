"""Photographs on the page of a case: sent, shown, refused by name, and who gets which file."""

import io
import re
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from cases.access import Role
from cases.models import Photograph
from cases.papers.layout import Sheet
from cases.papers.pdf import write_pdf
from cases.workflow import State
from layers.db import EVERYWHERE
from tests import builders as make
from tests.pictures import SVG, camera, cut_jpeg, picture
from tests.webmap.conftest import Web, csrf_token
from webmap.pages import photographs as pages


@dataclass(frozen=True)
class Scene:
    web: Web
    place: str
    case: uuid.UUID

    @property
    def page(self) -> str:
        return f"/c/{self.place}/cases/{self.case}"

    def send(
        self,
        *sent: tuple[str, bytes],
        role: Role = Role.INSPECTOR,
        language: str = "en",
        **form: Any,
    ) -> TestResponse:
        client = self.web.login(role, self.place)
        fields = {
            "csrf_token": csrf_token(client, self.page),
            "form": "photographs",
            "subject": "before",
            "photographs": [FileStorage(io.BytesIO(content), name) for name, content in sent],
            **form,
        }
        # Encoded here, because the client would leave a large body open.
        boundary, body = encode_multipart(fields)
        address = f"{self.page}/photographs?lang={language}"
        kind = f"multipart/form-data; boundary={boundary}"
        return client.post(address, data=body, content_type=kind)

    def kept(self) -> int:
        with self.web.database.session(EVERYWHERE) as session:
            rows = select(func.count()).select_from(Photograph)
            return session.scalar(rows.where(Photograph.case_id == self.case)) or 0

    def addresses(self, role: Role = Role.INSPECTOR) -> list[str]:
        page = self.web.login(role, self.place).get(f"{self.page}?lang=en").text
        return re.findall(rf'"(/c/{self.place}/photographs/[^"]+)"', page)


@pytest.fixture
def scene(web: Web) -> Scene:
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = make.community(session, boundary=make.square(0, 0, 9))
        case = make.case(session, make.household(session, place), make.campaign(session, place))
        make.event(session, case, make.EARLY, State.SUSPECTED)
        return Scene(web, place.code, case.id)


def test_several_are_sent_at_once_and_stand_side_by_side(scene: Scene) -> None:
    sent = scene.send(("a.jpg", picture(exif=camera())), ("b.png", picture("PNG")), note="<b>fence")
    assert (sent.status_code, sent.location) == (302, scene.page)
    assert scene.kept() == 2
    page = scene.web.login(Role.INSPECTOR, scene.place).get(f"{scene.page}?lang=en").text
    before, after = page.index("Before <span"), page.index("After <span")
    assert page.count("<figure>", before, after) == 2
    assert "No photograph yet" in page[after:]
    assert "37.40833, 122.20167 ± 4 m · facing 135°" in page
    assert "9:30:00" in page
    assert "outside the compound" in page
    assert "&lt;b&gt;fence" in page
    assert "<b>fence" not in page
    assert "Photographs added" in page


def test_whoever_may_read_the_case_sees_pixels_alone(scene: Scene) -> None:
    scene.send(("a.jpg", picture(exif=camera())))
    client = scene.web.login(Role.PLANNER, scene.place)
    small = next(one for one in scene.addresses(Role.PLANNER) if one.endswith("small"))
    assert not any(one.endswith("original") for one in scene.addresses(Role.PLANNER))
    for size in ("small", "large"):
        answer = client.get(small.replace("small", size), buffered=True)
        assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "private, no-cache"
        again = client.get(
            answer.request.path, headers={"If-None-Match": answer.headers["ETag"]}, buffered=True
        )
        assert (again.status_code, again.data) == (304, b"")
        assert b"SECRETPHONE" not in answer.data
        Image.open(io.BytesIO(answer.data)).load()
    assert client.get(small.replace("small", "original")).status_code == 403
    housekeeper = scene.web.login(Role.LANE_HOUSEKEEPER, scene.place)
    assert housekeeper.get(small, buffered=True).status_code == 404
    scene.web.give(scene.case, scene.place)
    assert housekeeper.get(small, buffered=True).status_code == 200
    assert housekeeper.get(small.replace("small", "original")).status_code == 403


@pytest.mark.parametrize("role", [Role.INSPECTOR, Role.SECRETARY])
def test_the_original_is_saved_as_it_came(scene: Scene, role: Role) -> None:
    content = picture(exif=camera())
    scene.send(("evil.svg", content))
    address = next(one for one in scene.addresses(role) if one.endswith("original"))
    answer = scene.web.login(role, scene.place).get(address, buffered=True)
    assert answer.data == content
    assert answer.mimetype == "image/jpeg"
    assert re.fullmatch(
        r"attachment; filename=[0-9a-f]{16}\.jpg", answer.headers["Content-Disposition"]
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_another_community_has_none_of_it(scene: Scene) -> None:
    scene.send(("a.jpg", picture()))
    with scene.web.database.session(EVERYWHERE) as session, session.begin():
        other = make.community(session).code
    for address in scene.addresses():
        client = scene.web.login(Role.INSPECTOR, other)
        assert client.get(address).status_code == 404
        assert client.get(address.replace(f"/{scene.place}/", f"/{other}/")).status_code == 404
    missing = f"/c/{scene.place}/photographs/{uuid.uuid4()}"
    inspector = scene.web.login(Role.INSPECTOR, scene.place)
    assert inspector.get(f"{missing}/small").status_code == 404
    assert inspector.get(f"{missing}/original").status_code == 404


def test_one_bad_file_refuses_all_by_name_and_what_was_typed_stays(scene: Scene) -> None:
    refused = scene.send(
        ("good.jpg", picture()),
        ("plan.jpg", SVG),
        ("cut.png", picture("PNG")[:60]),
        ("none.webp", b""),
        note="typed",
        latitude="north",
    )
    assert refused.status_code == 422
    for text in ("plan.jpg is no JPEG", "cut.png is cut off", "none.webp is empty", "no number"):
        assert text in refused.text
    assert "good.jpg" not in refused.text
    assert ">typed</textarea>" in refused.text
    assert 'value="north"' in refused.text
    assert scene.kept() == 0


def test_a_worker_that_has_made_a_paper_refuses_cut_off_photographs_as_before(
    scene: Scene,
) -> None:
    assert write_pdf(Sheet("en", "Notice", "1", [], "{page}/{pages}")).startswith(b"%PDF-")
    refused = scene.send(("cut.jpg", cut_jpeg()))
    assert refused.status_code == 422
    assert "cut.jpg is cut off" in refused.text
    assert scene.kept() == 0


def test_a_refusal_in_chinese_names_the_file_too(scene: Scene) -> None:
    refused = scene.send(("平面图.jpg", SVG), language="zh_Hans")
    assert "平面图.jpg：文件不是 JPEG" in refused.text
    assert "Send the photograph" not in refused.text


def test_nothing_and_too_many_are_refused(scene: Scene) -> None:
    assert "Choose at least one" in scene.send().text
    many = [(f"{n}.jpg", picture()) for n in range(pages.MOST_AT_ONCE + 1)]
    refused = scene.send(*many)
    assert refused.status_code == 422
    assert "too many at once" in refused.text
    assert scene.kept() == 0


def test_an_upload_may_be_larger_than_other_requests_and_is_limited(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = io.BytesIO()
    Image.effect_noise((3200, 2600), 200).save(noise, "PNG")
    assert len(noise.getvalue()) > 5_000_000
    assert scene.send(("noise.png", noise.getvalue())).status_code == 302
    monkeypatch.setattr(pages, "LARGEST_REQUEST", 2_000)
    assert scene.send(("noise.png", noise.getvalue())).status_code == 413
    assert scene.kept() == 1


def test_a_planner_adds_none(scene: Scene) -> None:
    assert scene.send(("a.jpg", picture()), role=Role.PLANNER).status_code == 403
    page = scene.web.login(Role.PLANNER, scene.place).get(f"{scene.page}?lang=en").text
    assert "Before and after" not in page
    assert scene.kept() == 0


def test_a_file_that_is_gone_is_nothing_and_no_failure(scene: Scene) -> None:
    scene.send(("a.webp", picture("WEBP")))
    folder = scene.web.app.extensions["commongreen"].settings.photographs
    for path in folder.rglob("*.jpg"):
        path.unlink()
    client = scene.web.login(Role.INSPECTOR, scene.place)
    small = next(one for one in scene.addresses() if one.endswith("small"))
    assert client.get(small).status_code == 404
