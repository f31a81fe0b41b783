"""What phones sent: the list that the office reviews, and one submission with all about it."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from geoalchemy2.shape import to_shape
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.field.evidence import submission_evidence
from cases.field.exports import LARGEST_FILE
from cases.field.importing import TakenIn
from cases.field.judging import Overtaken
from cases.field.reading import (
    Submitted,
    Wanted,
    count_states,
    find_submission,
    list_submissions,
)
from cases.field.reviewing import Acceptance, Merger, Reviewed, accept, merge, send_back
from cases.field.sheet import SubmissionSheet, submission_sheet
from cases.field.verdicts import FieldState
from cases.lanes import mapped_buildings
from cases.signing import Signature
from gis.problems import InputError, Problem
from layers.models import StructureType
from layers.places import lock_community
from webmap.api.community import asking_viewer
from webmap.api.cursors import read_place, write_place
from webmap.connections import current_database, current_settings
from webmap.field_files import Target, take_in_file
from webmap.forms import Filled, Form
from webmap.gates import current_access, gated, may_send
from webmap.pages.cases import drawn
from webmap.pages.drawn import feature
from webmap.pages.opened import OpenedPlace, open_place, show
from webmap.pages.submitting import submit_form
from webmap.words import word

submissions = Blueprint("submissions", __name__)

PER_PAGE = 50
# What a form takes beside its file.
FORM_BYTES = 64 * 1024
MAY_IMPORT = frozenset({Permission.FIELD_CAPTURE, Permission.FIELD_REVIEW})
KINDS = [kind for kind in StructureType if kind is not StructureType.NONE]


@submissions.get("/c/<place>/submissions")
@gated(Permission.FIELD_READ)
def submission_list(place: str) -> ResponseReturnValue:
    """List what waits, or what stands in the state that the address names."""
    return show(lambda opened: list_page(opened))


@submissions.get("/c/<place>/submissions/<uuid:submission_id>")
@gated(Permission.FIELD_READ)
def submission(place: str, submission_id: uuid.UUID) -> ResponseReturnValue:
    """Show a submission over parcels, buildings and what was seen there before."""
    return show(lambda opened: _page(opened, _found(opened, submission_id)))


@submissions.post("/c/<place>/submissions/<uuid:submission_id>/acceptance")
@gated(Permission.FIELD_REVIEW)
def accept_submission(place: str, submission_id: uuid.UUID) -> ResponseReturnValue:
    """Accept it; the observation that it becomes is flagged at once."""

    def act(opened: OpenedPlace, form: Form) -> Reviewed:
        asked = Acceptance(
            form.choice("structure_type", StructureType, needed=False),
            form.text("household", needed=False, longest=64),
            form.day("observed_on", needed=False),
            form.text("reason", needed=False),
            form.choice("overtaken", Overtaken, needed=False),
        )
        form.check()
        by = opened.signed(form)
        return accept(opened.session, opened.community, submission_id, asked, by)

    return _decide(submission_id, act)


@submissions.post("/c/<place>/submissions/<uuid:submission_id>/merger")
@gated(Permission.FIELD_REVIEW)
def merge_submission(place: str, submission_id: uuid.UUID) -> ResponseReturnValue:
    """Make it one with others that wait, and with an open observation."""

    def act(opened: OpenedPlace, form: Form) -> Reviewed:
        asked = Merger(
            form.several("with"),
            form.key("observation", needed=False),
            form.text("reason"),
            form.day("observed_on", needed=False),
        )
        form.check()
        by = opened.signed(form)
        return merge(opened.session, opened.community, submission_id, asked, by)

    return _decide(submission_id, act)


@submissions.post("/c/<place>/submissions/<uuid:submission_id>/return")
@gated(Permission.FIELD_REVIEW)
def return_submission(place: str, submission_id: uuid.UUID) -> ResponseReturnValue:
    """Send it back to its inspector."""

    def act(opened: OpenedPlace, form: Form) -> Reviewed:
        reason, by = form.text("reason"), opened.signed(form)
        form.check()
        return send_back(opened.session, opened.community, submission_id, reason, by)

    return _decide(submission_id, act)


@submissions.url_value_preprocessor
def allow_large_files(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Let the file of a phone be larger than other requests, before anybody reads the form."""
    if endpoint == "submissions.import_file" and may_send(Permission.FIELD_READ):
        request.max_content_length = LARGEST_FILE + FORM_BYTES


@submissions.post("/c/<place>/submissions/import")
@gated(Permission.FIELD_READ)
def import_file(place: str) -> ResponseReturnValue:
    """Take in the file of a phone; drafts have identifiers of their own, so once is enough."""
    access, viewer, sent = current_access(), asking_viewer(), request.files.get("file")
    if not access.place.is_community:
        abort(404)
    by = Signature(viewer.actor, None, viewer.permissions)
    try:
        if sent is None or not sent.filename:
            text, remedy = "No file is chosen.", "Choose the ZIP that the phone has made."
            raise InputError([Problem("export_missing", text, remedy, field="file")])
        target = Target(current_database(), access.place.id, current_settings())
        taken = take_in_file(target, sent.stream, by)
    except InputError as error:
        filled = Filled.again(error)
        return show(lambda opened: (list_page(opened, filled), 422))
    return show(lambda opened: list_page(opened, taken=taken))


def _decide(
    submission_id: uuid.UUID, act: Callable[[OpenedPlace, Form], Reviewed]
) -> ResponseReturnValue:
    """Decide as a form asks, and show what came of it; refused, with all that was typed."""

    def work(session: Session) -> ResponseReturnValue:
        opened = open_place(session)
        # The lock before the look, so that of two reviewers the second sees what the first did.
        lock_community(session, opened.community.id)
        _found(opened, submission_id)
        act(opened, Form.of_request())
        code = opened.community.code
        return redirect(url_for("submissions.submission", place=code, submission_id=submission_id))

    try:
        return submit_form(work)
    except InputError as error:
        filled = Filled.again(error)
    return show(lambda opened: (_page(opened, _found(opened, submission_id), filled), 422))


def list_page(
    opened: OpenedPlace, filled: Filled | None = None, taken: TakenIn | None = None
) -> str:
    """Return the list; ``filled`` is a file that was refused, ``taken`` what came of one."""
    session, community, viewer = opened.session, opened.community, opened.viewer
    state = _state()
    of = f"{community.code}/submissions/{state}"
    wanted = Wanted(frozenset({state}), after=_after(of), limit=PER_PAGE)
    found, more = list_submissions(session, community, viewer, wanted)
    last = found[-1].sent if more else None
    following = write_place(of, last.received_at.isoformat(), last.id.hex) if last else None
    return render_template(
        "submissions.html",
        community=community,
        submissions=found,
        local=_local(opened),
        state=state,
        counts=count_states(session, community, viewer),
        following=following,
        is_first="cursor" not in request.args,
        may_review=Permission.FIELD_REVIEW in viewer.permissions,
        may_import=bool(viewer.permissions & MAY_IMPORT),
        filled=filled or Filled(),
        taken=taken,
        outlines=[_outline(one) for one in found if one.sent.geom is not None],
        buildings=[
            feature(one.id, one.outline, ref=one.ref)
            for one in mapped_buildings(session, community)
        ]
        if found
        else [],
    )


def _state() -> FieldState:
    asked = request.args.get("state", "")
    return FieldState(asked) if asked in set(FieldState) else FieldState.WAITING


def _after(of: str) -> tuple[dt.datetime, uuid.UUID] | None:
    cursor = request.args.get("cursor", "")
    if not cursor:
        return None
    received_at, last = read_place(cursor, of, 2)
    return dt.datetime.fromisoformat(received_at), uuid.UUID(last)


def _outline(one: Submitted) -> Any:
    assert one.sent.geom is not None
    address = url_for("submissions.submission", place=_code(), submission_id=one.sent.id)
    return feature(one.sent.id, to_shape(one.sent.geom), address=address, state=one.state)


def _code() -> str:
    return str((request.view_args or {})["place"])


def _found(opened: OpenedPlace, submission_id: uuid.UUID) -> Submitted:
    session, community, viewer = opened.session, opened.community, opened.viewer
    return find_submission(session, community, submission_id, viewer) or abort(404)


def _page(opened: OpenedPlace, submitted: Submitted, filled: Filled | None = None) -> str:
    sheet = submission_sheet(opened.session, opened.community, submitted)
    return render_template(
        "submission.html",
        community=opened.community,
        sheet=sheet,
        photographs=submission_evidence(opened.session, opened.community, submitted.sent),
        may_have_original=Permission.PHOTOGRAPH_ORIGINAL in opened.viewer.permissions,
        local=_local(opened),
        structures=", ".join(word("structure", one) for one in _standing(submitted)),
        kinds=KINDS,
        shapes=[drawn(one) for one in sheet.shapes],
        is_own=_is_own(opened, sheet),
        problems=filled.problems if filled else (),
        may_decide=_may_decide(opened, sheet),
        filled_of=lambda name: filled if filled and filled.value("form") == name else Filled(),
    )


def _local(opened: OpenedPlace) -> Callable[[dt.datetime], dt.datetime]:
    """Return what dates an instant as the community does."""
    zone = ZoneInfo(opened.community.time_zone)
    return lambda at: at.astimezone(zone)


def _standing(submitted: Submitted) -> list[str]:
    return [] if submitted.sent.geom is None else submitted.sent.structure_types


def _is_own(opened: OpenedPlace, sheet: SubmissionSheet) -> bool:
    sent = sheet.submitted.sent
    return opened.viewer.actor in (sent.recorded_by, sent.imported_by)


def _may_decide(opened: OpenedPlace, sheet: SubmissionSheet) -> bool:
    if sheet.submitted.state is not FieldState.WAITING or _is_own(opened, sheet):
        return False
    return Permission.FIELD_REVIEW in opened.viewer.permissions
