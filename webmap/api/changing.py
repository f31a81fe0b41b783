"""A change of a case by the API: held to the version that was read, answered with the case."""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, abort, request
from marshmallow import Schema
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.case_sheet import find_case
from cases.casework import StaleVersion
from cases.models import Case
from cases.parcel_file import Viewer, case_file
from cases.signing import Signature
from layers.models import Community
from webmap.api.blueprint import Blueprint, Decorator
from webmap.api.community import asked_community, asking_viewer
from webmap.api.etags import asked_versions, tag_version
from webmap.api.fields import Instant
from webmap.api.histories import CaseSchema, StaleSchema, SubmissionSchema
from webmap.api.submitting import submit
from webmap.errors import Stale
from webmap.gates import gated


class SignedSchema(Schema):
    """What every act on a case may say beside its own fields."""

    at = Instant(
        allow_none=True,
        metadata={"description": "When it happened, with its zone; now by default."},
    )


@dataclass(frozen=True)
class Change:
    """A case that is changed, in the transaction of its request; ``version`` as it was read.

    0 is no version of a case, so a verb refuses it as stale.
    """

    session: Session
    community: Community
    case_id: uuid.UUID
    viewer: Viewer
    version: int

    def signed(self, at: dt.datetime | None = None) -> Signature:
        """Return the signature of the account, on the case as it was read."""
        return Signature(self.viewer.actor, at, self.viewer.permissions, self.version)


def changes_case(
    noun: Blueprint, rule: str, schema: type[Schema], gate: Permission, **options: Any
) -> Decorator:
    """Describe and register an act on a case, which is answered with the case.

    ``options`` are an ``example`` of the body, and ``methods``, which are POST else.
    """
    methods, example = options.get("methods", ["POST"]), options["example"]
    steps: list[Decorator] = [
        noun.route(f"/communities/<place>/cases/<uuid:case_id>/{rule}", methods=methods),
        noun.arguments(SubmissionSchema, location="headers"),
        noun.arguments(schema, example=example),
        noun.response(200, CaseSchema),
        noun.failure(412, StaleSchema),
        noun.versioned,
        gated(gate),
    ]

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        for step in reversed(steps):
            view = step(view)
        return view

    return decorate


def change_case(
    case_id: uuid.UUID, headers: Mapping[str, Any], act: Callable[[Change], object]
) -> Response:
    """Let ``act`` change a case and answer with it as it is then.

    Whoever read another version is shown the case as it is now: 412.
    """
    viewer = asking_viewer()

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        known, read = seen_case(session, community, case_id).version, asked_versions()
        change = Change(session, community, case_id, viewer, known if known in read else 0)
        try:
            act(change)
        except StaleVersion as error:
            now = case_file(session, community, error.case, viewer)
            yours = {"versions": sorted(read), **request.get_json()}
            raise Stale(yours=yours, case=now) from error
        case = session.get_one(Case, (community.id, case_id), populate_existing=True)
        return case_file(session, community, case, viewer)

    response = submit(headers.get("key"), work)
    return tag_version(response, (response.json or {})["version"])


def seen_case(session: Session, community: Community, case_id: uuid.UUID) -> Case:
    """Return a case that the account sees; any other is not there: 404."""
    return find_case(session, community, case_id, asking_viewer()) or abort(404)
