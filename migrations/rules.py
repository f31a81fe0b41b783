"""The rules that every table of a community keeps, for the migrations that make one."""

from collections.abc import Collection, Mapping, Sequence

from alembic import op

from layers.db import APP_ROLE
from layers.places import GROUND_LOCK

_EVERYWHERE = "(SELECT NULLIF(current_setting('commongreen.everywhere', true), '') = 'on')"
# Rows, not an array: they are hashed, so that a row costs the same in a scope of one
# community and of thousands. The sub-selects are read once per query, not per row.
_LISTED = (
    "(SELECT unnest(string_to_array("
    "NULLIF(current_setting('commongreen.communities', true), ''), ',')::int[]))"
)


def sound(column: str) -> str:
    """Return the check that refuses a geometry PostGIS could not compute with."""
    return (
        f"ST_NPoints({column}) <= 200000"
        f" AND ST_XMin({column}) >= -180 AND ST_XMax({column}) <= 180"
        f" AND ST_YMin({column}) >= -90 AND ST_YMax({column}) <= 90"
        f" AND ST_IsValid({column}) AND NOT ST_IsEmpty({column})"
    )


def within_scope(table: str, column: str = "community_id") -> None:
    """Force row-level security on ``table``: a session sees the communities of its scope."""
    rule = f"{_EVERYWHERE} OR {column} IN {_LISTED}"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY scope ON {table} USING ({rule}) WITH CHECK ({rule})")


def append_only(table: str) -> None:
    """Refuse every change of what ``table`` holds, whoever asks."""
    op.execute(
        f"CREATE TRIGGER appended BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION history_is_appended()"
    )


def grant(tables: Collection[str], appended: Collection[str] = ()) -> None:
    """Let the application read and write rows of ``tables``, and only add to ``appended``."""
    for table in tables:
        rights = "SELECT, INSERT" if table in appended else "SELECT, INSERT, UPDATE, DELETE"
        op.execute(f"GRANT {rights} ON {table} TO {APP_ROLE}")


# How a value is written into the text that is hashed, whatever the session's settings are.
_FORMS = {
    "plain": "{}::text",
    "text": "quote_literal({}::text)",
    "day": "({} - DATE '1970-01-01')::text",
    "instant": "extract(epoch FROM {})::text",
    "float": "encode(float8send({}), 'hex')",
    "file": "encode(sha256({}), 'hex')",
}


def chained(table: str, key: Sequence[str], columns: Mapping[str, str]) -> None:
    """Chain every row that is, or will be, in ``table`` to the rows before it.

    ``columns`` gives the form in which each column is hashed; ``key`` are those that
    name a row within its community. An absent value is left out, so a column that is
    added later and empty changes no hash; one with values replaces the function.
    """
    _chain_function(table, key, columns)
    # Else a table of one's own with this trigger would forge the chain.
    op.execute(f"REVOKE EXECUTE ON FUNCTION chain_{table}() FROM PUBLIC")
    op.execute(
        f"INSERT INTO chain_head (community_id) SELECT DISTINCT community_id FROM {table}"
        " ON CONFLICT DO NOTHING"
    )
    op.execute(_link(table, table, key, columns))
    op.execute(
        f"CREATE TRIGGER chained AFTER INSERT ON {table} REFERENCING NEW TABLE AS added"
        f" FOR EACH STATEMENT EXECUTE FUNCTION chain_{table}()"
    )


def rechained(table: str, key: Sequence[str], columns: Mapping[str, str]) -> None:
    """Hash other columns of the rows that ``table`` gets from now on.

    Those that are there keep their hashes, so a column that they have a value in must stay.
    """
    _chain_function(table, key, columns)


def _chain_function(table: str, key: Sequence[str], columns: Mapping[str, str]) -> None:
    op.execute(
        f"CREATE OR REPLACE FUNCTION chain_{table}() RETURNS trigger LANGUAGE plpgsql"
        " SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$ BEGIN"
        # The lock of all that changes a community, so that writers wait in one order.
        f" PERFORM pg_advisory_xact_lock({GROUND_LOCK}, one.community_id) FROM"
        " (SELECT DISTINCT community_id FROM added ORDER BY community_id) one;"
        " INSERT INTO chain_head (community_id) SELECT DISTINCT community_id FROM added"
        " ON CONFLICT DO NOTHING;"
        f" {_link(table, 'added', key, columns)}; RETURN NULL; END $$"
    )


def _link(table: str, source: str, key: Sequence[str], columns: Mapping[str, str]) -> str:
    """Return the statement that appends the rows of ``source`` to their chains."""
    order = ", ".join(f'r."{name}"' for name in key)
    written = ", ".join(
        f"'{name}=' || " + _FORMS[form].format(f'r."{name}"')
        for name, form in sorted(columns.items())
    )
    return (
        "WITH linked AS (INSERT INTO chain (community_id, number, relation, key, hash)"
        f" SELECT r.community_id, h.entries + row_number() OVER along, '{table}',"
        f" concat_ws(',', {order}), chain_links(h.hash, sha256(convert_to("
        f"concat_ws(',', '{table}', {written}), 'UTF8'))) OVER along"
        f" FROM {source} r JOIN chain_head h ON h.community_id = r.community_id"
        f" WINDOW along AS (PARTITION BY r.community_id ORDER BY {order} ROWS UNBOUNDED PRECEDING)"
        " RETURNING community_id, number, hash)"
        " UPDATE chain_head h SET entries = last.number, hash = last.hash FROM"
        " (SELECT DISTINCT ON (community_id) * FROM linked ORDER BY community_id, number DESC) last"
        " WHERE last.community_id = h.community_id"
    )
