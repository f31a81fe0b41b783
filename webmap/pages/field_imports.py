"""The file of a phone, taken in by the page, and the report of it, kept at its own address."""

import json
import uuid
from typing import Any

from flask import abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases.access import Permission
from cases.field.exports import LARGEST_FILE
from cases.field.importing import TakenIn
from cases.field.reading import named_submissions
from cases.signing import Signature
from cases.submissions import KEPT, Answer, Kept, keep_answer, kept_answer
from gis.problems import InputError, Problem
from layers.transactions import transact
from webmap.api.community import asking_viewer
from webmap.connections import current_database, current_settings
from webmap.field_files import Target, take_in_file
from webmap.forms import Filled
from webmap.gates import current_access, gated, may_send
from webmap.languages import LANGUAGES, current_language
from webmap.pages.import_reports import REPORT, kept_reports
from webmap.pages.named import naming
from webmap.pages.opened import OpenedPlace, show
from webmap.pages.submissions import list_page, submissions
from webmap.pages.submitting import sent_form, told
from webmap.problem_words import problem_text
from webmap.submitting import Sent

# What a form takes beside its file.
FORM_BYTES = 64 * 1024


@submissions.url_value_preprocessor
def allow_large_files(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Let the file of a phone be larger than other requests, before anybody reads the form."""
    if endpoint == "submissions.import_file" and may_send(Permission.FIELD_READ):
        request.max_content_length = LARGEST_FILE + FORM_BYTES


@submissions.get("/c/<place>/submissions/import")
@gated(Permission.FIELD_READ)
def import_form(place: str) -> ResponseReturnValue:
    """Lead to the list, which has the form: a refused file is told at this address."""
    return redirect(url_for("submissions.submission_list", place=place))


@submissions.post("/c/<place>/submissions/import")
@gated(Permission.FIELD_READ)
def import_file(place: str) -> ResponseReturnValue:
    """Take in the file of a phone; drafts have identifiers of their own, so once is enough."""
    if not current_access().place.is_community:
        abort(404)

    def submit() -> Answer:
        made = _take_in()
        return Answer(302, url_for("submissions.import_report", place=place, import_id=made))

    try:
        return told(submit)
    except InputError as error:
        filled = Filled.again(error)
    return show(lambda opened: (list_page(opened, filled), 422))


@submissions.get("/c/<place>/submissions/import/<uuid:import_id>")
@gated(Permission.FIELD_READ)
def import_report(place: str, import_id: uuid.UUID) -> ResponseReturnValue:
    """Show what became of the drafts of a file."""
    return show(lambda opened: _page(opened, import_id))


def _take_in() -> uuid.UUID:
    """Take in the file of this request, unless its form was sent before; return its report."""
    access, viewer, form = current_access(), asking_viewer(), sent_form()
    sent = Sent(form.key or uuid.uuid4(), form.content).submission(access.place.id)
    database = current_database()
    if transact(database, access.scope, lambda session: kept_answer(session, sent)) is None:
        file = request.files.get("file")
        if file is None or not file.filename:
            text, remedy = "No file is chosen.", "Choose the ZIP that the phone has made."
            raise InputError([Problem("export_missing", text, remedy, field="file")])
        target = Target(database, access.place.id, current_settings())
        by = Signature(viewer.actor, None, viewer.permissions)
        done = Answer(200, _report(file.filename, take_in_file(target, file.stream, by), by))
        transact(database, access.scope, lambda session: keep_answer(session, sent, done))
    return sent.key


def _report(name: str, taken: TakenIn, by: Signature) -> str:
    """Return what came of a file, with its problems as each reader will read them."""
    refused = {
        str(key): {one: [problem_text(it, one) for it in problems] for one in LANGUAGES}
        for key, problems in taken.refused.items()
    }
    report = {
        "file": name,
        "by": by.actor,
        "new": [str(key) for key in taken.new],
        "known": [str(key) for key in taken.known],
        "unfinished": [str(key) for key in taken.unfinished],
        "refused": refused,
        "photographs": taken.photographs,
        "part": taken.part,
    }
    return json.dumps({REPORT: report})


def _page(opened: OpenedPlace, import_id: uuid.UUID) -> str:
    kept, report = _found(opened, import_id)
    arrived = {
        name: named_submissions(
            opened.session,
            opened.community,
            opened.viewer,
            [uuid.UUID(key) for key in report[name]],
        )
        for name in ("new", "known")
    }
    language = current_language()
    return render_template(
        "submission_import.html",
        community=opened.community,
        report=report,
        arrived=arrived,
        refused={key: said[language] for key, said in report["refused"].items()},
        at=opened.local(kept.at),
        until=opened.local(kept.at + KEPT),
        person=naming(opened.session),
    )


def _found(opened: OpenedPlace, import_id: uuid.UUID) -> tuple[Kept, dict[str, Any]]:
    """Return a report that the account may read; 404 where there is none."""
    for kept, report in kept_reports(opened, import_id):
        return kept, report
    abort(404)
