"""Limits on tries that hold across workers: their counts are rows in PostgreSQL."""

import hashlib
import time
from datetime import timedelta
from typing import Any

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits.storage import Storage
from sqlalchemy import Select, case, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from cases.models import RateLimit
from layers.db import NOWHERE
from webmap.connections import current_database

SCHEME = "commongreen"
_PRUNED_AT_ONCE = 100


class PostgresStorage(Storage):
    """Flask-Limiter's counters in the table ``rate_limit``.

    Keys hold addresses of people and are stored as hashes only.
    """

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012 (as the library declares it)

    @property
    def base_exceptions(self) -> type[Exception]:
        """Return what a failing storage raises."""
        return SQLAlchemyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count ``amount`` tries more and return how many the window holds now."""
        fresh = insert(RateLimit).values(
            key=_hashed(key), hits=amount, expires_at=func.now() + timedelta(seconds=expiry)
        )
        over = RateLimit.expires_at <= func.now()
        counted = fresh.on_conflict_do_update(
            index_elements=[RateLimit.key],
            set_={
                "hits": fresh.excluded.hits + case((over, 0), else_=RateLimit.hits),
                "expires_at": case((over, fresh.excluded.expires_at), else_=RateLimit.expires_at),
            },
        ).returning(RateLimit.hits)
        with current_database().session(NOWHERE) as session, session.begin():
            session.execute(delete(RateLimit).where(RateLimit.key.in_(_expired())))
            return session.execute(counted).scalar_one()

    def get(self, key: str) -> int:
        """Return how many tries the window holds."""
        with current_database().session(NOWHERE) as session:
            return session.scalar(_current(RateLimit.hits, key)) or 0

    def get_expiry(self, key: str) -> float:
        """Return when the window ends, in seconds since 1970."""
        with current_database().session(NOWHERE) as session:
            ends = session.scalar(_current(RateLimit.expires_at, key))
        return time.time() if ends is None else ends.timestamp()

    def check(self) -> bool:
        """Tell that this storage needs no check of its own: readiness asks the database."""
        return True

    def reset(self) -> int:
        """Forget every count and return how many there were."""
        with current_database().session(NOWHERE) as session, session.begin():
            return len(session.scalars(delete(RateLimit).returning(RateLimit.key)).all())

    def clear(self, key: str) -> None:
        """Forget one count."""
        with current_database().session(NOWHERE) as session, session.begin():
            session.execute(delete(RateLimit).where(RateLimit.key == _hashed(key)))


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _current(column: Any, key: str) -> Select[Any]:
    return select(column).where(RateLimit.key == _hashed(key), RateLimit.expires_at > func.now())


def _expired() -> Select[str]:
    """Return some counts that are over; those that another worker is removing are left to it."""
    return (
        select(RateLimit.key)
        .where(RateLimit.expires_at <= func.now())
        .limit(_PRUNED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )


def make_limiter(app: Flask) -> Limiter:
    """Return the limiter of one application."""
    return Limiter(get_remote_address, app=app, storage_uri=f"{SCHEME}://", headers_enabled=True)
