"""A hash chain over the history of each community.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

from layers.db import APP_ROLE, OWNER_ROLE
from migrations.rules import append_only, chained, within_scope

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEYS = {
    "case_event": ("seq",),
    "area_ledger": ("seq",),
    "visit": ("id",),
    "document": ("id",),
    "document_file": ("document_id", "language", "format"),
}
COLUMNS = {
    "case_event": {
        "community_id": "plain",
        "seq": "plain",
        "case_id": "plain",
        "at": "instant",
        "day": "day",
        "recorded_at": "instant",
        "actor": "text",
        "event": "text",
        "state": "text",
        "document": "text",
        "note": "text",
        "observation_id": "plain",
        "data": "text",
    },
    "area_ledger": {
        "community_id": "plain",
        "seq": "plain",
        "day": "day",
        "recorded_at": "instant",
        "kind": "text",
        "case_id": "plain",
        "encroachment_id": "plain",
        "observation_id": "plain",
        "area_m2": "float",
        "geom": "plain",
    },
    "visit": {
        "community_id": "plain",
        "id": "plain",
        "case_id": "plain",
        "visited_on": "day",
        "actor": "text",
        "outcome": "text",
        "next_on": "day",
        "note": "text",
        "recorded_at": "instant",
    },
    "document": {
        "community_id": "plain",
        "id": "plain",
        "kind": "text",
        "year": "plain",
        "number": "plain",
        "version": "plain",
        "campaign_id": "plain",
        "case_id": "plain",
        "title": "text",
        "issued_on": "day",
        "issued_by": "text",
        "recorded_at": "instant",
        "data": "text",
    },
    "document_file": {
        "community_id": "plain",
        "document_id": "plain",
        "language": "text",
        "format": "text",
        "sha256": "file",
        "content": "file",
    },
}


def upgrade() -> None:
    """Make the chain, and chain what was recorded before."""
    op.execute(f"SET LOCAL ROLE {OWNER_ROLE}")
    create_tables()
    create_aggregate()
    # The owner is held to a scope as everybody else, and existing rows are of all.
    op.execute("SELECT set_config('commongreen.everywhere', 'on', true)")
    for table, key in KEYS.items():
        chained(table, key, COLUMNS[table])
    op.execute("SELECT set_config('commongreen.everywhere', '', true)")
    for table in ("chain", "chain_head"):
        within_scope(table)
        op.execute(f"GRANT SELECT ON {table} TO {APP_ROLE}")
    append_only("chain")
    op.execute("RESET ROLE")


def create_tables() -> None:
    """Make the chain and its heads."""
    op.create_table(
        "chain",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("relation", sa.String(length=32), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("community_id", "number", name=op.f("pk_chain")),
    )
    op.create_table(
        "chain_head",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("entries", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("hash", sa.LargeBinary(), server_default=sa.text("''::bytea"), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_chain_head_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", name=op.f("pk_chain_head")),
    )


def create_aggregate() -> None:
    """Make the running hash: of the hash before and the digest of a row."""
    op.execute(
        "CREATE FUNCTION chain_link(state bytea, first bytea, digest bytea) RETURNS bytea"
        " LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$"
        " BEGIN RETURN pg_catalog.sha256(coalesce(state, first) || digest); END $$"
    )
    op.execute(
        "CREATE AGGREGATE chain_links(first bytea, digest bytea)"
        " (sfunc = chain_link, stype = bytea)"
    )


def downgrade() -> None:
    """Take the chain away."""
    op.execute(f"SET LOCAL ROLE {OWNER_ROLE}")
    for table in KEYS:
        op.execute(f"DROP TRIGGER chained ON {table}")
        op.execute(f"DROP FUNCTION chain_{table}()")
    op.execute("DROP AGGREGATE chain_links(bytea, bytea)")
    op.execute("DROP FUNCTION chain_link(bytea, bytea, bytea)")
    op.drop_table("chain_head")
    op.drop_table("chain")
    op.execute("RESET ROLE")
