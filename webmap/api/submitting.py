"""Writes of the API: what was done is answered as JSON, and answered the same when sent again."""

import uuid
from collections.abc import Callable

from flask import Response, current_app, request
from sqlalchemy.orm import Session

from cases.submissions import Answer
from webmap.submitting import Sent, submit_at_place


def submit(key: uuid.UUID | None, work: Callable[[Session], object], status: int = 200) -> Response:
    """Do ``work`` in a transaction that sees the place of this request, and answer with it.

    ``key`` is the client's own: what was done under it before is not done again, and
    answered as it was then. A region has nothing to change: 404.
    """

    def do(session: Session) -> Answer:
        return Answer(status, current_app.json.dumps(work(session)))

    sent = Sent(key, [request.method, request.path, request.get_json(silent=True)])
    answer = submit_at_place(sent, do)
    return Response(answer.body, answer.status, content_type="application/json")
