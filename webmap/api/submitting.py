"""Writes: one transaction, repeated where it lost, done once where its client has a key."""

import hashlib
import json
import uuid
from collections.abc import Callable

from flask import Response, abort, current_app, request
from flask_login import current_user
from sqlalchemy.orm import Session

from cases.submissions import Answer, Submission, once
from layers.transactions import transact
from webmap.connections import current_database
from webmap.gates import current_access


def submit(key: uuid.UUID | None, work: Callable[[Session], object]) -> Response:
    """Do ``work`` in a transaction that sees the place of this request, and answer with it.

    ``key`` is the client's own: what was done under it before is not done again, and
    answered as it was then.
    """

    def run(session: Session) -> Answer:
        def do() -> Answer:
            return Answer(200, current_app.json.dumps(work(session)))

        return do() if key is None else once(session, _submission(key), do)

    answer = transact(current_database(), current_access().scope, run)
    return Response(answer.body, answer.status, content_type="application/json")


def _submission(key: uuid.UUID) -> Submission:
    """Return what was sent in one form, whatever the order of its members.

    Keys are a community's; a region has none, and nothing of its own to change: 404.
    """
    if not current_access().place.is_community:
        abort(404)
    said = [request.method, request.path, request.get_json()]
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    digest = hashlib.sha256(canonical).hexdigest()
    return Submission(current_access().place.id, current_user.id, key, digest)
