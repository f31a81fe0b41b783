"""The one place that makes an engine, and sessions that see no further than their scope."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import pq
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import URL, Connection, ExecutionContext, make_url
from sqlalchemy.orm import Session

# The execution option by which many rows are fetched more quickly.
BINARY = "commongreen_binary"

OWNER_ROLE = "commongreen_owner"
APP_ROLE = "commongreen_app"


class DatabaseError(Exception):
    """The database cannot serve; the message says what to do."""


@dataclass(frozen=True)
class Scope:
    """The communities whose rows a session may see; ``everywhere`` sees all.

    Row-level security enforces it, so a query that forgets its filter still
    sees nothing outside.
    """

    communities: frozenset[int] = frozenset()
    everywhere: bool = False

    def settings(self) -> dict[str, str]:
        """Return the session settings that the policies read."""
        return {
            "everywhere": "on" if self.everywhere else "",
            "communities": ",".join(str(number) for number in sorted(self.communities)),
        }


# Each session begins with it, so that it is one statement.
_SET_SCOPE = text(
    "SELECT set_config('commongreen.everywhere', :everywhere, true),"
    " set_config('commongreen.communities', :communities, true)"
)

EVERYWHERE = Scope(everywhere=True)
NOWHERE = Scope()


@dataclass(frozen=True)
class Timeouts:
    """Limits of a session in milliseconds; 0 is none."""

    statement: int
    lock: int
    idle: int


REQUEST = Timeouts(statement=5_000, lock=2_000, idle=10_000)
BATCH = Timeouts(statement=0, lock=30_000, idle=0)


class Database:
    """Sessions on one database as the application's role."""

    def __init__(self, url: str | URL, timeouts: Timeouts = BATCH, **pool: Any) -> None:
        """Prepare an engine; nothing connects until a session is used."""
        self.engine = make_engine(url, timeouts, **pool)

    @contextmanager
    def session(self, scope: Scope) -> Iterator[Session]:
        """Yield a session limited to ``scope``; the caller commits or loses its work."""
        with scoped_session(self.engine, scope) as session:
            yield session


def make_engine(url: str | URL, timeouts: Timeouts = BATCH, **pool: Any) -> Engine:
    """Return an engine whose connections carry ``timeouts``."""
    limits = {
        "statement_timeout": timeouts.statement,
        "lock_timeout": timeouts.lock,
        "idle_in_transaction_session_timeout": timeouts.idle,
    }
    options = " ".join(f"-c {name}={value}" for name, value in limits.items())
    engine = create_engine(
        make_url(url),
        pool_pre_ping=True,
        connect_args={"options": options, "application_name": "commongreen"},
        **pool,
    )
    event.listen(engine, "before_cursor_execute", _ask_for_binary)
    return engine


def _ask_for_binary(
    _connection: Connection,
    cursor: Any,
    _statement: str,
    _parameters: Any,
    context: ExecutionContext | None,
    _many: bool,
) -> None:
    """Fetch in PostgreSQL's own form where the execution option BINARY asks for it.

    Identifiers and geometries arrive as they are, not as digits to be read.
    """
    if context is not None and context.execution_options.get(BINARY):
        cursor.format = pq.Format.BINARY


def scoped_session(bind: Engine | Connection, scope: Scope, **kwargs: Any) -> Session:
    """Return a session that sets ``scope`` at the start of each of its transactions.

    The setting is local to the transaction: a plain SET would leak to the next
    user of the pooled connection (SAFETY, "Scope").
    """
    session = Session(bind, expire_on_commit=False, **kwargs)

    def set_scope(_session: Session, _transaction: object, connection: Connection) -> None:
        connection.execute(_SET_SCOPE, scope.settings())

    event.listen(session, "after_begin", set_scope)
    return session


def role_faults(connection: Connection) -> list[str]:
    """Return why the connected role must not serve: each is one sentence (SAFETY, "Roles")."""
    role = connection.execute(
        text(
            "SELECT rolname, rolsuper, rolbypassrls,"
            " EXISTS (SELECT FROM pg_class WHERE relowner = r.oid) AS owns"
            " FROM pg_roles r WHERE rolname = current_user"
        )
    ).one()
    faults = {
        "is a superuser": role.rolsuper,
        "bypasses row-level security": role.rolbypassrls,
        "owns tables": role.owns,
    }
    return [
        f"The database role {role.rolname} {fault}." for fault, found in faults.items() if found
    ]


def durability_faults(connection: Connection) -> list[str]:
    """Return each setting under which an acknowledged write could be lost."""
    rows = connection.execute(
        text(
            "SELECT name, setting FROM pg_settings"
            " WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')"
        )
    )
    return [
        f"{name} is {setting}; acknowledged writes could be lost: set it to on."
        for name, setting in rows
        if setting == "off"
    ]
