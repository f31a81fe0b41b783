"""What phones send, over HTTP: in parallel, again and again, and each is there once."""

import datetime as dt
import hashlib
import json
import random
import uuid
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from shapely.geometry import mapping
from sqlalchemy import select

from cases.access import Permission, Role
from cases.decisions import withdraw
from cases.field.clocks import PhoneClock
from cases.field.receiving import Receipt, Sent, receive
from cases.field.versions import observation_version
from cases.models import CaptureMethod, FieldSubmission, SubmissionKind
from cases.signing import Signature
from layers.db import EVERYWHERE, Scope
from layers.models import Community, Observation, StructureType
from layers.transactions import transact
from tests import builders as make
from tests.webmap.api.sending import Sender, codes
from tests.webmap.conftest import Story, Web

KEYS, TIMES, PHONES = 1_000, 20, 8


def marked(x: float = 0, **more: Any) -> dict[str, Any]:
    """Return a body as a phone makes it, an outline of some metres at step ``x``."""
    return {
        "kind": "enclosure",
        "geometry": mapping(make.square(x, 4, 0.5).geoms[0]),
        "structure_types": ["fence", "paving"],
        "observed_at": "2022-04-11T09:30:00+08:00",
        **more,
    }


def path(key: uuid.UUID) -> str:
    return f"field/submissions/{key}"


def rows(web: Web, place: str) -> list[FieldSubmission]:
    with web.database.session(EVERYWHERE) as session:
        own = select(Community.id).where(Community.code == place).scalar_subquery()
        wanted = select(FieldSubmission).where(FieldSubmission.community_id == own)
        return list(session.scalars(wanted))


def test_a_receipt_names_the_bytes_that_came(web: Web, story: Story) -> None:
    inspector = Sender.of(web, Role.INSPECTOR, story.here)
    key, body = uuid.uuid4(), json.dumps(marked(note="竹篱笆")).encode()
    headers = {"X-CSRFToken": inspector.token, "Phone-Time": "2021-04-11T09:30:00+08:00"}
    put = {"data": body, "content_type": "application/json", "headers": headers}
    first = inspector.client.put(inspector.at(path(key)), **put)
    again = inspector.client.put(inspector.at(path(key)), **put)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json == again.json
    assert first.json is not None
    assert first.json["sha256"] == hashlib.sha256(body).hexdigest()
    assert first.json["photographs"] == {"announced": 0, "received": 0}
    (row,) = [one for one in rows(web, story.here) if one.id == key]
    assert row.clock_offset_s > 300 * 24 * 3600
    other = inspector.send("PUT", path(key), marked(note="另一个"))
    assert (other.status_code, codes(other)) == (422, ["key_reused"])


def test_every_fault_of_a_body_is_named_by_its_field(web: Web, story: Story) -> None:
    inspector = Sender.of(web, Role.INSPECTOR, story.here)
    bad = marked(
        kind="castle",
        geometry={"type": "Point", "coordinates": [0, 0]},
        rms_m="much",
        observed_at="yesterday",
        position={"longitude": 1e9, "latitude": 4},
        photographs=[{"id": "x", "sha256": "y"}],
    )
    answer = inspector.send("PUT", path(uuid.uuid4()), bad)
    assert answer.status_code == 422
    named = {one["field"] for one in answer.get_json()["problems"]}
    assert named == {
        "kind",
        "geometry",
        "rms_m",
        "observed_at",
        "position.longitude",
        "photographs.id",
        "photographs.sha256",
    }
    deep = marked(geometry={"type": "Polygon", "coordinates": [[[[1]]]]})
    assert codes(inspector.send("PUT", path(uuid.uuid4()), deep)) == ["polygon"]


def test_who_comes_second_is_shown_both(web: Web, story: Story) -> None:
    inspector = Sender.of(web, Role.INSPECTOR, story.here)
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = session.scalars(select(Community).where(Community.code == story.here)).one()
        seen = make.observation(session, place, make.square(0, 4))
        ref, read = seen.ref, {"id": str(seen.id), "version": observation_version(seen)}
        withdraw(session, place, ref, "a shadow", Signature("bo"))
    key, body = uuid.uuid4(), marked(corrects=read)
    answer = inspector.send("PUT", path(key), body)
    assert answer.status_code == 412
    told = answer.get_json()
    assert told["yours"] == json.loads(json.dumps(body))
    assert (told["now"]["ref"], told["now"]["status"]) == (ref, "withdrawn")
    assert told["now"]["geometry"]["type"] == "MultiPolygon"
    assert told["now"]["version"] != read["version"]
    assert inspector.send("PUT", path(key), {**body, "keep_both": True}).status_code == 201


def test_1000_keys_sent_20_times_in_parallel_are_1000_rows(web: Web, story: Story) -> None:
    with web.database.session(EVERYWHERE) as session:
        own = select(Community).where(Community.code == story.elsewhere)
        place = session.scalars(own).one()
    clock, outline = PhoneClock(dt.datetime.now(dt.UTC)), make.square(18, 4, 0.5)
    kind, how = SubmissionKind.ENCLOSURE, CaptureMethod.DRAWN
    fence = (StructureType.FENCE,)
    made = [
        Sent(uuid.uuid4(), str(n).encode(), kind, how, 0.3, clock, outline, structure_types=fence)
        for n in range(KEYS)
    ]
    work = [one for one in made for _ in range(TIMES)]
    random.Random(4).shuffle(work)
    by = Signature("ana@example.org", None, frozenset({Permission.FIELD_CAPTURE}))
    scope = Scope(frozenset({place.id}))

    def send(one: Sent) -> Receipt:
        return transact(web.database, scope, lambda session: receive(session, place, one, by))

    with ThreadPoolExecutor(PHONES) as pool:
        receipts = list(pool.map(send, work))
    told: dict[uuid.UUID, set[Receipt]] = defaultdict(set)
    for receipt in receipts:
        told[receipt.id].add(replace(receipt, is_new=False))
    assert sum(receipt.is_new for receipt in receipts) == KEYS
    assert {key: len(answers) for key, answers in told.items()} == {one.id: 1 for one in made}
    stored = {row.id: row.body_sha256.hex() for row in rows(web, story.elsewhere)}
    assert stored == {one.id: one.sha256.hex() for one in made}


def test_a_key_that_many_phones_send_at_once_is_answered_alike(web: Web, story: Story) -> None:
    one = Sender.of(web, Role.INSPECTOR, story.neighbour)
    cookie = one.client.get_cookie("commongreen")
    assert cookie is not None
    phones = []
    for _ in range(PHONES):
        client = web.client()
        client.set_cookie("commongreen", cookie.value)
        phones.append(Sender(client, story.neighbour, one.token))
    bodies = {uuid.uuid4(): marked(9, note=str(n)) for n in range(10)}

    def send_all(phone: Sender) -> list[tuple[uuid.UUID, int, str]]:
        answers = [(key, phone.send("PUT", path(key), body)) for key, body in bodies.items()]
        return [(key, answer.status_code, answer.text) for key, answer in answers]

    with ThreadPoolExecutor(PHONES) as pool:
        answers = [answer for told in pool.map(send_all, phones) for answer in told]
    assert len(answers) == PHONES * len(bodies)
    assert len(set(answers)) == len(bodies)
    assert {status for _key, status, _text in answers} == {201}
    assert {row.id for row in rows(web, story.neighbour)} == bodies.keys()


def test_what_was_seen_in_the_field_becomes_an_observation_only_by_the_office(
    web: Web, story: Story
) -> None:
    inspector = Sender.of(web, Role.INSPECTOR, story.here)
    with web.database.session(EVERYWHERE) as session:
        before = len(session.scalars(select(Observation)).all())
    assert inspector.send("PUT", path(uuid.uuid4()), marked()).status_code == 201
    with web.database.session(EVERYWHERE) as session:
        assert len(session.scalars(select(Observation)).all()) == before


def test_a_phone_that_has_lost_its_clock_can_still_send(web: Web, story: Story) -> None:
    inspector = Sender.of(web, Role.INSPECTOR, story.here)
    key, lost = uuid.uuid4(), "1970-01-01T08:03:00+08:00"
    answer = inspector.send("PUT", path(key), marked(observed_at=lost))
    assert answer.status_code == 201, answer.text
    (row,) = [one for one in rows(web, story.here) if one.id == key]
    assert row.is_clock_doubtful


def test_many_or_contradicting_structures_are_refused(web: Web, story: Story) -> None:
    inspector = Sender.of(web, Role.INSPECTOR, story.here)
    for structures in (["fence"] * 9, ["none", "fence"]):
        answer = inspector.send("PUT", path(uuid.uuid4()), marked(structure_types=structures))
        assert answer.status_code == 422
        assert {one["field"] for one in answer.get_json()["problems"]} == {"structure_types"}
