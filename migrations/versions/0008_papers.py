"""Of a meeting, a visit or an objection there is one paper of each kind.

Revision: 0008, after 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let the database refuse a second first version."""
    op.create_index(
        "uq_document_subject",
        "document",
        ["community_id", "kind", sa.text("(data ->> 'subject')")],
        unique=True,
        postgresql_where=sa.text("version = 1"),
    )


def downgrade() -> None:
    """Let several papers have one subject again."""
    op.drop_index("uq_document_subject", "document")
