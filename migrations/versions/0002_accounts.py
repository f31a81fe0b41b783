"""Accounts: second factors, memberships that need a second person, tokens, and their history.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from layers.db import APP_ROLE, OWNER_ROLE

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# What the application may change of a row that is never deleted.
CHANGED = {
    "membership": "approved_by, approved_at, revoked_by, revoked_at",
    "access_token": "last_used_on, revoked_by, revoked_at",
    "personal.resident_account": "ended_by, ended_at",
}


def upgrade() -> None:
    """Extend accounts and memberships, and add what belongs to them."""
    op.execute(f"SET LOCAL ROLE {OWNER_ROLE}")
    extend_account()
    extend_membership()
    create_resident_account()
    create_access_token()
    create_account_event()
    grant()
    op.execute("RESET ROLE")


def extend_account() -> None:
    """Add the public identifier, the language and the second factor."""
    op.add_column(
        "account",
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
    )
    op.create_unique_constraint(op.f("uq_account_public_id"), "account", ["public_id"])
    op.add_column(
        "account", sa.Column("language", sa.String(length=16), server_default="", nullable=False)
    )
    op.add_column("account", sa.Column("tf_primary_method", sa.String(length=32), nullable=True))
    op.add_column("account", sa.Column("tf_totp_secret", sa.Text(), nullable=True))
    op.add_column("account", sa.Column("totp_counter", sa.BigInteger(), nullable=True))
    op.add_column("account", sa.Column("mf_recovery_codes", JSONB(), nullable=True))


def extend_membership() -> None:
    """Say of each membership who proposed, approved and revoked it; the first were the operator's.

    A revoked one stays, so only those that stand are unique.
    """
    op.add_column(
        "membership",
        sa.Column("proposed_by", sa.String(length=254), server_default="operator", nullable=False),
    )
    op.alter_column("membership", "proposed_by", server_default=None)
    op.add_column("membership", moment("proposed_at", now=True))
    for act in ("approved", "revoked"):
        op.add_column("membership", sa.Column(f"{act}_by", sa.String(length=254), nullable=True))
        op.add_column("membership", moment(f"{act}_at"))
    op.execute("UPDATE membership SET approved_by = 'operator', approved_at = now()")
    for act in ("approved", "revoked"):
        op.create_check_constraint(
            op.f(f"ck_membership_{act}"), "membership", f"({act}_at IS NULL) = ({act}_by IS NULL)"
        )
    op.create_check_constraint(
        op.f("ck_membership_two_people"),
        "membership",
        "role NOT IN ('secretary', 'official', 'admin') OR proposed_by = 'operator'"
        " OR approved_by IS NULL OR approved_by <> proposed_by",
    )
    index_memberships(sa.text("revoked_at IS NULL"))
    op.create_index(
        "ix_membership_waiting",
        "membership",
        ["proposed_at"],
        postgresql_where=sa.text("approved_at IS NULL AND revoked_at IS NULL"),
    )


def index_memberships(standing: sa.TextClause | None) -> None:
    """Let an account have each role once at a place, among the rows that are ``standing``."""
    op.drop_index("uq_membership_place", "membership")
    op.create_index(
        "uq_membership_place",
        "membership",
        [
            "account_id",
            "role",
            sa.literal_column("coalesce(region_id, 0)"),
            sa.literal_column("coalesce(community_id, 0)"),
        ],
        unique=True,
        postgresql_where=standing,
    )


def create_resident_account() -> None:
    """Make the table that joins an account to its household, beside the residents' names."""
    op.create_table(
        "resident_account",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("granted_by", sa.String(length=254), nullable=False),
        moment("granted_at", now=True),
        sa.Column("ended_by", sa.String(length=254), nullable=True),
        moment("ended_at"),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_resident_account_ended")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_resident_account_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "household_id"],
            ["household.community_id", "household.id"],
            name=op.f("fk_resident_account_community_id_household_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_resident_account_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_resident_account")),
        schema="personal",
    )
    op.create_index(
        op.f("ix_resident_account_community_id_household_id"),
        "resident_account",
        ["community_id", "household_id"],
        schema="personal",
    )
    op.create_index(
        op.f("ix_resident_account_account_id"),
        "resident_account",
        ["account_id"],
        schema="personal",
    )
    op.create_index(
        "uq_resident_account_current",
        "resident_account",
        ["community_id", "household_id", "account_id"],
        unique=True,
        schema="personal",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    everywhere = "(SELECT NULLIF(current_setting('commongreen.everywhere', true), '') = 'on')"
    listed = (
        "(SELECT unnest(string_to_array("
        "NULLIF(current_setting('commongreen.communities', true), ''), ',')::int[]))"
    )
    rule = f"{everywhere} OR community_id IN {listed}"
    table = "personal.resident_account"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY scope ON {table} USING ({rule}) WITH CHECK ({rule})")


def create_access_token() -> None:
    """Make the table of tokens, which holds their hashes only."""
    op.create_table(
        "access_token",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("may_write", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        moment("created_at", now=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("last_used_on", sa.Date(), nullable=True),
        sa.Column("revoked_by", sa.String(length=254), nullable=True),
        moment("revoked_at"),
        sa.CheckConstraint("length(sha256) = 32", name=op.f("ck_access_token_sha256")),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_by IS NULL)", name=op.f("ck_access_token_revoked")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_access_token_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_token")),
        sa.UniqueConstraint("sha256", name=op.f("uq_access_token_sha256")),
    )
    op.create_index(op.f("ix_access_token_account_id"), "access_token", ["account_id"])


def create_account_event() -> None:
    """Make the history of accounts, which is appended only."""
    op.create_table(
        "account_event",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=254), nullable=False),
        moment("at", now=True),
        sa.Column("address", sa.String(length=64), server_default="", nullable=False),
        sa.Column("data", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_event_account_id")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_account_event")),
    )
    op.create_index(op.f("ix_account_event_account_id_seq"), "account_event", ["account_id", "seq"])
    op.execute(
        "CREATE TRIGGER appended BEFORE UPDATE OR DELETE OR TRUNCATE ON account_event"
        " FOR EACH STATEMENT EXECUTE FUNCTION history_is_appended()"
    )


def grant() -> None:
    """Let the application add rows, and change of them only what ends or approves them."""
    op.execute(f"REVOKE DELETE ON account FROM {APP_ROLE}")
    op.execute(f"REVOKE UPDATE, DELETE ON membership FROM {APP_ROLE}")
    for table, columns in CHANGED.items():
        op.execute(f"GRANT SELECT, INSERT, UPDATE ({columns}) ON {table} TO {APP_ROLE}")
    op.execute(f"GRANT SELECT, INSERT ON account_event TO {APP_ROLE}")


def moment(name: str, *, now: bool = False) -> sa.Column[object]:
    """Return a column of an instant, filled in by the database where it is ``now``."""
    default = sa.text("now()") if now else None
    return sa.Column(
        name, sa.DateTime(timezone=True), server_default=default, nullable=default is None
    )


def downgrade() -> None:
    """Drop what was added; memberships that are not in force are lost."""
    op.drop_table("account_event")
    op.drop_table("access_token")
    op.drop_table("resident_account", schema="personal")
    op.execute("DELETE FROM membership WHERE approved_at IS NULL OR revoked_at IS NOT NULL")
    op.drop_index("ix_membership_waiting", "membership")
    index_memberships(None)
    for column in ("proposed", "approved", "revoked"):
        for end in ("by", "at"):
            op.drop_column("membership", f"{column}_{end}")
    for column in (
        "public_id",
        "language",
        "tf_primary_method",
        "tf_totp_secret",
        "totp_counter",
        "mf_recovery_codes",
    ):
        op.drop_column("account", column)
    op.execute(f"GRANT DELETE ON account TO {APP_ROLE}")
    op.execute(f"GRANT UPDATE, DELETE ON membership TO {APP_ROLE}")
