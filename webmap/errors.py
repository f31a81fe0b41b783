"""What goes wrong becomes a page for people and problem+json for programs (RFC 9457)."""

import logging
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import Forbidden, HTTPException, PreconditionFailed, TooManyRequests

from gis.problems import InputError, Problem
from layers.db import DatabaseError
from webmap.problem_words import problem_text

RETRY_SECONDS = 5
_log = logging.getLogger(__name__)


class Stale(PreconditionFailed):
    """Somebody else changed what the caller read; both versions are shown."""

    def __init__(self, **versions: Any) -> None:
        """Keep ``yours``, the request as it was sent, and the thing as it is now."""
        self.versions = versions
        super().__init__()


class Refused(Forbidden):
    """What an account may do, but not in this way; ``why`` says which way there is."""

    def __init__(self, why: Problem) -> None:
        """Keep the problem with its remedy."""
        self.why = why
        super().__init__()


class TooMany(TooManyRequests):
    """Somebody sends more than is let through; ``told`` says of what, and how long to wait."""

    def __init__(self, told: str, seconds: int) -> None:
        """Keep what to tell, and send ``seconds`` as Retry-After."""
        self.told = told
        super().__init__(retry_after=seconds)


def init_errors(app: Flask) -> None:
    """Register every kind of failure."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(InputError, _bad_input)
    for unavailable in (OperationalError, InterfaceError, PoolTimeout, DatabaseError):
        app.register_error_handler(unavailable, _unavailable)
    app.register_error_handler(Exception, _unexpected)


def _for_programs() -> bool:
    return request.path.startswith(("/api/", "/tiles/"))


def problem(status: int, detail: str, **members: Any) -> Response:
    """Return one problem+json answer; its ``problems`` are never empty."""
    kind = HTTPStatus(status)
    problems = members.pop("problems", None) or [_whole(kind, detail, _remedy(kind))]
    response = jsonify(
        type="about:blank",
        title=kind.phrase,
        status=status,
        detail=detail,
        problems=problems,
        **members,
    )
    response.status_code = status
    response.content_type = "application/problem+json"
    return response


def _whole(kind: HTTPStatus, detail: str, remedy: str) -> dict[str, Any]:
    """Return the one problem of a request that failed as a whole."""
    return told_to(Problem(kind.name.lower(), detail, remedy))


def _answer(status: int, detail: str, **members: Any) -> Response:
    if _for_programs():
        return problem(status, detail, **members)
    page = render_template("error.html", status=status, detail=detail, **members)
    return Response(page, status=status)


def _explain(status: int) -> str:
    texts: dict[int, str] = {
        400: gettext("The request could not be read."),
        401: gettext("Log in first."),
        403: gettext("Your account may not do this here."),
        404: gettext("There is nothing here, or it lies outside what your account may see."),
        405: gettext("This address does not take that kind of request."),
        412: gettext("Somebody else has changed this since it was read."),
        413: gettext("That is too large."),
        415: gettext("What was sent is not JSON."),
        422: gettext("The input was refused."),
        428: gettext("Say which version was read, so that nothing is overwritten."),
        429: gettext("Too many tries. Wait a few minutes and try again."),
        500: gettext("Something failed on our side. It has been recorded."),
        503: gettext("The database does not answer at the moment. Try again shortly."),
    }
    return texts.get(status, HTTPStatus(status).description or HTTPStatus(status).phrase)


def _remedy(status: int) -> str:
    texts: dict[int, str] = {
        400: gettext("Send JSON as /api describes it, from a page with its token."),
        401: gettext("Log in, or send a token that is still good."),
        403: gettext("Ask who gives out roles here."),
        404: gettext("See the list of places and cases that this account reaches."),
        405: gettext("See under /api which kinds of request there are."),
        412: gettext("Read it again and repeat what still applies."),
        413: gettext("Send less at once."),
        415: gettext("Send it with Content-Type: application/json."),
        428: gettext("Send the ETag that was read as If-Match."),
        429: gettext("Wait a few minutes and try again."),
    }
    return texts.get(status) or str(gettext("Try again shortly; tell who runs this if it stays."))


def _http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if error.response is not None or status < 400:
        return error.get_response()
    if status == 401 and not _for_programs():
        return redirect(url_for("security.login", next=request.full_path.rstrip("?")))
    if isinstance(error, Stale) and _for_programs():
        return problem(status, _explain(status), **error.versions)
    if isinstance(error, Refused) and _for_programs():
        return problem(status, problem_text(error.why), problems=[told_to(error.why)])
    response = _answer(status, error.told if isinstance(error, TooMany) else _explain(status))
    for name, value in error.get_headers():
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def _bad_input(error: InputError) -> ResponseReturnValue:
    if _for_programs():
        told = [told_to(one) for one in error.problems]
        return problem(422, _explain(422), problems=told)
    return _answer(422, _explain(422), problems=error.problems)


def told_to(one: Problem) -> dict[str, Any]:
    """Return a problem for programs, in ``text`` also as its reader's language says it."""
    return {**one.as_json(), "text": problem_text(one)}


def _unavailable(error: Exception) -> ResponseReturnValue:
    _log.error("the database did not serve %s: %s", request.path, error)
    # The page would ask the database again who reads it.
    current_app.login_manager._update_request_context_with_user()  # type: ignore[attr-defined]
    response = _answer(503, _explain(503))
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _unexpected(error: Exception) -> ResponseReturnValue:
    _log.error("%s %s failed", request.method, request.path, exc_info=error)
    return _answer(500, _explain(500))
