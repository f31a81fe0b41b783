"""The document of the API, the page that lists it, and what failures look like."""

import re
import uuid
from typing import Any

import pytest
from werkzeug.exceptions import TooManyRequests

from cases.access import Role
from layers.config import PROJECT_ROOT
from layers.db import EVERYWHERE
from layers.models import Community
from layers.transactions import RETRIES, transact
from tests import builders as make
from tests.webmap.conftest import Story, Web, csrf_token
from webmap.api.document import noun_words, operation_words
from webmap.app import create_app
from webmap.gates import Open


@pytest.fixture(scope="module")
def document(web: Web) -> dict[str, Any]:
    found: dict[str, Any] = web.login(Role.ADMIN).get("/api/v1/openapi.json").get_json()
    return found


def test_the_document_holds_every_route_of_the_api(web: Web, document: dict[str, Any]) -> None:
    routes = {
        re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for rule in web.app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/") and not rule.rule.endswith("openapi.json")
    }
    assert routes == set(document["paths"])
    assert document["openapi"].startswith("3.1")


def described(node: Any, path: str = "") -> list[str]:
    """Return where a property of the document's schemas is without a description."""
    missing = []
    for name, told in node.get("properties", {}).items():
        if "description" not in told and "const" not in told and name != "coordinates":
            missing.append(f"{path}.{name}")
    return missing


def test_everything_is_described(document: dict[str, Any]) -> None:
    missing = []
    for name, schema in document["components"]["schemas"].items():
        missing += described(schema, name)
    for path, methods in document["paths"].items():
        for parameter in methods.get("parameters", []):
            missing += [] if "description" in parameter else [f"{path} {parameter['name']}"]
        for method, told in methods.items():
            if method == "parameters":
                continue
            assert told["summary"], path
            assert told["operationId"] in operation_words()
            assert noun_words().keys() >= set(told["tags"])
            for parameter in told["parameters"]:
                missing += [] if "description" in parameter else [f"{path} {parameter['name']}"]
    assert missing == []


def test_failures_are_all_problems(document: dict[str, Any]) -> None:
    for response in document["components"]["responses"].values():
        assert list(response["content"]) == ["application/problem+json"]
    assert set(document["components"]["securitySchemes"]) == {"session", "token"}


def test_the_page_lists_every_operation(web: Web, document: dict[str, Any]) -> None:
    client = web.login(Role.ADMIN)
    page = client.get("/api?lang=en").text
    for path in document["paths"]:
        assert path in page
    assert "Make one move of a case" in page
    assert "<script" not in page
    assert "列出案件" in client.get("/api?lang=zh_Hans").text


def test_strangers_read_no_document(web: Web) -> None:
    assert web.client().get("/api/v1/openapi.json").status_code == 401
    assert web.client().get("/api").status_code == 302


@pytest.mark.parametrize(
    ("method", "address", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("DELETE", "/api/v1/places/{place}/days", 405, "method_not_allowed"),
        ("GET", "/api/v1/places/{place}/status?day=x", 422, "day"),
    ],
)
def test_every_failure_names_its_problems(
    web: Web, story: Story, method: str, address: str, status: int, code: str
) -> None:
    client = web.login(Role.PLANNER, story.here)
    headers = {"X-CSRFToken": csrf_token(client, "/places")}
    answer = client.open(address.format(place=story.here), method=method, headers=headers)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    body = answer.get_json()
    assert (body["status"], body["type"]) == (status, "about:blank")
    (problem,) = body["problems"]
    assert problem["code"] == code
    assert problem["message"]
    assert problem["remedy"]
    assert status != 405 or "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (TooManyRequests(), 429, "too_many_requests"),
        (RuntimeError("the password is swordfish"), 500, "internal_server_error"),
    ],
)
def test_failures_of_any_kind_are_problems(
    web: Web, failure: Exception, status: int, code: str
) -> None:
    def fail() -> str:
        raise failure

    fail.gate = Open.PUBLIC  # type: ignore[attr-defined]
    app = create_app(web.app.extensions["commongreen"].settings)
    app.add_url_rule("/api/fail", view_func=fail)
    answer = app.test_client().get("/api/fail")
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert [one["code"] for one in answer.get_json()["problems"]] == [code]
    assert "swordfish" not in answer.text


def test_who_loses_to_others_every_time_is_asked_to_come_again(web: Web) -> None:
    with web.database.session(EVERYWHERE) as session, session.begin():
        number = make.community(session).id
    runs = 0

    def contested() -> str:
        def work(session: Any) -> str:
            nonlocal runs
            runs += 1
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            mine = session.get(Community, number)
            with web.database.session(EVERYWHERE) as faster, faster.begin():
                faster.get_one(Community, number).name = f"faster {runs}"
            mine.name = "mine"
            session.flush()
            return "done"

        return transact(web.database, EVERYWHERE, work)

    contested.gate = Open.PUBLIC  # type: ignore[attr-defined]
    app = create_app(web.app.extensions["commongreen"].settings)
    app.add_url_rule("/api/contested", view_func=contested)
    answer = app.test_client().get("/api/contested")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.get_json()["problems"][0]["code"] == "service_unavailable"
    assert runs == RETRIES + 1


def test_the_documentation_lists_every_operation_and_no_other(document: dict[str, Any]) -> None:
    told = (PROJECT_ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([A-Z]+) (/[^`]+)` \|", told, re.MULTILINE)
    there = [
        (method.upper(), path.removeprefix("/api/v1"))
        for path, methods in document["paths"].items()
        for method in methods
        if method != "parameters"
    ]
    assert sorted(listed) == sorted(there)


def asked_by(command: str) -> tuple[str, str]:
    """Return the method and the address of a curl command, its variables filled in."""
    address = re.search(r"\$HOST(/[\w/$.-]+)", command)
    assert address, command
    given = re.search(r" -X ([A-Z]+)", command)
    method = given[1] if given else "POST" if re.search(r" -[dF] ", command) else "GET"
    return method, re.sub(r"\$\w+", str(uuid.uuid4()), address[1])


def test_what_the_documentation_asks_for_is_there(web: Web) -> None:
    told = (PROJECT_ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    commands = re.findall(r"^curl .*(?:\n .*)*", told, re.MULTILINE)
    asked = [asked_by(one) for one in commands]
    assert len(asked) >= 6
    assert {method for method, _address in asked} >= {"GET", "PATCH", "POST"}
    routes = web.app.url_map.bind("localhost")
    for method, address in asked:
        assert routes.match(address, method=method)
