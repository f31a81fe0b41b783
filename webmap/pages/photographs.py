"""Photographs on the page of a case: before beside after, and the form that adds some."""

import uuid
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, request, send_file
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from cases.access import Permission
from cases.field.evidence import original_of, sees_evidence
from cases.models import Photograph, PhotographSubject
from cases.photograph_files import PhotographFiles
from cases.photographs import (
    OF_A_CASE,
    Shots,
    add_photographs,
    find_photograph,
    observed_refs,
    photographs,
)
from cases.pictures import LARGEST_BYTES, MediaType, Picture, Size, Taken, read_picture
from cases.signing import Signature
from gis.problems import InputError, Problem, Said
from webmap.caching import keep_picture
from webmap.connections import current_settings
from webmap.forms import Form
from webmap.gates import gated, may_send, place_session
from webmap.pages.cases import PARTS, Opened, Part, answer_form
from webmap.pages.opened import OpenedPlace, open_place

photograph_pages = Blueprint("photographs", __name__)

MOST_AT_ONCE = 12
LARGEST_REQUEST = 100 * 1024 * 1024
SUFFIX = {MediaType.JPEG: "jpg", MediaType.PNG: "png", MediaType.WEBP: "webp"}


@photograph_pages.url_value_preprocessor
def allow_large_requests(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Let an upload be larger than other requests, before anybody reads its form."""
    if endpoint == "photographs.new_photographs" and may_send(Permission.PHOTOGRAPH_ADD):
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
            form.text("observation", needed=False, longest=64),
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
    return keep_picture(
        send_file(path, mimetype=MediaType.JPEG, conditional=True), "private, no-cache"
    )


@photograph_pages.get("/c/<place>/photographs/<uuid:photograph_id>/<any(original, received):which>")
@gated(Permission.PHOTOGRAPH_ORIGINAL)
def original(place: str, photograph_id: uuid.UUID, which: str) -> ResponseReturnValue:
    """Send a photograph as it came, to be saved and not shown.

    Of a copy that a phone made, ``original`` is the file behind it where that was sent.
    """
    with place_session() as session:
        found = _seen(open_place(session), photograph_id)
        kept = (which == "original" and original_of(session, found)) or found
        sha256, media_type = kept.sha256, MediaType(kept.media_type)
    path = _files().original(sha256)
    if not path.is_file():
        abort(404)
    name = f"{sha256.hex()[:16]}.{SUFFIX[media_type]}"
    sent = send_file(path, mimetype=media_type, as_attachment=True, download_name=name)
    return keep_picture(sent, "no-store")


def _files() -> PhotographFiles:
    return PhotographFiles(current_settings().photographs)


def _found(photograph_id: uuid.UUID) -> Photograph:
    with place_session() as session:
        return _seen(open_place(session), photograph_id)


def _seen(opened: OpenedPlace, photograph_id: uuid.UUID) -> Photograph:
    """Return a photograph that the account sees; any other is not there."""
    found = find_photograph(opened.session, opened.community.id, photograph_id)
    if found is None:
        abort(404)
    if found.submission_id is not None and sees_evidence(opened.session, found, opened.viewer):
        return found
    if found.submission_id is not None and found.case_id is None:
        abort(404)
    return found if opened.sees(found.case_id) else abort(404)


def _read(sent: list[FileStorage]) -> tuple[list[Picture], list[Problem]]:
    """Return the pictures, and what is wrong with those that are none, by name."""
    chosen = [one for one in sent if one.filename]
    if len(chosen) > MOST_AT_ONCE:
        message = Said("{count} photographs are too many at once.", count=len(chosen))
        remedy = Said("Send at most {most_at_once}.", most_at_once=MOST_AT_ONCE)
        return [], [Problem("photographs_many", message, remedy, field="photographs")]
    pictures, problems = [], []
    for one in chosen:
        try:
            pictures.append(read_picture(one.filename or "", one.stream.read(LARGEST_BYTES + 1)))
        except InputError as error:
            problems += error.problems
    return pictures, problems


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
        "observations": [(ref, ref) for ref in observed_refs(opened.session, opened.case)],
        "may_have_original": Permission.PHOTOGRAPH_ORIGINAL in opened.viewer.permissions,
        "subjects": OF_A_CASE,
        "most": MOST_AT_ONCE,
    }


PARTS.append(Part("case/parts/photographs.html", _part, rank=5))
