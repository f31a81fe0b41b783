"""The rules that every table of a community keeps, for the migrations that make one."""

from collections.abc import Collection

from alembic import op

from layers.db import APP_ROLE

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
