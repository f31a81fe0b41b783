"""Requests that change something, as a program sends them."""

import uuid
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cases.access import Role
from tests.webmap.conftest import Web, csrf_token


@dataclass(frozen=True)
class Sender:
    """Somebody in one community, under ``/api/v1/communities/<place>``."""

    client: FlaskClient
    place: str
    token: str

    @classmethod
    def of(cls, web: Web, role: Role, place: str, name: str = "") -> "Sender":
        client = web.login(role, place, name)
        return cls(client, place, csrf_token(client, "/places"))

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(self.at(path), query_string=query or None)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        read: str | int | None = None,
        key: uuid.UUID | None = None,
        **more: Any,
    ) -> TestResponse:
        """Send a body as JSON; ``read`` is the version in If-Match."""
        headers = {"X-CSRFToken": self.token}
        if read is not None:
            headers["If-Match"] = f'"v{read}"' if isinstance(read, int) else f'"{read}"'
        if key is not None:
            headers["Idempotency-Key"] = str(key)
        content = {"json": body} if body is not None else {}
        return self.client.open(self.at(path), method=method, headers=headers, **content, **more)

    def at(self, path: str) -> str:
        """Return an address of the community."""
        return path if path.startswith("/") else f"/api/v1/communities/{self.place}/{path}"


def codes(answer: TestResponse) -> list[str]:
    """Return the code of every problem of a failure."""
    assert answer.mimetype == "application/problem+json", answer.text
    return [one["code"] for one in answer.get_json()["problems"]]
