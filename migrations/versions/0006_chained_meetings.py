"""Meetings, announcements, postings, patrols and photographs are history: appended and chained.

Revision: 0006, after 0005.
"""

from alembic import op

from layers.db import APP_ROLE, OWNER_ROLE
from migrations.rules import append_only, chained

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEYS = {
    "meeting": ("id",),
    "attendance": ("meeting_id", "body_id"),
    "resolution": ("id",),
    "announcement": ("id",),
    "posting": ("id",),
    "patrol": ("id",),
    "photograph": ("id",),
}
COLUMNS = {
    "meeting": {
        "community_id": "plain",
        "id": "plain",
        "campaign_id": "plain",
        "number": "plain",
        "held_on": "day",
        "place": "text",
        "agenda": "text",
        "minutes": "text",
        "recorded_by": "text",
        "recorded_at": "instant",
    },
    "attendance": {
        "community_id": "plain",
        "meeting_id": "plain",
        "body_id": "plain",
        "people": "plain",
    },
    "resolution": {
        "community_id": "plain",
        "id": "plain",
        "meeting_id": "plain",
        "number": "plain",
        "wording": "text",
        "votes_for": "plain",
        "votes_against": "plain",
        "votes_abstained": "plain",
    },
    "announcement": {
        "community_id": "plain",
        "id": "plain",
        "campaign_id": "plain",
        "issuer_id": "plain",
        "document_id": "plain",
        "issued_on": "day",
        "deadline_on": "day",
        "standard_version": "text",
        "objection_route": "text",
        "wording": "text",
    },
    "posting": {
        "community_id": "plain",
        "id": "plain",
        "announcement_id": "plain",
        "channel": "text",
        "place": "text",
        "posted_on": "day",
        "proof": "text",
        "photograph_id": "plain",
        "recorded_by": "text",
    },
    "patrol": {
        "community_id": "plain",
        "id": "plain",
        "case_id": "plain",
        "accepted_on": "day",
        "days": "plain",
        "due_on": "day",
        "done_on": "day",
        "actor": "text",
        "outcome": "text",
        "note": "text",
        "observation_id": "plain",
    },
    "photograph": {
        "community_id": "plain",
        "id": "plain",
        "case_id": "plain",
        "observation_id": "plain",
        "subject": "text",
        "taken_at": "instant",
        "accuracy_m": "float",
        "bearing": "float",
        "sha256": "file",
        "media_type": "text",
        "width": "plain",
        "height": "plain",
        "size": "plain",
        "note": "text",
        "recorded_by": "text",
        "recorded_at": "instant",
        "geom": "plain",
    },
}


def upgrade() -> None:
    """Chain what was recorded before, and refuse every change from now on."""
    op.execute(f"SET LOCAL ROLE {OWNER_ROLE}")
    # The owner is held to a scope as everybody else, and existing rows are of all.
    op.execute("SELECT set_config('commongreen.everywhere', 'on', true)")
    for table, key in KEYS.items():
        chained(table, key, COLUMNS[table])
        append_only(table)
        op.execute(f"REVOKE UPDATE, DELETE ON {table} FROM {APP_ROLE}")
    op.execute("SELECT set_config('commongreen.everywhere', '', true)")
    decide_once()
    op.execute("RESET ROLE")


def decide_once() -> None:
    """Let an objection be decided once, and nothing else of it be changed."""
    op.execute(
        "CREATE FUNCTION objection_is_decided_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF TG_OP = 'UPDATE' AND OLD.decided_on IS NULL"
        " AND (NEW.community_id, NEW.id, NEW.case_id, NEW.lodged_on, NEW.recorded_by, NEW.grounds)"
        " = (OLD.community_id, OLD.id, OLD.case_id, OLD.lodged_on, OLD.recorded_by, OLD.grounds)"
        " THEN RETURN NEW; END IF;"
        " RAISE EXCEPTION 'an objection is decided once, and never changed or removed';"
        " END $$"
    )
    op.execute(
        "CREATE TRIGGER decided_once BEFORE UPDATE OR DELETE ON objection"
        " FOR EACH ROW EXECUTE FUNCTION objection_is_decided_once()"
    )
    op.execute(f"REVOKE DELETE ON objection FROM {APP_ROLE}")


def downgrade() -> None:
    """Let them be changed again, and take their triggers away; their links stay."""
    op.execute(f"SET LOCAL ROLE {OWNER_ROLE}")
    op.execute("DROP TRIGGER decided_once ON objection")
    op.execute("DROP FUNCTION objection_is_decided_once()")
    op.execute(f"GRANT DELETE ON objection TO {APP_ROLE}")
    for table in KEYS:
        op.execute(f"GRANT UPDATE, DELETE ON {table} TO {APP_ROLE}")
        op.execute(f"DROP TRIGGER appended ON {table}")
        op.execute(f"DROP TRIGGER chained ON {table}")
        op.execute(f"DROP FUNCTION chain_{table}()")
    op.execute("RESET ROLE")
