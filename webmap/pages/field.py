"""The phone's page: its shell, its service worker, its words, and who is logged in.

The shell holds nothing of anybody, so that it opens without a signal and after a log-out.
"""

import datetime as dt
import functools
import hashlib
import json

from flask import Blueprint, Response, abort, current_app, jsonify, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select

from cases.access import Permission
from cases.field.exports import LIMITS
from layers.models import Community
from webmap.connections import current_database, current_settings
from webmap.field_shell import WORKER, Shell, field_shell
from webmap.field_words import FIELD
from webmap.gates import Open, current_rights, gated
from webmap.languages import LANGUAGES, current_language
from webmap.security import content_security_policy, csp_nonce

field_pages = Blueprint("field", __name__, url_prefix="/field")

THEME = "#17583a"


@functools.cache
def _cached_shell() -> Shell:
    return field_shell()


def _shell() -> Shell:
    """Return the shell; while the program is changed it is read each time."""
    return field_shell() if current_app.debug else _cached_shell()


def _of(ending: str) -> list[str]:
    """Return the style sheets, or the scripts that are no modules."""
    own = "field/" if ending == ".js" else None
    return [
        name
        for name in _shell().files
        if name.endswith(ending) and not (own and name.startswith(own)) and "/esm/" not in name
    ]


@field_pages.get("/")
@gated(Open.PUBLIC)
def page() -> ResponseReturnValue:
    """Show the page that a phone keeps."""
    answer = Response(_page(), mimetype="text/html")
    answer.headers["X-Field-Version"] = _shell().version
    return _that_keeps_tiles(answer)


def _page() -> str:
    return render_template(
        "field/field.html", sheets=_of(".css"), scripts=_of(".js"), limits=LIMITS
    )


def _that_keeps_tiles(answer: Response) -> Response:
    """Let the page and its service worker fetch from the hosts of the base maps."""
    policy = content_security_policy(csp_nonce(), current_settings().base_maps, keeps_tiles=True)
    answer.headers["Content-Security-Policy"] = policy
    return answer


@field_pages.get("/sw.js")
@gated(Open.PUBLIC)
def worker() -> ResponseReturnValue:
    """Return the service worker with the files of this version, each with its SHA-256."""
    shell = _shell()
    hashes = {
        url_for("field.page"): _sha256(_page().encode()),
        **{url_for("field.words", language=one): _sha256(_words(one)) for one in LANGUAGES},
        **{url_for("static", filename=name): found for name, found in shell.hashes.items()},
    }
    head = (
        f"const VERSION = {json.dumps(shell.version)};\n"
        f"const FILES = {json.dumps(hashes)};\n"
        f"const PAGE = {json.dumps(url_for('field.page'))};\n"
    )
    answer = Response(head + WORKER.read_text(encoding="utf-8"), mimetype="text/javascript")
    answer.headers["Cache-Control"] = "no-cache"
    return _that_keeps_tiles(answer)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _words(language: str) -> bytes:
    return json.dumps(FIELD.load(language), ensure_ascii=False).encode()


@field_pages.get("/manifest.webmanifest")
@gated(Open.PUBLIC)
def manifest() -> ResponseReturnValue:
    """Say how the page is installed to the home screen."""
    words = FIELD.load(current_language())
    icons = [
        {
            "src": url_for("static", filename=f"field/icon-{size}.png"),
            "sizes": f"{size}x{size}",
            "type": "image/png",
            "purpose": purpose,
        }
        for size in (192, 512)
        for purpose in ("any", "maskable")
    ]
    answer = jsonify(
        name=words["app.name"],
        short_name=words["app.title"],
        id=url_for("field.page"),
        start_url=url_for("field.page"),
        scope=url_for("field.page"),
        display="standalone",
        orientation="any",
        background_color="#ffffff",
        theme_color=THEME,
        icons=icons,
    )
    answer.mimetype = "application/manifest+json"
    return answer


@field_pages.get("/words/<language>.json")
@gated(Open.PUBLIC)
def words(language: str) -> ResponseReturnValue:
    """Return every word of the phone in a language."""
    if language not in LANGUAGES:
        abort(404)
    answer = Response(_words(language), mimetype="application/json")
    answer.headers["X-Field-Version"] = _shell().version
    return answer


@field_pages.get("/session")
@gated(Open.PUBLIC)
def session() -> ResponseReturnValue:
    """Say who is logged in, where they capture, and what time it is."""
    known = current_user.is_authenticated
    answer = jsonify(
        account=str(current_user.public_id) if known else None,
        name=current_user.name if known else None,
        csrf=generate_csrf(),
        language=current_language(),
        now=dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
        places=_places() if known else [],
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _places() -> list[dict[str, str]]:
    """Return the communities where the account captures."""
    scope = current_rights().scope(Permission.FIELD_CAPTURE)
    with current_database().session(scope) as session:
        known = select(Community.code, Community.name).order_by(Community.name)
        if scope.communities is not None:
            known = known.where(Community.id.in_(scope.communities))
        return [{"code": code, "name": name} for code, name in session.execute(known)]
