"""Photographs on the page of a case: before beside after, and the form that adds some."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, abort, request, send_file
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from werkzeug.datastructures import FileStorage

from cases.access import Permission
from cases.models import Photograph, PhotographSubject
from cases.photograph_files import PhotographFiles
from cases.photographs import OF_A_CASE, Shots, add_photographs, find_photograph, photographs
from cases.pictures import LARGEST_BYTES, MediaType, Picture, Size, Taken, read_picture
from cases.signing import Signature
from gis.problems import InputError, Problem
from webmap.connections import current_settings
from webmap.forms import Form
from webmap.gates import gated, place_session
from webmap.pages.cases import PARTS, Opened, Part, answer_form
from webmap.pages.opened import open_place
from webmap.words import problem_text

photograph_pages = Blueprint("photographs", __name__)

MOST_AT_ONCE = 12
LARGEST_REQUEST = 100 * 1024 * 1024
SUFFIX = {MediaType.JPEG: "jpg", MediaType.PNG: "png", MediaType.WEBP: "webp"}


@photograph_pages.url_value_preprocessor
def allow_large_requests(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Let an upload be larger than other requests, before anybody reads its form."""
    if endpoint == "photographs.new_photographs":
        request.max_content_length = LARGEST_REQUEST


@photograph_pages.post("/c/<place>/cases/<uuid:case_id>/photographs")
@gated(Permission.PHOTOGRAPH_ADD)
def new_photographs(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Add photographs; they are decoded before a transaction begins, which must not wait."""
    pictures, refused = _read(request.files.getlist("photographs"))

    def act(opened: Opened, form: Form) -> None:
        form.problems.extend(refused)
        subject = form.choice("subject", PhotographSubject)
        shots = Shots(
            pictures,
            subject or PhotographSubject.OTHER,
            form.text("note", needed=False),
            _typed(opened, form),
        )
        form.check()
        by = Signature(opened.viewer.actor, permissions=opened.viewer.permissions)
        add_photographs(opened.session, opened.community, case_id, shots, _files(), by)

    return answer_form(case_id, act)


@photograph_pages.get("/c/<place>/photographs/<uuid:photograph_id>/<any(small, large):size>")
@gated(Permission.CASE_READ)
def copy(place: str, photograph_id: uuid.UUID, size: str) -> ResponseReturnValue:
    """Send a copy for a page, which carries nothing but pixels."""
    path = _files().copy(_found(photograph_id).sha256, Size(size))
    if not path.is_file():
        abort(404)
    # The browser keeps the pixels, and asks with their ETag each time whether it still may.
    return _sent(send_file(path, mimetype=MediaType.JPEG, conditional=True), "private, no-cache")


@photograph_pages.get("/c/<place>/photographs/<uuid:photograph_id>/original")
@gated(Permission.PHOTOGRAPH_ORIGINAL)
def original(place: str, photograph_id: uuid.UUID) -> ResponseReturnValue:
    """Send a photograph as it came, to be saved and not shown."""
    found = _found(photograph_id)
    path = _files().original(found.sha256)
    if not path.is_file():
        abort(404)
    name = f"{found.sha256.hex()[:16]}.{SUFFIX[MediaType(found.media_type)]}"
    sent = send_file(path, mimetype=found.media_type, as_attachment=True, download_name=name)
    return _sent(sent, "no-store")


def _sent(response: Response, kept: str) -> Response:
    """Say of a picture who may keep it, and that nothing in it runs."""
    response.headers["Cache-Control"] = kept
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _files() -> PhotographFiles:
    return PhotographFiles(current_settings().photographs)


def _found(photograph_id: uuid.UUID) -> Photograph:
    """Return a photograph of a case that the account sees; any other is not there."""
    with place_session() as session:
        opened = open_place(session)
        found = find_photograph(session, opened.community.id, photograph_id)
        if found is None or not opened.sees(found.case_id):
            abort(404)
        return found


def _read(sent: list[FileStorage]) -> tuple[list[Picture], list[Problem]]:
    """Return the pictures, and what is wrong with those that are none, by name."""
    chosen = [one for one in sent if one.filename]
    if len(chosen) > MOST_AT_ONCE:
        message = f"{len(chosen)} photographs are too many at once."
        remedy = f"Send at most {MOST_AT_ONCE}."
        return [], [Problem("photographs_many", message, remedy, field="photographs")]
    pictures, problems = [], []
    for one in chosen:
        try:
            pictures.append(read_picture(one.filename or "", one.stream.read(LARGEST_BYTES + 1)))
        except InputError as error:
            problems += [_named(problem, one.filename or "") for problem in error.problems]
    return pictures, problems


def _named(problem: Problem, name: str) -> Problem:
    """Return a problem that says in the reader's language which file is meant."""
    told = problem_text(problem)
    if told.startswith(f"{problem.message} "):
        return problem
    message = gettext("%(name)s: %(fault)s", name=name[-80:], fault=told)
    return replace(problem, code="photograph", message=message, remedy="")


def _typed(opened: Opened, form: Form) -> Taken:
    return Taken(
        form.moment("taken_at", opened.community),
        form.decimal("longitude", -180, 180),
        form.decimal("latitude", -90, 90),
        form.decimal("accuracy_m", 0, 99_999),
        form.decimal("bearing", 0, 359.99),
    )


def _part(opened: Opened) -> Mapping[str, Any] | None:
    kept = photographs(opened.session, opened.community, opened.case)
    may_add = Permission.PHOTOGRAPH_ADD in opened.viewer.permissions
    if not kept and not may_add:
        return None
    return {
        "sides": [
            (subject, [one for one in kept if one.row.subject is subject]) for subject in OF_A_CASE
        ],
        "may_add": may_add,
        "may_have_original": Permission.PHOTOGRAPH_ORIGINAL in opened.viewer.permissions,
        "subjects": OF_A_CASE,
        "most": MOST_AT_ONCE,
    }


PARTS.append(Part("case/parts/photographs.html", _part, rank=5))
