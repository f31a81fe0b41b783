"""What every answer carries: headers, a nonce for scripts, careful cookies; and the key behind."""

import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Response, g, request
from flask.sessions import SecureCookieSessionInterface, SessionMixin

from layers.config import BaseMap
from webmap.connections import current_settings

_ONE_YEAR = 365 * 24 * 3600
# What the phone's page asks for: where it is, what it sees and which way it looks. No sound.
PERMISSIONS_POLICY = ", ".join(
    (
        "geolocation=(self)",
        "camera=(self)",
        "accelerometer=(self)",
        "gyroscope=(self)",
        "magnetometer=(self)",
        "microphone=()",
    )
)


class Sessions(SecureCookieSessionInterface):
    """Signed session cookies that a browser sends back only over TLS where they came by TLS."""

    def get_cookie_secure(self, app: Flask) -> bool:
        """Tell whether this request came by TLS, itself or at a proxy that said so."""
        return request.is_secure

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Send the session back, unless a token opened what was asked for."""
        if g.get("bearer") is None:
            super().save_session(app, session, response)


def csp_nonce() -> str:
    """Return the nonce of this answer; a script without it does not run."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    nonce: str = g.csp_nonce
    return nonce


def content_security_policy(
    nonce: str, base_maps: tuple[BaseMap, ...], *, keeps_tiles: bool = False
) -> str:
    """Return the policy: only our own scripts, and images also from the base maps.

    Where tiles are kept, a script or a service worker fetches them as well.

    Styles need unsafe-inline because Leaflet and Folium place their panes by
    style attributes.
    """
    hosts = sorted({_origin(base_map.url) for base_map in base_maps} - {""})
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' 'nonce-{nonce}'",
            "style-src 'self' 'unsafe-inline'",
            " ".join(("img-src 'self' data: blob:", *hosts)),
            "font-src 'self' data:",
            " ".join(("connect-src 'self'", *(hosts if keeps_tiles else ()))),
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    # Leaflet's {s} stands for one of several subdomains.
    return f"{parts.scheme}://{parts.netloc}".replace("{s}", "*") if parts.netloc else ""


def add_headers(response: Response) -> Response:
    """Add the headers of SAFETY, "Web"."""
    policy = content_security_policy(csp_nonce(), current_settings().base_maps)
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Permissions-Policy"] = PERMISSIONS_POLICY
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if response.mimetype == "text/html":
        # Kept nowhere: after a log-out nobody at the same computer turns back to a page.
        response.headers["Cache-Control"] = "private, no-store"
    response.headers.setdefault("Cache-Control", "private, no-cache")
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = f"max-age={_ONE_YEAR}"
    return response


def secret_key(path: Path) -> str:
    """Return the key of sessions, made once; whoever comes second reads the first one's."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass  # Another worker was first, and its key is as good.
        finally:
            fresh.unlink()
    return path.read_text(encoding="ascii").strip()
