"""One transaction for what a request changes: run again where it lost, done once under its key."""

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import abort
from flask_login import current_user
from sqlalchemy.orm import Session

from cases.submissions import Answer, Submission, once
from layers.db import Scope
from layers.transactions import transact
from webmap.connections import current_database
from webmap.gates import current_access


@dataclass(frozen=True)
class Sent:
    """What a client sends under a key of its own; ``content`` is all of it, as JSON.

    Without a key it is done as often as it is sent.
    """

    key: uuid.UUID | None
    content: Any

    def submission(self, community_id: int) -> Submission:
        """Return what is kept of it; the order of members makes no difference."""
        canonical = json.dumps(self.content, sort_keys=True, separators=(",", ":")).encode()
        digest = hashlib.sha256(canonical).hexdigest()
        assert self.key is not None
        return Submission(community_id, current_user.id, self.key, digest)


def submit_at_place(sent: Sent, work: Callable[[Session], Answer]) -> Answer:
    """Do ``work`` in the community of this request's address.

    A region has no keys, and nothing of its own to change: 404.
    """
    access = current_access()
    if not access.place.is_community:
        abort(404)
    return submit_in(access.place.id, access.scope, sent, work)


def submit_in(
    community_id: int, scope: Scope, sent: Sent, work: Callable[[Session], Answer]
) -> Answer:
    """Do ``work`` in a transaction that sees ``scope``, and commit it.

    What was done under the same key before is not done again, and answered as it was
    then. Where the transaction lost to another, ``work`` runs again from its start.
    """

    def run(session: Session) -> Answer:
        if sent.key is None:
            return work(session)
        return once(session, sent.submission(community_id), lambda: work(session))

    return transact(current_database(), scope, run)
