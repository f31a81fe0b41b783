"""Which language an answer speaks, and how a reader changes it."""

from flask import Flask, Response, request, url_for
from flask_babel import Babel, get_locale

LANGUAGES = {"zh_Hans": "中文", "en": "English"}
DEFAULT = "zh_Hans"
COOKIE = "language"
# The phone's page keeps its language itself, so that it can be changed without a signal.
HEADER = "Reader-Language"
# In which times are shown that belong to no community.
TIME_ZONE = "Asia/Shanghai"
_ONE_YEAR = 365 * 24 * 3600


def init_languages(app: Flask) -> None:
    """Add Flask-Babel: ``?lang=``, our header, a cookie, Accept-Language, in that order."""
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", "translations")
    app.config.setdefault("BABEL_DEFAULT_TIMEZONE", TIME_ZONE)
    Babel(app, default_locale=DEFAULT, locale_selector=choose_language)
    app.after_request(_remember_asked)
    app.add_template_global(current_language)
    app.add_template_global(language_tag)
    app.add_template_global(language_choices)


def choose_language() -> str:
    """Return the language of this request."""
    told = (request.args.get("lang"), request.headers.get(HEADER), request.cookies.get(COOKIE))
    for asked in told:
        if asked in LANGUAGES:
            return asked
    for tag in request.accept_languages.values():
        for language in LANGUAGES:
            if tag.lower().split("-")[0] == language.split("_")[0]:
                return language
    return DEFAULT


def current_language() -> str:
    """Return ``zh_Hans`` or ``en``."""
    return str(get_locale() or DEFAULT)


def language_tag() -> str:
    """Return the language as HTML names it (BCP 47)."""
    return current_language().replace("_", "-")


def language_choices() -> list[tuple[str, str, str]]:
    """Return each language's identifier, its own name and this page's address in it."""
    rule = request.url_rule
    if request.endpoint is None or rule is None or "GET" not in (rule.methods or ()):
        return [
            (key, name, f"{url_for('pages.home')}?lang={key}") for key, name in LANGUAGES.items()
        ]
    kept = {**request.args.to_dict(), **(request.view_args or {})}
    return [
        (key, name, url_for(request.endpoint, **{**kept, "lang": key}))
        for key, name in LANGUAGES.items()
    ]


def _remember_asked(response: Response) -> Response:
    asked = request.args.get("lang")
    return remember_language(response, asked) if asked in LANGUAGES else response


def remember_language(response: Response, language: str) -> Response:
    """Let the browser come back in ``language``."""
    response.set_cookie(
        COOKIE,
        language,
        max_age=_ONE_YEAR,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )
    return response
