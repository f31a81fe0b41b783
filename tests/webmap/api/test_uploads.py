"""Photographs of phones over a bad line: resumed where they were cut, whole or refused."""

import base64
import hashlib
import io
import random
import uuid
from typing import Any

import pytest
from PIL import ExifTags, Image
from sqlalchemy import select
from werkzeug.test import TestResponse

from cases.access import Role
from cases.field.parts import Parts
from cases.field.uploads import KEPT, sweep_uploads
from cases.models import Photograph, PhotographOriginal, Upload
from cases.photograph_files import PhotographFiles
from cases.photographs import hashes
from cases.pictures import Size
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.api.sending import Sender, codes
from tests.webmap.api.test_field_submissions import marked, path
from tests.webmap.conftest import Story, Web


def jpeg(seed: int, *, gps: bool = False) -> bytes:
    """Return a photograph of noise, as a camera may have made it."""
    noise = random.Random(seed).randbytes(64 * 48 * 3)
    image = Image.frombytes("RGB", (64, 48), noise).resize((320, 240))
    exif = Image.Exif()
    if gps:
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(
            {1: "N", 2: (37.0, 24.0, 0.0), 3: "E", 4: (122.0, 6.0, 0.0)}
        )
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif, quality=90)
    return file.getvalue()


class Phone:
    """An inspector's phone with a submission that announces photographs."""

    def __init__(self, web: Web, place: str, *files: bytes, original: bytes | None = None) -> None:
        self.sender = Sender.of(web, Role.INSPECTOR, place)
        self.submission = uuid.uuid4()
        self.files = {uuid.uuid4(): content for content in files}
        self.original = original
        listed = [
            {
                "id": str(key),
                "sha256": hashlib.sha256(content).hexdigest(),
                "original_sha256": original and hashlib.sha256(original).hexdigest(),
            }
            for key, content in self.files.items()
        ]
        answer = self.sender.send("PUT", path(self.submission), marked(photographs=listed))
        assert answer.status_code == 201, answer.text

    def begin(self, key: uuid.UUID, content: bytes, **more: Any) -> TestResponse:
        told = {
            "id": key,
            "submission": self.submission,
            "sha256": hashlib.sha256(content).hexdigest(),
            **(
                {"original_sha256": hashlib.sha256(self.original).hexdigest()}
                if self.original
                else {}
            ),
            **more,
        }
        pairs = ",".join(
            f"{name} {base64.b64encode(str(value).encode()).decode()}"
            for name, value in told.items()
        )
        headers = {"Upload-Length": str(len(content)), "Upload-Metadata": pairs}
        return self.ask("POST", self.sender.at("field/uploads"), headers)

    def ask(
        self, method: str, where: str, headers: dict[str, str] | None = None, data: bytes = b""
    ) -> TestResponse:
        sent = {"X-CSRFToken": self.sender.token, "Tus-Resumable": "1.0.0", **(headers or {})}
        return self.sender.client.open(
            where,
            method=method,
            headers=sent,
            data=data,
            content_type="application/offset+octet-stream" if method == "PATCH" else None,
        )

    def piece(self, where: str, offset: int, data: bytes) -> TestResponse:
        return self.ask("PATCH", where, {"Upload-Offset": str(offset)}, data)

    def send(self, key: uuid.UUID, content: bytes, **more: Any) -> TestResponse:
        """Send a file in three pieces."""
        begun = self.begin(key, content, **more)
        assert begun.status_code == 201, begun.text
        where, answer, third = begun.headers["Location"], begun, len(content) // 3 + 1
        for offset in range(0, len(content), third):
            answer = self.piece(where, offset, content[offset : offset + third])
        return answer


def stored(web: Web, key: uuid.UUID) -> Photograph | None:
    with web.database.session(EVERYWHERE) as session:
        return session.scalars(select(Photograph).where(Photograph.id == key)).first()


def test_it_resumes_where_it_was_cut_and_says_whole_only_when_it_is(web: Web, story: Story) -> None:
    content = jpeg(1)
    phone = Phone(web, story.here, content)
    (key,) = phone.files
    begun = phone.begin(key, content)
    where = begun.headers["Location"]
    assert begun.headers["Upload-Offset"] == "0"
    half = phone.piece(where, 0, content[:1000])
    assert (half.status_code, half.headers["Upload-Offset"]) == (204, "1000")
    assert "Upload-Receipt" not in half.headers
    assert stored(web, key) is None
    # The answer was lost: the phone asks, and is led to the same upload.
    assert phone.begin(key, content).headers["Location"] == where
    assert phone.ask("HEAD", where).headers["Upload-Offset"] == "1000"
    wrong = phone.piece(where, 0, content[:1000])
    assert (wrong.status_code, codes(wrong)) == (409, ["upload_offset"])
    whole = phone.piece(where, 1000, content[1000:])
    digest = hashlib.sha256(content).hexdigest()
    assert (whole.status_code, whole.headers["Upload-Receipt"]) == (204, digest)
    row = stored(web, key)
    assert row is not None
    assert (row.sha256.hex(), row.submission_id) == (digest, phone.submission)
    # That answer was lost as well: nothing is doubled, and it is said again.
    for answer in (phone.ask("HEAD", where), phone.piece(where, 1000, content[1000:])):
        assert answer.headers["Upload-Receipt"] == digest
    assert phone.begin(key, content).headers["Upload-Offset"] == str(len(content))
    again = phone.sender.send(
        "PUT", path(uuid.uuid4()), marked(photographs=[{"id": str(key), "sha256": digest}])
    )
    assert again.status_code == 201
    assert not Parts(web.settings.photographs / "uploads").of(where.rsplit("/", 1)[1]).path.exists()


def test_a_receipt_counts_what_has_arrived(web: Web, story: Story) -> None:
    phone = Phone(web, story.here, jpeg(2), jpeg(3))
    first, second = phone.files.items()
    assert phone.send(*first).status_code == 204
    assert phone.begin(*second).status_code == 201
    with web.database.session(EVERYWHERE) as session:
        wanted = select(Photograph.id).where(Photograph.submission_id == phone.submission)
        assert session.scalars(wanted).all() == [first[0]]


HOSTILE = {
    "drawing.jpg": (b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>' * 9, "photograph_"),
    "empty-looking": (b"\x00" * 500, "photograph_"),
    "polyglot": (jpeg(5)[:-2] + b"<script>alert(1)</script>\xff\xd9", "photograph_"),
    "truncated": (jpeg(6)[:-600], "photograph_"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_photograph_is_refused_by_name_and_leaves_nothing(
    web: Web, story: Story, name: str
) -> None:
    content, code = HOSTILE[name]
    phone = Phone(web, story.here, content)
    (key,) = phone.files
    answer = phone.send(key, content)
    assert answer.status_code == 422
    assert all(one.startswith(code) for one in codes(answer))
    assert f"{key}.jpg" in answer.text
    assert stored(web, key) is None
    assert list((web.settings.photographs / "uploads").glob("*.part")) == []
    # It may be begun anew, from its start.
    assert phone.begin(key, content).headers["Upload-Offset"] == "0"
    web_sweep(web)


def web_sweep(web: Web) -> int:
    parts = Parts(web.settings.photographs / "uploads")
    with web.database.session(EVERYWHERE) as session, session.begin():
        for upload in session.scalars(select(Upload)):
            upload.created_at -= 2 * KEPT
        session.flush()
        return sweep_uploads(session, parts)


def test_what_differs_from_its_hash_or_was_never_announced_is_refused(
    web: Web, story: Story
) -> None:
    content = jpeg(7)
    phone = Phone(web, story.here, content)
    (key,) = phone.files
    where = phone.begin(key, content).headers["Location"]
    answer = phone.piece(where, 0, content[:-3] + b"abc")
    assert (answer.status_code, codes(answer)) == (422, ["sha256_differs"])
    assert stored(web, key) is None
    assert codes(phone.begin(uuid.uuid4(), content)) == ["photograph_unannounced"]
    assert codes(phone.begin(key, jpeg(8))) == ["photograph_unannounced"]
    other = Phone(web, story.here, content)
    phone.submission = uuid.uuid4()
    assert codes(phone.begin(key, content)) == ["unknown_submission"]
    (theirs,) = other.files
    assert other.begin(theirs, content).status_code == 201
    reused = other.begin(theirs, content, note="another")
    assert codes(reused) == ["key_reused"]


def test_every_fault_of_an_announcement_is_named(web: Web, story: Story) -> None:
    phone = Phone(web, story.here)
    answer = phone.begin(uuid.uuid4(), b"x", role="king", bearing=400, taken_at="noon", datum="x")
    named = {one["field"] for one in answer.get_json()["problems"]}
    assert named == {"role", "bearing", "taken_at", "datum"}
    sent = {"X-CSRFToken": phone.sender.token}
    old = phone.sender.client.post(phone.sender.at("field/uploads"), headers=sent)
    assert old.status_code in (412, 422)


def test_no_derivative_holds_a_position_and_the_original_is_for_inspectors_and_above(
    web: Web, story: Story
) -> None:
    content, original = jpeg(9, gps=True), jpeg(10, gps=True)
    phone = Phone(web, story.here, content, original=original)
    (key,) = phone.files
    early = phone.begin(key, original, role="original")
    assert codes(early) == ["copy_missing"]
    assert phone.send(key, content).status_code == 204
    assert phone.send(key, original, role="original").status_code == 204
    files = PhotographFiles(web.settings.photographs)
    for kept in (content, original):
        digest = hashlib.sha256(kept).digest()
        assert files.original(digest).read_bytes() == kept
        for size in Size:
            with Image.open(files.copy(digest, size)) as derived:
                assert dict(derived.getexif()) == {}
                assert "exif" not in derived.info
    with web.database.session(EVERYWHERE) as session:
        row = session.scalars(
            select(PhotographOriginal).where(PhotographOriginal.photograph_id == key)
        ).one()
        assert row.sha256 == hashlib.sha256(original).digest()
        assert {row.sha256, hashlib.sha256(content).digest()} <= set(hashes(session))
    where = f"photographs/{key}/original"
    for role, status in (
        (Role.INSPECTOR, 200),
        (Role.SECRETARY, 200),
        (Role.LANE_HOUSEKEEPER, 403),
        (Role.PLANNER, 403),
        (Role.OFFICIAL, 403),
    ):
        client = web.login(role, story.here)
        with client.get(f"/api/v1/communities/{story.here}/{where}") as answer:
            assert answer.status_code == status, role


def test_a_position_in_gcj02_is_not_kept_with_a_photograph(web: Web, story: Story) -> None:
    content = jpeg(11)
    phone = Phone(web, story.here, content)
    (key,) = phone.files
    spot = make.point(4, 4)
    place = {"longitude": spot.x, "latitude": spot.y, "accuracy_m": 5, "bearing": 90.5}
    assert phone.send(key, content, **place, datum="gcj02").status_code == 204
    row = stored(web, key)
    assert row is not None
    assert (row.geom, row.accuracy_m, row.bearing) == (None, None, 90.5)
    honest = Phone(web, story.here, jpeg(12))
    ((key, content),) = honest.files.items()
    assert honest.send(key, content, **place).status_code == 204
    row = stored(web, key)
    assert row is not None
    assert row.geom is not None
    assert row.accuracy_m == 5


def test_uploads_nobody_finished_are_swept_after_their_term(web: Web, story: Story) -> None:
    content = jpeg(13)
    phone = Phone(web, story.here, content)
    (key,) = phone.files
    where = phone.begin(key, content).headers["Location"]
    phone.piece(where, 0, content[:500])
    assert web_sweep(web) >= 1
    assert phone.ask("HEAD", where).status_code == 404
    assert phone.send(key, content).status_code == 204
