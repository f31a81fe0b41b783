"""The file of a phone as the commands and the page take it in: read whole, then written."""

import json
import uuid
from typing import IO, Any

from marshmallow import ValidationError
from sqlalchemy.orm import Session

from cases.field.exports import ExportedDraft, read_export
from cases.field.importing import TakenIn, inspector_of, take_in
from cases.field.receiving import Sent
from cases.signing import Signature
from gis.problems import Problem
from layers.db import EVERYWHERE, Database, Scope
from layers.models import Community
from layers.transactions import transact
from webmap.api.field_submissions import NewSubmissionSchema, sent_as
from webmap.api.fields import problems_in

LARGEST_FILE = 300 * 1024 * 1024


def take_in_file(
    database: Database, community_id: int, scope: Scope, file: IO[bytes], by: Signature
) -> TakenIn:
    """Take in what a phone exported and commit it; raises ``InputError`` before anything is kept.

    The same file again changes nothing.
    """
    export = read_export(file)
    drafts = {one.id: _sent(one) for one in export.drafts}
    with database.session(EVERYWHERE) as session:
        community = session.get_one(Community, community_id)
        inspector = inspector_of(session, community, export, by)

    def work(session: Session) -> TakenIn:
        place = session.get_one(Community, community_id)
        return take_in(session, place, drafts, inspector, by)

    return transact(database, scope, work)


def _sent(draft: ExportedDraft) -> Sent | list[Problem] | None:
    """Return what a draft would have sent, what is wrong with it, or ``None`` where it is none."""
    if draft.body is None:
        return None
    try:
        asked = _loaded(draft.id, draft.body)
    except ValidationError as error:
        return list(problems_in(error.messages))
    return sent_as(draft.id, draft.body, asked)


def _loaded(key: uuid.UUID, body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        text, remedy = "The draft is no JSON.", "Export it on the phone again."
        raise ValidationError([Problem("body", text, remedy)]) from None
    loaded: dict[str, Any] = NewSubmissionSchema().load(told)
    return loaded
