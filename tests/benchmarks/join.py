"""PostGIS's own join of observations and parcels, with insert, in several forms.

The table it fills has the columns, constraints, indexes and policy of ``encroachment``,
and the application's role fills it. What PostGIS is asked for is less than flagging
does: no slivers, no sharing out, no uncertainty, no findings, no cases.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from layers.config import Settings
from layers.db import APP_ROLE
from layers.migrate import owner_engine

# With ST_Intersects it tests each pair before it intersects; without, an empty
# intersection is what tells. The boxes lead in both, by index.
_TESTED = "AND ST_Intersects(p.geom, o.geom)"
# A subquery with OFFSET is not merged, so that each geometry is computed once.
_PIECES = """
    SELECT community_id, observation_id, parcel_id, area, geom
    FROM (SELECT *, ST_Area(ST_Transform(geom, 4550)) AS area
          FROM (SELECT o.community_id, o.id AS observation_id, p.id AS parcel_id,
                       ST_Multi(ST_CollectionExtract(ST_Intersection(o.geom, p.geom), 3)) AS geom
                FROM observation o
                JOIN parcel p ON p.geom && o.geom AND p.community_id = o.community_id {tested}
                WHERE o.status = 'open' AND p.kind = 'public_green'
                      AND o.community_id = ANY ('{communities}'::int[])
                OFFSET 0) AS shared
          OFFSET 0) AS measured
    WHERE area > 0"""
_INSERT = """
    INSERT INTO {table} (community_id, observation_id, parcel_id, answer_basis, occupied_m2,
                         countable_m2, sigma_m2, found_on, geom, standing)
    SELECT community_id, observation_id, parcel_id, 'undecided', area, area, 0, current_date,
           geom, geom
    FROM ({pieces}) AS pieces"""
_PARALLEL = (
    "SET LOCAL max_parallel_workers_per_gather = 2",
    "SET LOCAL min_parallel_table_scan_size = 0",
    "SET LOCAL parallel_setup_cost = 0",
    "SET LOCAL parallel_tuple_cost = 0",
)


@dataclass(frozen=True)
class Form:
    """A way to write the join: INSERT ... SELECT, which PostgreSQL runs in one process,
    or a temporary table by a parallel query, inserted from in a second step.
    """

    table: str
    is_parallel: bool
    is_tested: bool

    @property
    def name(self) -> str:
        """Return what the form is called."""
        steps = "parallel select, then insert" if self.is_parallel else "insert ... select"
        return f"{steps}, {'&& and ST_Intersects' if self.is_tested else '&& alone'}"

    def run(self, session: Session, communities: Sequence[int]) -> None:
        """Join and insert within the transaction."""
        pieces = _PIECES.format(
            tested=_TESTED if self.is_tested else "",
            communities=f"{{{','.join(map(str, communities))}}}",
        )
        if self.is_parallel:
            for setting in _PARALLEL:
                session.execute(text(setting))
            session.execute(text(f"CREATE TEMP TABLE pieces ON COMMIT DROP AS {pieces}"))
            pieces = "SELECT * FROM pieces"
        session.execute(text(_INSERT.format(table=self.table, pieces=pieces)))


PLAIN = Form("join_statement_tested", False, True)
OTHERS = (
    Form("join_statement", False, False),
    Form("join_steps_tested", True, True),
    Form("join_steps", True, False),
)


def make_tables(settings: Settings) -> None:
    """Make a table like ``encroachment`` for each form."""
    engine = owner_engine(settings)
    with engine.begin() as connection:
        owner, using, check = connection.execute(
            text(
                "SELECT pg_get_userbyid(relowner), pg_get_expr(polqual, polrelid),"
                " pg_get_expr(polwithcheck, polrelid)"
                " FROM pg_policy JOIN pg_class c ON c.oid = polrelid"
                " WHERE c.oid = 'encroachment'::regclass"
            )
        ).one()
        keys = connection.scalars(
            text(
                "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE conrelid = 'encroachment'::regclass AND contype = 'f'"
            )
        ).all()
        connection.execute(text(f"SET LOCAL ROLE {owner}"))
        for table in (form.table for form in (PLAIN, *OTHERS)):
            for statement in (
                f"CREATE TABLE {table} (LIKE encroachment INCLUDING ALL)",
                *(f"ALTER TABLE {table} ADD {key}" for key in keys),
                f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
                f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
                f"CREATE POLICY scope ON {table} USING ({using}) WITH CHECK ({check})",
                f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP_ROLE}",
            ):
                connection.execute(text(statement))
    engine.dispose()
