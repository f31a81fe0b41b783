"""The last resort of a phone: its file is taken in once, and a hostile one not at all."""

import datetime as dt
import hashlib
import io
import json
import re
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image
from sqlalchemy import func, select

from cases.access import Role
from cases.field import exports
from cases.models import Account, FieldSubmission, Photograph, PhotographOriginal
from gis.problems import InputError
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.api.sending import Sender
from tests.webmap.conftest import Story, Web, csrf_token
from webmap.commands.field import field as command
from webmap.commands.options import Invocation


def picture(shade: int = 90) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (64, 48), (shade, 120, 60)).save(made, "JPEG")
    return made.getvalue()


def body(x: float = 0.2, **values: Any) -> str:
    square = make.square(x, 4.2, 0.3).geoms[0]
    told = {
        "kind": "enclosure",
        "geometry": {"type": "Polygon", "coordinates": [list(map(list, square.exterior.coords))]},
        "structure_types": ["fence"],
        "observed_at": dt.datetime.now(dt.UTC).isoformat(),
        **values,
    }
    return json.dumps(told)


@dataclass
class Phone:
    """A phone of the inspector that has a ZIP to hand over."""

    account: uuid.UUID
    place: str
    entries: dict[str, bytes] = field(default_factory=dict)
    drafts: list[str] = field(default_factory=list)

    def mark(self, text: str | None, state: str = "queued") -> str:
        name = str(uuid.uuid4())
        self.drafts.append(name)
        told = {"body": text, "draft": {"state": state}}
        self.entries[f"drafts/{name}.json"] = json.dumps(told).encode()
        return name

    def mark_with_photograph(self) -> tuple[str, str]:
        photograph, copy, original = str(uuid.uuid4()), picture(), picture(10)
        hashes = {
            "sha256": hashlib.sha256(copy).hexdigest(),
            "original_sha256": hashlib.sha256(original).hexdigest(),
        }
        announced = {"id": photograph, "sends_original": True, **hashes}
        draft = self.mark(body(photographs=[announced]))
        told = {"draft": draft, "bearing": 90.5, "note": "gate", "sends_original": True, **hashes}
        self.entries[f"photographs/{photograph}.jpg"] = copy
        self.entries[f"photographs/{photograph}.original.jpg"] = original
        self.entries[f"photographs/{photograph}.json"] = json.dumps(told).encode()
        return draft, photograph

    def manifest(self, **values: Any) -> bytes:
        told = {
            "format": exports.FORMAT,
            "exported_at": "2026-11-27T10:00:00Z",
            "account": str(self.account),
            "place": self.place,
            "drafts": self.drafts,
            **values,
        }
        return json.dumps(told).encode()

    def export(self, **values: Any) -> bytes:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("manifest.json", self.manifest(**values))
            for name, content in self.entries.items():
                archive.writestr(name, content)
        return made.getvalue()


@pytest.fixture
def phone(web: Web, story: Story) -> Phone:
    email = web.person(Role.INSPECTOR, story.here)
    with web.database.session(EVERYWHERE) as session:
        account = session.scalars(select(Account).where(Account.email == email)).one()
        return Phone(account.public_id, story.here)


def hand_over(web: Web, place: str, content: bytes, role: Role = Role.SECRETARY) -> Any:
    client = web.login(role, place)
    form = {
        "csrf_token": csrf_token(client, "/places"),
        "resend_key": str(uuid.uuid4()),
        "file": (io.BytesIO(content), "phone.zip"),
    }
    return client.post(f"/c/{place}/submissions/import", data=form, follow_redirects=True)


def counted(web: Web) -> tuple[int, int, int]:
    with web.database.session(EVERYWHERE) as session:
        tables = (FieldSubmission, Photograph, PhotographOriginal)
        one, two, three = (
            session.scalar(select(func.count()).select_from(table)) or 0 for table in tables
        )
        return one, two, three


def test_a_file_is_taken_in_once_with_its_photographs(web: Web, phone: Phone) -> None:
    draft, photograph = phone.mark_with_photograph()
    phone.mark(None)
    before = counted(web)
    answer = hand_over(web, phone.place, phone.export())
    assert answer.status_code == 200, answer.text
    assert counted(web) == (before[0] + 1, before[1] + 1, before[2] + 1)
    with web.database.session(EVERYWHERE) as session:
        kept = session.scalars(
            select(FieldSubmission).where(FieldSubmission.id == uuid.UUID(draft))
        ).one()
        assert kept.recorded_by == web.person(Role.INSPECTOR, phone.place)
        assert kept.imported_by == web.person(Role.SECRETARY, phone.place)
        shown = session.scalars(
            select(Photograph).where(Photograph.id == uuid.UUID(photograph))
        ).one()
        assert (shown.submission_id, shown.note, shown.bearing) == (kept.id, "gate", 90.5)
    assert hand_over(web, phone.place, phone.export()).status_code == 200
    assert counted(web) == (before[0] + 1, before[1] + 1, before[2] + 1)


def test_the_report_of_a_file_can_be_read_again(web: Web, phone: Phone) -> None:
    draft, bad = phone.mark(body(0.6)), phone.mark(body(600.0))
    client = web.login(Role.SECRETARY, phone.place)
    form = {"csrf_token": csrf_token(client, "/places"), "resend_key": str(uuid.uuid4())}
    address = f"/c/{phone.place}/submissions/import"

    def send() -> Any:
        file = (io.BytesIO(phone.export()), "phone.zip")
        return client.post(address, data={**form, "file": file})

    done = send()
    assert (done.status_code, done.location) == (302, f"{address}/{form['resend_key']}")
    assert send().location == done.location
    for _time in range(2):
        page = client.get(f"{done.location}?lang=en").text
        assert re.search(r"New submissions</dt><dd>1<", page)
        assert f"/submissions/{draft}" in page
        assert bad in page
    assert done.location in client.get(f"/c/{phone.place}/submissions").text
    assert client.get(address).location == f"/c/{phone.place}/submissions"
    other = web.login(Role.INSPECTOR, phone.place, "other")
    assert other.get(done.location).status_code == 404
    assert client.get(f"{address}/{uuid.uuid4()}").status_code == 404


def test_what_was_put_aside_and_originals_not_chosen_stay_on_the_phone(
    web: Web, phone: Phone
) -> None:
    phone.mark(body(0.7), "aside")
    _draft, photograph = phone.mark_with_photograph()
    name = f"photographs/{photograph}.json"
    told = json.loads(phone.entries[name]) | {"sends_original": False}
    phone.entries[name] = json.dumps(told).encode()
    before = counted(web)
    assert hand_over(web, phone.place, phone.export()).status_code == 200
    assert counted(web) == (before[0] + 1, before[1] + 1, before[2])


def test_what_is_sent_after_all_gets_the_same_receipt(web: Web, phone: Phone) -> None:
    text = body(0.5)
    draft = phone.mark(text)
    assert hand_over(web, phone.place, phone.export()).status_code == 200
    inspector = Sender.of(web, Role.INSPECTOR, phone.place)
    answer = inspector.client.put(
        inspector.at(f"field/submissions/{draft}"),
        data=text,
        content_type="application/json",
        headers={"X-CSRFToken": inspector.token},
    )
    assert answer.status_code in (200, 201), answer.text
    assert answer.get_json()["sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_whoever_takes_in_a_file_does_not_decide_about_it(web: Web, phone: Phone) -> None:
    draft = phone.mark(body(0.8))
    hand_over(web, phone.place, phone.export())
    secretary = Sender.of(web, Role.SECRETARY, phone.place)
    answer = secretary.send("POST", f"field/submissions/{draft}/acceptance", {})
    assert [one["code"] for one in answer.get_json()["problems"]] == ["own_submission"]
    other = Sender.of(web, Role.SECRETARY, phone.place, "other-secretary")
    accepted = other.send("POST", f"field/submissions/{draft}/acceptance", {})
    assert accepted.status_code == 200, accepted.text


def test_one_draft_that_is_refused_keeps_no_other_back(web: Web, phone: Phone) -> None:
    good, bad = phone.mark(body(1.1)), phone.mark(body(600.0))
    unread = phone.mark('{"kind": 7}')
    answer = hand_over(web, phone.place, phone.export())
    assert answer.status_code == 200
    assert bad in answer.text
    assert unread in answer.text
    with web.database.session(EVERYWHERE) as session:
        known = set(session.scalars(select(FieldSubmission.id)))
    assert uuid.UUID(good) in known
    assert not {uuid.UUID(bad), uuid.UUID(unread)} & known


def test_an_inspector_takes_in_the_own_file_alone(web: Web, phone: Phone) -> None:
    draft = phone.mark(body(1.4))
    other = web.login(Role.INSPECTOR, phone.place, "other")
    form = {"csrf_token": csrf_token(other, "/places"), "file": (io.BytesIO(phone.export()), "a")}
    assert other.post(f"/c/{phone.place}/submissions/import", data=form).status_code == 422
    assert hand_over(web, phone.place, phone.export(), Role.INSPECTOR).status_code == 200
    with web.database.session(EVERYWHERE) as session:
        kept = session.scalars(
            select(FieldSubmission).where(FieldSubmission.id == uuid.UUID(draft))
        ).one()
        assert kept.imported_by is None


def test_the_command_takes_it_in_as_the_page_does(
    web: Web, phone: Phone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = phone.mark(body(1.7))
    file = tmp_path / "phone.zip"
    file.write_bytes(phone.export())
    by = web.person(Role.SECRETARY, phone.place)
    monkeypatch.setattr(Invocation, "settings", web.settings)
    wanted = ["import", str(file), "--community", phone.place, "--by", by, "--json"]
    first = CliRunner().invoke(command, wanted, catch_exceptions=False)
    told = json.loads(first.output)
    assert (told["new"], told["known"], told["refused"]) == (1, 0, {})
    again = CliRunner().invoke(command, wanted, catch_exceptions=False)
    assert json.loads(again.output)["known"] == 1
    other = web.person(Role.SECRETARY, phone.place, "other-secretary")
    accepted = CliRunner().invoke(
        command,
        ["accept", draft, "--community", phone.place, "--by", other],
        catch_exceptions=False,
    )
    assert "accepted as observation F-" in accepted.output
    listed = CliRunner().invoke(
        command, ["list", "--community", phone.place, "--state", "accepted", "--json"]
    )
    assert draft in {one["id"] for one in json.loads(listed.output)}


def test_the_command_merges_as_the_page_does(
    web: Web, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = phone.mark(body(2.2)), phone.mark(body(2.4))
    hand_over(web, phone.place, phone.export(), Role.INSPECTOR)
    monkeypatch.setattr(Invocation, "settings", web.settings)
    by = ["--community", phone.place, "--by", web.person(Role.SECRETARY, phone.place)]

    def merge(*more: str) -> Result:
        wanted = ["merge", first, *by, "--reason", "One fence.", *more]
        return CliRunner().invoke(command, wanted)

    def codes(refused: Result) -> list[str]:
        assert isinstance(refused.exception, InputError)
        return [one.code for one in refused.exception.problems]

    assert codes(merge()) == ["merger_alone"]
    assert codes(merge("--observation", "no-such")) == ["unknown_observation"]
    done = merge("--with", second)
    assert "is merged as observation F-" in done.output, done.exception
    again = merge("--with", second)
    assert codes(again) == ["decided_already", "decided_already"]


Change = Callable[[Phone], dict[str, Any]]


def _entry(name: str, content: bytes = b"{}") -> Change:
    def change(phone: Phone) -> dict[str, Any]:
        phone.entries[name] = content
        return {}

    return change


def _bomb(phone: Phone) -> dict[str, Any]:
    name = phone.mark(None)
    phone.entries[f"drafts/{name}.json"] = b" " * (exports.LARGEST_JSON + 1)
    return {}


def _deep(phone: Phone) -> dict[str, Any]:
    name = phone.mark(None)
    phone.entries[f"drafts/{name}.json"] = b"[" * 1_000_000
    return {}


def _other_hash(phone: Phone) -> dict[str, Any]:
    _draft, photograph = phone.mark_with_photograph()
    phone.entries[f"photographs/{photograph}.jpg"] = picture(200)
    return {}


def _no_picture(phone: Phone) -> dict[str, Any]:
    content = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    photograph, draft = str(uuid.uuid4()), phone.mark(body())
    told = {"draft": draft, "sha256": hashlib.sha256(content).hexdigest()}
    phone.entries[f"photographs/{photograph}.jpg"] = content
    phone.entries[f"photographs/{photograph}.json"] = json.dumps(told).encode()
    return {}


HOSTILE: dict[str, tuple[Change, str]] = {
    "a path upwards": (_entry("../../etc/passwd"), "etc/passwd"),
    "an absolute path": (_entry("/drafts/a.json"), "/drafts/a.json"),
    "a backslash": (_entry("drafts\\a.json"), "drafts"),
    "a stranger": (_entry("drafts/notes.txt"), "drafts/notes.txt"),
    "a bomb": (_bomb, "5000000"),
    "a deep one": (_deep, "JSON"),
    "an unknown picture": (_entry(f"photographs/{uuid.uuid4()}.jpg", picture()), "photographs/"),
    "another hash": (_other_hash, "SHA-256"),
    "another format": (lambda _phone: {"format": "qfield"}, "manifest.json"),
    "another place": (lambda _phone: {"place": "elsewhere"}, "elsewhere"),
    "nobody's": (lambda _phone: {"account": str(uuid.uuid4())}, ""),
    "no account": (lambda _phone: {"account": 5}, "manifest.json"),
    "drafts that are not there": (lambda _phone: {"drafts": [str(uuid.uuid4())]}, "manifest.json"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_is_refused_by_name_before_anything_is_kept(
    web: Web, phone: Phone, kind: str
) -> None:
    change, named = HOSTILE[kind]
    phone.mark(body(2.0))
    values = change(phone)
    before = counted(web)
    answer = hand_over(web, phone.place, phone.export(**values))
    assert answer.status_code == 422, answer.text
    assert named in answer.text
    assert counted(web) == before


def test_a_photograph_that_is_none_is_refused_by_name_and_keeps_no_draft_back(
    web: Web, phone: Phone
) -> None:
    phone.mark(body(2.0))
    _no_picture(phone)
    before = counted(web)
    answer = hand_over(web, phone.place, phone.export())
    assert answer.status_code == 200, answer.text
    assert ".jpg" in answer.text
    # Its submission has arrived, and nobody is told otherwise.
    assert "Without some photographs" in answer.text
    assert "Refused" not in answer.text
    after = counted(web)
    assert [late - early for early, late in zip(before, after, strict=True)] == [2, 0, 0]


def test_packed_bytes_that_are_damaged_are_refused(web: Web, phone: Phone) -> None:
    phone.mark(body(2.0))
    whole = bytearray(phone.export())
    at = whole.index(b"drafts/")
    whole[at + 80 : at + 100] = b"\xff" * 20
    assert hand_over(web, phone.place, bytes(whole)).status_code == 422


def test_too_many_entries_are_counted_before_they_are_read() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for number in range(exports.MOST_ENTRIES + 1):
            archive.writestr(f"{number}", b"")
    with pytest.raises(InputError) as refused:
        exports.read_export(made)
    assert [one.code for one in refused.value.problems] == ["export_large"]


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04" + b"\x00" * 40, b"%PDF-1.7"])
def test_what_is_no_zip_is_refused(web: Web, phone: Phone, content: bytes) -> None:
    assert hand_over(web, phone.place, content).status_code == 422


def test_an_entry_that_is_there_twice_or_encrypted_is_refused(phone: Phone) -> None:
    name = phone.mark(body())
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("manifest.json", phone.manifest())
        archive.writestr(f"drafts/{name}.json", b"{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr(f"drafts/{name}.json", b"{}")
    with pytest.raises(InputError, match="twice"):
        exports.read_export(made)
    content = bytearray(phone.export())
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        place = content.rfind(mark)
        content[place + (6 if mark[2] == 3 else 8)] |= 1
    with pytest.raises(InputError, match="encrypted"):
        exports.read_export(io.BytesIO(bytes(content)))


def test_what_is_declared_smaller_than_it_is_stops_where_it_is_too_much(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone.mark(body())
    monkeypatch.setattr(exports, "LARGEST_WHOLE", 100)
    with pytest.raises(InputError, match="too large"):
        exports.read_export(io.BytesIO(phone.export()))
