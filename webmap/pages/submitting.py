"""Forms that are sent twice: done once, and led to where they led before."""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import make_response, redirect, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from cases.submissions import Answer
from gis.problems import InputError, Problem
from webmap.forms import Form
from webmap.submitting import Sent, submit_at_place

# What a form carries beside what was typed: its own key, and the token of the session.
KEY = "resend_key"
_CARRIED = {KEY, "csrf_token"}


def new_key() -> str:
    """Return a key for a form that is shown; the page that it is on may be sent again."""
    return str(uuid.uuid4())


def submit_form(work: Callable[[Session], ResponseReturnValue]) -> ResponseReturnValue:
    """Do what the form of this request asks for at its place, once; ``work`` ends in a redirect.

    Raises ``InputError`` where its key was used for something else.
    """
    return told(lambda: submit_at_place(sent_form(), lambda session: led(work(session))))


def told(submit: Callable[[], Answer]) -> ResponseReturnValue:
    """Return what a submission was answered; of a reused key a reader is told as of a form."""
    try:
        answer = submit()
    except InputError as error:
        raise InputError([_of_form(one) for one in error.problems]) from error
    return redirect(answer.body, answer.status)


def led(done: ResponseReturnValue) -> Answer:
    """Return where a form leads, to be kept with its key."""
    response = make_response(done)
    assert response.location, "a form that is done leads to a page"
    return Answer(response.status_code, response.location)


def sent_form() -> Sent:
    """Return the form of this request as it was sent, its files by their hashes."""
    form = Form.of_request()
    key = form.key(KEY, needed=False)
    form.check()
    fields = {name: values for name, values in request.form.lists() if name not in _CARRIED}
    files = {
        name: [_hash(one) for one in request.files.getlist(name)] for name in set(request.files)
    }
    return Sent(key, [request.method, request.path, fields, files])


def _hash(file: FileStorage) -> list[Any]:
    file.stream.seek(0)
    digest = hashlib.file_digest(file.stream, "sha256").hexdigest()  # type: ignore[arg-type]
    file.stream.seek(0)
    return [file.filename, digest]


def _of_form(problem: Problem) -> Problem:
    if problem.code != "key_reused":
        return problem
    message = "This form was sent before, with something else in it, and recorded so."
    remedy = "Look at what is recorded; send the form again to record this as well."
    return replace(problem, code="form_sent", message=message, remedy=remedy, field=None)
