"""The web application: one function wires everything, and nothing connects until asked."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from layers.config import Settings
from webmap.account_pages import account
from webmap.accounts import LoginLimits, init_accounts
from webmap.admin_pages import admin
from webmap.api import init_api
from webmap.compression import init_compression
from webmap.connections import Connections, current_database, current_settings
from webmap.errors import init_errors
from webmap.gates import enforce, holds
from webmap.health import health
from webmap.languages import init_languages
from webmap.limits import limit_tries
from webmap.navigation import init_navigation
from webmap.pages import BLUEPRINTS
from webmap.pages.declarations import init_declarations
from webmap.pages.submitting import new_key
from webmap.security import Sessions, add_headers, csp_nonce, secret_key
from webmap.tiles import tiles
from webmap.words import init_words
from webmap.writes import limit_writes

__all__ = ["create_app", "csp_nonce", "current_database", "current_settings"]

LARGEST_REQUEST = 4 * 1024 * 1024


def create_app(settings: Settings | None = None, login_limits: LoginLimits | None = None) -> Flask:
    """Return the application of ``settings``, the environment's by default."""
    settings = settings or Settings.from_environment()
    app = Flask("webmap")
    app.config.update(
        SECRET_KEY=secret_key(settings.secret_key_file), MAX_CONTENT_LENGTH=LARGEST_REQUEST
    )
    if count := settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=count, x_proto=count, x_host=0, x_port=0, x_prefix=0
        )
    app.session_interface = Sessions()
    app.extensions["commongreen"] = Connections(settings)
    app.add_template_global(csp_nonce)
    app.add_template_global(holds)
    app.add_template_global(new_key, "resend_key")
    # Answers pass these from the last to the first: compressed after their ETag is known.
    app.after_request(add_headers)
    init_compression(app)
    init_languages(app)
    limits = login_limits or LoginLimits()
    init_accounts(app, settings, limits)
    # Flask-Security brings its own provider, so this comes after it.
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    # After Flask-Login, which says who asks.
    app.before_request(enforce)
    limit_writes(app, settings)
    init_errors(app)
    init_navigation(app)
    init_words(app)
    for blueprint in (health, tiles, account, admin, *BLUEPRINTS):
        app.register_blueprint(blueprint)
    init_declarations(app)
    init_api(app)
    limit_tries(app, limits)
    return app
