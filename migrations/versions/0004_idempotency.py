"""Submissions by their clients' keys, so that one sent twice is done once.

Revision: 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

from layers.db import OWNER_ROLE
from migrations.rules import grant, within_scope

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and let the application see the rows of its scope."""
    op.execute(f"SET LOCAL ROLE {OWNER_ROLE}")
    op.create_table(
        "idempotency",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Uuid(), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("response", sa.Text(), nullable=True),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_idempotency_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_idempotency_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "account_id", "key", name=op.f("pk_idempotency")),
    )
    op.create_index(
        op.f("ix_idempotency_community_id_at"), "idempotency", ["community_id", "at"], unique=False
    )
    within_scope("idempotency")
    grant(["idempotency"])
    op.execute("RESET ROLE")


def downgrade() -> None:
    """Remove the table."""
    op.execute(f"SET LOCAL ROLE {OWNER_ROLE}")
    op.drop_table("idempotency")
    op.execute("RESET ROLE")
