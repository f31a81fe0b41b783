"""Photographs of phones over a bad line: resumed where they were cut, whole or refused."""

import base64
import hashlib
import io
import random
import sys
import uuid
from typing import Any

import pytest
from PIL import ExifTags, Image
from sqlalchemy import delete, select
from werkzeug.test import TestResponse

from cases.access import Role
from cases.field.parts import Parts
from cases.field.uploads import KEPT, finish, sweep_uploads
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
    "another-kind": (b"GIF89a" + bytes(500), "photograph_kind"),
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
    begun = other.begin(theirs, content)
    # What is noted beside it may be told with less, as by the file of a phone.
    again = other.begin(theirs, content, note="another")
    assert (begun.status_code, again.status_code) == (201, 201)
    assert again.headers["Location"] == begun.headers["Location"]
    third = Phone(web, story.here, content, jpeg(14))
    third.files = {theirs: content}
    other.submission = third.submission
    assert codes(other.begin(theirs, content)) == ["key_reused"]


def test_every_fault_of_an_announcement_is_named(web: Web, story: Story) -> None:
    phone = Phone(web, story.here)
    answer = phone.begin(uuid.uuid4(), b"x", role="king", bearing=400, taken_at="noon", datum="x")
    named = {one["field"] for one in answer.get_json()["problems"]}
    assert named == {"role", "bearing", "taken_at", "datum"}
    sent = {"X-CSRFToken": phone.sender.token}
    old = phone.sender.client.post(phone.sender.at("field/uploads"), headers=sent)
    assert old.status_code in (412, 422)


def test_a_note_fits_into_its_header_in_any_script(web: Web, story: Story) -> None:
    content = jpeg(15)
    phone = Phone(web, story.here, content)
    (key,) = phone.files
    long = phone.begin(key, content, note="绿" * 1_001)
    assert [one["field"] for one in long.get_json()["problems"]] == ["note"]
    known = {"original_sha256": "0" * 64, "taken_at": "2026-11-27T08:00:00.000Z"}
    place = {"longitude": 122.123456789012, "latitude": 37.123456789012, "accuracy_m": 12.3456789}
    widest = phone.begin(key, content, note="😀" * 1_000, bearing=123.4, **known, **place)
    assert widest.status_code == 201


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


def test_nobody_puts_a_file_to_the_photograph_of_another(web: Web, story: Story) -> None:
    content, original, planted = jpeg(15), jpeg(16), jpeg(17)
    mine = Phone(web, story.here, content, original=original)
    (key,) = mine.files
    assert mine.send(key, content).status_code == 204
    theirs = Phone(web, story.here)
    theirs.submission, theirs.original = uuid.uuid4(), planted
    listed = {
        "id": str(key),
        "sha256": hashlib.sha256(planted).hexdigest(),
        "original_sha256": hashlib.sha256(planted).hexdigest(),
    }
    body = marked(photographs=[listed])
    assert theirs.sender.send("PUT", path(theirs.submission), body).status_code == 201
    assert codes(theirs.begin(key, planted, role="original")) == ["key_reused"]
    # What was begun is forgotten after its term; what was kept then is kept still.
    with web.database.session(EVERYWHERE) as session, session.begin():
        session.execute(delete(Upload).where(Upload.photograph_id == key))
    assert codes(theirs.begin(key, planted)) == ["key_reused"]
    again = mine.begin(key, content)
    assert again.headers["Upload-Receipt"] == hashlib.sha256(content).hexdigest()
    assert mine.send(key, original, role="original").status_code == 204


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


class PowerCut(BaseException):
    """The process ends here: nothing that handles errors gets to do so."""


# Each step of keeping a photograph, in its order; what lies behind it did not happen.
STEPS = [
    ("before it is judged", "cases.field.uploads.read_picture"),
    ("before its files", "cases.photograph_files._make_folder"),
    ("before a copy", "cases.photograph_files._write"),
    ("before a name", "cases.photograph_files.Path.replace"),
    ("before the folder is safe", "cases.photograph_files._sync_folder"),
    ("before its row", "cases.field.uploads._photograph"),
    ("before the commit", "finish"),
]


@pytest.mark.parametrize(("step", "where"), STEPS, ids=[step for step, _where in STEPS])
def test_killed_at_any_step_nothing_is_half_kept_and_no_byte_is_lost(
    web: Web, story: Story, monkeypatch: pytest.MonkeyPatch, step: str, where: str
) -> None:
    content = jpeg(100 + [one for one, _where in STEPS].index(step))
    phone = Phone(web, story.here, content)
    (key,) = phone.files
    at = phone.begin(key, content).headers["Location"]
    phone.piece(at, 0, content[:2000])

    def cut(*args: Any, **_more: Any) -> None:
        if step == "before the commit":
            finish(*args)
        raise PowerCut(step)

    with monkeypatch.context() as patched:
        if step == "before the commit":
            # The package gives this name to a blueprint of its own.
            patched.setattr(sys.modules["webmap.api.uploads"], where, cut)
        else:
            patched.setattr(where, cut)
        with pytest.raises(PowerCut):
            phone.piece(at, 2000, content[2000:])
    assert stored(web, key) is None
    # No receipt was told, every byte is still there, and it needs none of them again.
    begun = phone.begin(key, content)
    assert (begun.headers["Location"], begun.headers["Upload-Offset"]) == (at, str(len(content)))
    assert "Upload-Receipt" not in begun.headers
    done = phone.piece(at, len(content), b"")
    assert done.headers["Upload-Receipt"] == hashlib.sha256(content).hexdigest()
    row = stored(web, key)
    assert row is not None
    files = PhotographFiles(web.settings.photographs)
    assert files.original(row.sha256).read_bytes() == content
    assert list(files.faults([row.sha256])) == []


def test_killed_behind_the_commit_it_is_kept_and_said_again(
    web: Web, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = jpeg(110)
    phone = Phone(web, story.here, content)
    (key,) = phone.files
    at = phone.begin(key, content).headers["Location"]

    def cut(*_args: Any) -> None:
        raise PowerCut

    with monkeypatch.context() as patched:
        patched.setattr("cases.field.parts.Part.remove", cut)
        with pytest.raises(PowerCut):
            phone.piece(at, 0, content)
    assert stored(web, key) is not None
    for answer in (phone.ask("HEAD", at), phone.piece(at, 0, content)):
        assert answer.headers["Upload-Receipt"] == hashlib.sha256(content).hexdigest()


def test_its_photographs_are_listed_with_it_and_seen_by_whoever_sees_it(
    web: Web, story: Story
) -> None:
    content, later, original = jpeg(20), jpeg(21), jpeg(22, gps=True)
    phone = Phone(web, story.here, content, later, original=original)
    (key, _later) = phone.files
    assert phone.send(key, content, note="=竹", bearing=12).status_code == 204
    assert phone.send(key, original, role="original").status_code == 204
    where = f"field/submissions/{phone.submission}/photographs"
    (told,) = phone.sender.get(where)
    assert (told["id"], told["submission"]) == (str(key), str(phone.submission))
    assert told["original_sha256"] == hashlib.sha256(original).hexdigest()
    assert (told["has_original"], told["note"], told["observation"]) == (True, "=竹", None)
    page = web.login(Role.SECRETARY, story.here).get(
        f"/c/{story.here}/submissions/{phone.submission}?lang=en"
    )
    assert "1 of 2 arrived" in page.text
    assert hashlib.sha256(later).hexdigest()[:12] in page.text
    assert f"/c/{story.here}/photographs/{key}/small" in page.text
    for role, name, status in (
        (Role.SECRETARY, "", 200),
        (Role.INSPECTOR, "", 200),
        (Role.INSPECTOR, "another", 404),
        (Role.PLANNER, "", 404),
        (Role.LANE_HOUSEKEEPER, "", 404),
        (Role.OFFICIAL, "", 404),
    ):
        client = web.login(role, story.here, name)
        for seen in (
            f"/api/v1/communities/{story.here}/photographs/{key}/copy",
            f"/c/{story.here}/photographs/{key}/small",
        ):
            with client.get(seen) as answer:
                assert answer.status_code == status, (role, name, seen)


def test_both_files_of_a_photograph_are_to_be_had(web: Web, story: Story) -> None:
    content, original = jpeg(23), jpeg(24, gps=True)
    phone = Phone(web, story.here, content, original=original)
    (key,) = phone.files
    api = f"/api/v1/communities/{story.here}/photographs/{key}/original"
    page = f"/c/{story.here}/photographs/{key}"
    phone.send(key, content)
    for address in (api, f"{page}/original", f"{page}/received"):
        with phone.sender.client.get(address) as answer:
            assert answer.data == content, address
    phone.send(key, original, role="original")
    for address, file in (
        (api, original),
        (f"{api}?role=copy", content),
        (f"{page}/original", original),
        (f"{page}/received", content),
    ):
        with phone.sender.client.get(address) as answer:
            assert answer.data == file, address
            assert answer.headers["Content-Disposition"].startswith("attachment")
