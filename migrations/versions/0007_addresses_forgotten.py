"""Network addresses in the history of accounts are forgotten after their term.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

from layers.db import APP_ROLE, OWNER_ROLE

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# No setting forgets an address sooner: whoever breaks in could wipe the way they came.
SOONEST = "30 days"


def upgrade() -> None:
    """Let the address of an old entry become empty, and nothing else of the history change."""
    op.execute(f"SET LOCAL ROLE {OWNER_ROLE}")
    op.execute("DROP TRIGGER appended ON account_event")
    op.execute(
        "CREATE TRIGGER appended BEFORE DELETE OR TRUNCATE"
        " OR UPDATE OF seq, account_id, event, actor, at, data ON account_event"
        " FOR EACH STATEMENT EXECUTE FUNCTION history_is_appended()"
    )
    op.execute(
        "CREATE FUNCTION address_is_forgotten() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF new.address = '' AND old.at < now() - interval '{SOONEST}' THEN RETURN new; END IF;"
        " RAISE EXCEPTION 'an address in % is only ever forgotten, after its term', TG_TABLE_NAME"
        " USING ERRCODE = 'insufficient_privilege'; END $$"
    )
    op.execute(
        "CREATE TRIGGER forgotten BEFORE UPDATE OF address ON account_event"
        " FOR EACH ROW EXECUTE FUNCTION address_is_forgotten()"
    )
    op.create_index(
        "ix_account_event_addressed",
        "account_event",
        ["at"],
        postgresql_where=sa.text("address <> ''"),
    )
    op.execute(f"GRANT UPDATE (address) ON account_event TO {APP_ROLE}")
    op.execute("RESET ROLE")


def downgrade() -> None:
    """Keep every address for ever again."""
    op.execute(f"SET LOCAL ROLE {OWNER_ROLE}")
    op.execute(f"REVOKE UPDATE (address) ON account_event FROM {APP_ROLE}")
    op.drop_index("ix_account_event_addressed", "account_event")
    op.execute("DROP TRIGGER forgotten ON account_event")
    op.execute("DROP FUNCTION address_is_forgotten()")
    op.execute("DROP TRIGGER appended ON account_event")
    op.execute(
        "CREATE TRIGGER appended BEFORE UPDATE OR DELETE OR TRUNCATE ON account_event"
        " FOR EACH STATEMENT EXECUTE FUNCTION history_is_appended()"
    )
    op.execute("RESET ROLE")
