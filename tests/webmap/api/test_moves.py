"""Moves of a case: what they need, what is refused, and that nothing is overwritten."""

import json
import math
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import shapely
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from cases.access import Role
from cases.documents import number_of
from cases.models import CaseEvent, DocumentRecord
from cases.people import ensure_account
from cases.workflow import Document, State
from layers.db import EVERYWHERE
from layers.models import Community
from tests import builders as make
from tests.webmap.conftest import Story, Web, csrf_token
from webmap.app import LARGEST_REQUEST

Move = Callable[..., TestResponse]
# Each pair meets at one case; SAFETY's goal is 500.
PAIRS = 10


def nested(depth: int) -> Any:
    """Return a list in a list, ``depth`` deep."""
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def suspected(web: Web, story: Story) -> uuid.UUID:
    """Return a new suspected case on ground of its own."""
    with web.database.session(EVERYWHERE) as session, session.begin():
        here = session.scalars(select(Community).where(Community.code == story.here)).one()
        ground = make.parcel(session, here, make.square(4, 1))
        who = make.household(session, here)
        case = make.case(session, who, make.campaign(session, here))
        make.event(session, case, make.EARLY, State.SUSPECTED)
        seen = make.observation(session, here, make.square(4, 1))
        make.encroachment(session, seen, ground, case, make.square(4, 1))
        return case.id


@pytest.fixture
def fresh(web: Web, story: Story) -> uuid.UUID:
    """A new suspected case on ground of its own."""
    return suspected(web, story)


def sender(web: Web, client: FlaskClient, place: str, case: uuid.UUID) -> Move:
    """Return what sends a move; ``read`` is the version in If-Match."""
    token = csrf_token(client, "/places")

    def send(read: Any = None, key: str | None = None, **body: Any) -> TestResponse:
        headers = {"X-CSRFToken": token}
        if read is not None:
            headers["If-Match"] = f'"v{read}"' if isinstance(read, int) else read
        if key is not None:
            headers["Idempotency-Key"] = key
        return client.post(
            f"/api/v1/communities/{place}/cases/{case}/moves",
            # In ASCII, which can spell what UTF-8 cannot.
            data=json.dumps(body),
            content_type="application/json",
            headers=headers,
        )

    return send


@pytest.fixture
def move(web: Web, story: Story, fresh: uuid.UUID) -> Move:
    return sender(web, web.login(Role.INSPECTOR, story.here), story.here, fresh)


def states(web: Web, case: uuid.UUID) -> list[tuple[str, str | None]]:
    with web.database.session(EVERYWHERE) as session:
        rows = select(CaseEvent).where(CaseEvent.case_id == case).order_by(CaseEvent.seq)
        return [(one.actor, one.state) for one in session.scalars(rows)]


def test_a_move_is_made_and_signed_with_the_accounts_address(
    web: Web, story: Story, move: Move, fresh: uuid.UUID
) -> None:
    answer = move(target="verified", read=1)
    assert answer.status_code == 200
    case = answer.get_json()
    assert (case["state"], case["version"]) == ("verified", 2)
    actor = web.person(Role.INSPECTOR, story.here)
    assert states(web, fresh) == [("inspector@example.org", "suspected"), (actor, "verified")]


def test_ground_is_cleared_inspected_and_accepted_by_two(
    web: Web, story: Story, move: Move, fresh: uuid.UUID
) -> None:
    assert move(target="verified", read=1).status_code == 200
    assert move(target="self_clearing", read=2).status_code == 200
    left = shapely.geometry.mapping(make.square(4.2, 1.2, 0.3))
    partly = move(target="inspected", read=3, residual=left)
    assert partly.status_code == 200, partly.text
    alone = move(target="accepted", read=4, document="A-1")
    assert {one["code"] for one in alone.get_json()["problems"]} >= {"same_person"}
    secretary = sender(web, web.login(Role.SECRETARY, story.here), story.here, fresh)
    refused = secretary(target="accepted", read=4, document="A-1")
    assert [one["code"] for one in refused.get_json()["problems"]] == ["residual_too_large"]
    assert secretary(target="self_clearing", read=4, reason="A corner is left").status_code == 200
    assert move(target="inspected", read=5, residual=None).status_code == 200
    accepted = secretary(target="accepted", read=6, document="A-2")
    assert accepted.status_code == 200, accepted.text
    assert accepted.get_json()["state"] == "accepted"


def test_the_second_of_two_editors_is_shown_the_case_as_it_is(move: Move) -> None:
    assert move(target="verified", read=1).status_code == 200
    late = move(target="rejected", read=1, reason="No fence")
    assert late.status_code == 412
    assert late.mimetype == "application/problem+json"
    assert late.get_json()["case"]["state"] == "verified"
    assert late.get_json()["case"]["version"] == 2
    assert late.get_json()["yours"] == {
        "versions": [1],
        "target": "rejected",
        "reason": "No fence",
    }


def test_the_paper_of_a_move_is_issued_with_it(
    web: Web, story: Story, move: Move, fresh: uuid.UUID
) -> None:
    secretary = sender(web, web.login(Role.SECRETARY, story.here), story.here, fresh)
    assert move(target="verified", read=1).status_code == 200
    assert move(target="self_clearing", read=2).status_code == 200
    empty = secretary(target="assisted", read=3)
    assert [one["code"] for one in empty.get_json()["problems"]] == ["inventory_missing"]
    wrong = secretary(
        target="assisted", read=3, inventory=[{"what": 7}, {"count": 0}], authority=[]
    )
    assert [one["field"] for one in wrong.get_json()["problems"]] == [
        "inventory.what",
        "inventory.what",
        "inventory.count",
        "authority",
    ]
    listed = [{"what": "bamboo fence", "count": 12, "condition": "worn"}, {"what": "pots"}]
    key = str(uuid.uuid4())
    answers = [secretary(target="assisted", read=3, inventory=listed, key=key) for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]
    with web.database.session(EVERYWHERE) as session:
        sheet, paper = session.scalars(
            select(DocumentRecord)
            .where(DocumentRecord.case_id == fresh)
            .order_by(DocumentRecord.number)
        )
        assert (sheet.kind, paper.number) == (Document.SURVEY_SHEET, sheet.number + 1)
        assert paper.data["inventory"] == [listed[0], {"what": "pots", "count": 1, "condition": ""}]
        assert answers[0].get_json()["events"][-1]["document"] == number_of(paper)


def test_a_region_has_no_moves_with_a_key_nor_without(web: Web, story: Story) -> None:
    client = web.login(Role.INSPECTOR, story.town)
    for key in (None, str(uuid.uuid4())):
        answer = sender(web, client, story.town, story.case)(target="verified", read=1, key=key)
        assert answer.status_code == 404


@pytest.mark.parametrize("read", [None, "*", "", "v1 or so"])
def test_a_move_that_says_not_what_was_read_could_overwrite(
    web: Web, move: Move, fresh: uuid.UUID, read: str | None
) -> None:
    answer = move(target="verified", read=read, version=1)
    assert answer.status_code == 428
    assert answer.get_json()["problems"][0]["code"] == "precondition_required"
    assert len(states(web, fresh)) == 1


@pytest.mark.parametrize(
    "read", ['"v1"', '"v1-0123456789abcdef"', 'W/"v1-00"', '"v7", "v1"', '"other", "v1"']
)
def test_the_version_alone_decides_whether_the_case_is_as_it_was_read(
    move: Move, read: str
) -> None:
    answer = move(target="verified", read=read)
    assert answer.status_code == 200, answer.text
    assert answer.headers["ETag"].startswith('"v2-')


@pytest.mark.parametrize("read", ['"v2"', '"v0"', '""', '"1"', '"v1x"', '"v99999999999"'])
def test_what_is_no_version_of_the_case_is_not_its_version(move: Move, read: str) -> None:
    assert move(target="verified", read=read).status_code == 412


def test_the_body_cannot_name_another_version(web: Web, move: Move, fresh: uuid.UUID) -> None:
    answer = move(target="verified", read=1, version=2)
    assert answer.status_code == 422
    assert [one["field"] for one in answer.get_json()["problems"]] == ["version"]
    assert move(target="verified", read=1, version=1).status_code == 200


def test_the_same_move_sent_again_is_made_once(web: Web, move: Move, fresh: uuid.UUID) -> None:
    key = str(uuid.uuid4())
    first = move(target="verified", read=1, key=key)
    again = move(target="verified", read=1, key=key)
    assert first.status_code == again.status_code == 200
    assert (first.data, first.headers["ETag"]) == (again.data, again.headers["ETag"])
    assert len(states(web, fresh)) == 2


def test_a_key_is_good_for_one_move(web: Web, move: Move, fresh: uuid.UUID) -> None:
    key = str(uuid.uuid4())
    assert move(target="verified", read=1, key=key).status_code == 200
    other = move(target="self_clearing", read=2, key=key)
    assert other.status_code == 422
    assert [one["code"] for one in other.get_json()["problems"]] == ["key_reused"]
    no_key = move(target="self_clearing", read=2, key="again")
    assert [one["field"] for one in no_key.get_json()["problems"]] == ["Idempotency-Key"]
    assert len(states(web, fresh)) == 2


def test_a_key_that_failed_is_free(move: Move) -> None:
    key = str(uuid.uuid4())
    assert move(target="verified", read=2, key=key).status_code == 412
    assert move(target="verified", read=1, key=key).status_code == 200


def test_every_fault_of_a_move_is_named_at_once(web: Web, move: Move, fresh: uuid.UUID) -> None:
    answer = move(
        read=1,
        target="gone",
        version="1",
        colour="red",
        document=7,
        reason="\x00",
        at="2022-06-30",
        residual={"type": "Point", "coordinates": [122, 37]},
    )
    assert answer.status_code == 422
    assert [one["field"] for one in answer.get_json()["problems"]] == [
        "target",
        "residual",
        "at",
        "document",
        "reason",
        "version",
        "colour",
    ]
    assert len(states(web, fresh)) == 1


HOSTILE_FIELDS: list[tuple[str, Any]] = [
    ("at", "0001-01-01T00:00:00+08:00"),
    ("at", "9999-12-31T23:59:59-12:00"),
    ("at", "1999-12-31T23:59:59+00:00"),
    ("at", "2100-01-01T00:00:00+00:00"),
    ("at", "2022-06-30T10:00:00"),
    ("at", "\ud800"),
    ("at", 20220630),
    ("at", nested(800)),
    ("document", "\ud800"),
    ("document", "x" * 2_001),
    ("document", nested(800)),
    ("reason", "good \udfff"),
    ("reason", "x" * 2_001),
    ("reason", {}),
    ("target", "\ud800"),
    ("target", "x" * 10_000),
    ("target", nested(800)),
    ("version", nested(800)),
    ("version", True),
    ("version", 1e300),
]


@pytest.mark.parametrize(("field", "value"), HOSTILE_FIELDS)
def test_a_hostile_field_is_refused_by_its_name_and_not_repeated(
    web: Web, move: Move, fresh: uuid.UUID, field: str, value: Any
) -> None:
    answer = move(**{"target": "verified", "version": 1, field: value})
    assert answer.status_code == 422, answer.text
    assert [one["field"] for one in answer.get_json()["problems"]] == [field]
    assert len(answer.text) < 1_000
    assert len(states(web, fresh)) == 1


def test_a_time_may_come_from_any_zone(move: Move) -> None:
    # PostgreSQL itself takes no zone further than 15:59 from UTC.
    answer = move(target="verified", read=1, at="2022-07-01T10:00:00+23:59")
    assert answer.status_code == 200, answer.text


HOSTILE_GEOMETRIES: dict[str, Any] = {
    "text": "POLYGON((0 0,1 1,1 0,0 0))",
    "no coordinates": {"type": "Polygon"},
    "strings": {"type": "Polygon", "coordinates": [[["a", "b"], [1, 1], [1, 0], ["a", "b"]]]},
    "open ring": {"type": "Polygon", "coordinates": [[[122, 37], [122.1, 37], [122.1, 37.1]]]},
    "a number": 7,
    "a list": [[122, 37]],
    "a collection": {"type": "GeometryCollection", "geometries": []},
    "a type that is half a character": {"type": "\ud800", "coordinates": []},
    "a type that is a list": {"type": nested(800), "coordinates": []},
    "true for a number": {"type": "Polygon", "coordinates": [[[True, 37], [1, 1], [1, 0]]]},
    "one number": {"type": "Polygon", "coordinates": [[[122], [122], [122], [122]]]},
    "five numbers": {"type": "Polygon", "coordinates": [[[122, 37, 0, 0, 0]] * 4]},
    "null for a position": {"type": "Polygon", "coordinates": [[None] * 4]},
    "a polygon too deep": {"type": "Polygon", "coordinates": [[[[122, 37]] * 4]]},
    "nested": {"type": "Polygon", "coordinates": nested(800)},
    "nested positions": {"type": "Polygon", "coordinates": [[nested(800)] * 4]},
    "infinite": {"type": "Polygon", "coordinates": [[[122, math.inf]] * 4]},
    "not a number": {"type": "Polygon", "coordinates": [[[122, math.nan]] * 4]},
    "whole and huge": {"type": "Polygon", "coordinates": [[[122, 10**4_000]] * 4]},
    "many parts": {"type": "MultiPolygon", "coordinates": [[]] * 10_001},
    "numbers alone": {"type": "Polygon", "coordinates": [1, 2]},
    "an object": {"type": "Polygon", "coordinates": {"a": 1}},
    "empty": {"type": "Polygon", "coordinates": []},
    "elsewhere": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]},
    "bowtie": {
        "type": "Polygon",
        "coordinates": [
            [[122.2, 37.4], [122.3, 37.5], [122.3, 37.4], [122.2, 37.5], [122.2, 37.4]]
        ],
    },
    "many vertices": {
        "type": "Polygon",
        "coordinates": [[[122 + n / 1e5, 37 + (n % 2)] for n in range(10_050)] + [[122, 37]]],
    },
    "huge": {"type": "Polygon", "coordinates": [[[0, 0], [1e300, 0], [1e300, 1e300], [0, 0]]]},
}


@pytest.mark.parametrize("kind", HOSTILE_GEOMETRIES)
def test_a_hostile_residual_is_refused_with_a_reason(
    web: Web, story: Story, move: Move, fresh: uuid.UUID, kind: str
) -> None:
    move(target="verified", read=1)
    move(target="self_clearing", read=2)
    answer = move(target="inspected", read=3, residual=HOSTILE_GEOMETRIES[kind])
    assert answer.status_code == 422, answer.text
    assert {one["field"] for one in answer.get_json()["problems"]} == {"residual"}
    assert len(states(web, fresh)) == 3


@pytest.mark.parametrize(
    "body",
    ["", "[]", "null", "{", '{"target": ' + "[" * 100_000, "NaN", '{"version": 1, "target": NaN}'],
)
def test_a_body_that_is_no_move_is_refused(
    web: Web, story: Story, fresh: uuid.UUID, body: str
) -> None:
    client = web.login(Role.INSPECTOR, story.here)
    answer = client.post(
        f"/api/v1/communities/{story.here}/cases/{fresh}/moves",
        data=body,
        content_type="application/json",
        headers={"X-CSRFToken": csrf_token(client, "/places"), "If-Match": '"v1"'},
    )
    assert answer.status_code in {400, 422}
    assert answer.mimetype == "application/problem+json"


def test_a_form_is_no_move(web: Web, story: Story, fresh: uuid.UUID) -> None:
    client = web.login(Role.INSPECTOR, story.here)
    answer = client.post(
        f"/api/v1/communities/{story.here}/cases/{fresh}/moves",
        data={"target": "verified"},
        headers={"X-CSRFToken": csrf_token(client, "/places"), "If-Match": '"v1"'},
    )
    assert answer.status_code == 415
    assert answer.mimetype == "application/problem+json"


def test_a_body_that_is_too_large_is_not_read(web: Web, story: Story, fresh: uuid.UUID) -> None:
    client = web.login(Role.INSPECTOR, story.here)
    answer = client.post(
        f"/api/v1/communities/{story.here}/cases/{fresh}/moves",
        data=b" " * (LARGEST_REQUEST + 1),
        content_type="application/json",
        headers={"X-CSRFToken": csrf_token(client, "/places"), "If-Match": '"v1"'},
    )
    assert answer.status_code == 413
    assert answer.mimetype == "application/problem+json"


def test_of_two_at_once_one_is_told_of_the_other(web: Web, story: Story) -> None:
    here = Role.INSPECTOR, story.here
    clients = [web._logged_in(*here, "") for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(PAIRS):
            case = suspected(web, story)
            both = [sender(web, one, story.here, case) for one in clients]
            moves = [
                pool.submit(one, read=1, target=target, reason="No fence")
                for one, target in zip(both, ("verified", "rejected"), strict=True)
            ]
            answers = [one.result() for one in moves]
            assert sorted(one.status_code for one in answers) == [200, 412]
            won, lost = sorted(answers, key=lambda one: one.status_code)
            assert lost.get_json()["case"]["state"] == won.get_json()["state"]
            assert len(states(web, case)) == 2


def test_a_move_from_another_site_is_refused(web: Web, story: Story, fresh: uuid.UUID) -> None:
    client = web.login(Role.INSPECTOR, story.here)
    answer = client.post(
        f"/api/v1/communities/{story.here}/cases/{fresh}/moves",
        json={"target": "verified", "version": 1},
    )
    assert answer.status_code == 400
    assert len(states(web, fresh)) == 1


def test_a_move_needs_its_own_permission(web: Web, story: Story, fresh: uuid.UUID) -> None:
    planner = sender(web, web.login(Role.PLANNER, story.here), story.here, fresh)
    answer = planner(target="verified", read=1)
    assert answer.status_code == 422
    assert [one["code"] for one in answer.get_json()["problems"]] == ["not_permitted"]
    assert len(states(web, fresh)) == 1


def test_a_role_elsewhere_is_no_permission_here(web: Web, story: Story, fresh: uuid.UUID) -> None:
    email = web.person(Role.PLANNER, story.here, name="both")
    with web.database.session(EVERYWHERE) as session, session.begin():
        ensure_account(
            session, email, name="", password="", role=Role.INSPECTOR, place=story.elsewhere
        )
    client = web.login(Role.PLANNER, story.here, name="both")
    answer = sender(web, client, story.here, fresh)(target="verified", read=1)
    assert [one["code"] for one in answer.get_json()["problems"]] == ["not_permitted"]


def test_a_case_of_another_community_is_as_unknown_as_none(web: Web, story: Story) -> None:
    client = web.login(Role.INSPECTOR, story.here)
    for place, case in (
        (story.here, story.case_elsewhere),
        (story.elsewhere, story.case_elsewhere),
        (story.here, uuid.uuid4()),
    ):
        answer = sender(web, client, place, case)(target="verified", read=1)
        assert answer.status_code == 404
    assert len(states(web, story.case_elsewhere)) == 1
