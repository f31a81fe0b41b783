"""How much may be changed in a minute: counted by account and by address, for all workers."""

import time

from flask import Flask, request
from flask_babel import gettext
from flask_limiter.util import get_remote_address
from flask_login import current_user
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.strategies import FixedWindowRateLimiter

from layers.config import Settings
from webmap.errors import TooMany
from webmap.throttle import PostgresStorage

# Pieces of a photograph are many, and bound by its size: so many a minute beside all changes.
# Beginning it again is how a phone goes on after a reload, and begins only what was announced.
PIECES = frozenset({"api_uploads.begin_upload", "api_uploads.send_piece"})
MOST_PIECES = 1_200
CHANGES = frozenset({"DELETE", "PATCH", "POST", "PUT"})


def limit_writes(app: Flask, settings: Settings) -> None:
    """Count every change before its view is called; what only reads is never counted."""
    storage = PostgresStorage()

    def count() -> None:
        if request.method in CHANGES and request.endpoint is not None:
            if request.endpoint in PIECES:
                whose = str(current_user.get_id() or get_remote_address())
                most = MOST_PIECES if settings.writes_per_account else 0
                _count(storage, most, "pieces", whose)
                return
            if current_user.is_authenticated:
                _count(storage, settings.writes_per_account, "account", str(current_user.id))
            _count(storage, settings.writes_per_address, "address", get_remote_address())

    app.before_request(count)


def _count(storage: PostgresStorage, most: int, whose: str, key: str) -> None:
    """Count one change; raises ``TooMany`` beyond ``most`` in a minute, never where that is 0."""
    if most == 0:
        return
    limiter, limit = FixedWindowRateLimiter(storage), RateLimitItemPerMinute(most)
    if not limiter.hit(limit, "writes", whose, key):
        raise _too_many(most, _seconds_left(limiter, limit, whose, key))


def _seconds_left(
    limiter: FixedWindowRateLimiter, limit: RateLimitItem, whose: str, key: str
) -> int:
    ends = limiter.get_window_stats(limit, "writes", whose, key).reset_time
    return max(1, round(ends - time.time()))


def _too_many(most: int, seconds: int) -> TooMany:
    told: str = gettext(
        "More than %(most)s changes in a minute. Nothing of this one was recorded: wait"
        " %(seconds)s seconds and send it again, as by reloading this page.",
        most=most,
        seconds=seconds,
    )
    return TooMany(told, seconds)
