"""Edits of geometry at the desk: their history, and versions of what they change.

Revision: 0010, after 0009.
"""

import geoalchemy2
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from layers.db import OWNER_ROLE
from migrations.rules import append_only, chained, grant, sound, within_scope

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

VERSIONED = ("parcel", "site")
TABLES = ("geometry_edit", "geometry_edit_row")
KEYS = {"geometry_edit": ("id",), "geometry_edit_row": ("edit_id", "place")}
COLUMNS = {
    "geometry_edit": {
        "community_id": "plain",
        "id": "plain",
        "number": "plain",
        "layer": "text",
        "actor": "text",
        "at": "instant",
        "day": "day",
        "recorded_at": "instant",
        "reason": "text",
        "undoes_id": "plain",
    },
    "geometry_edit_row": {
        "community_id": "plain",
        "edit_id": "plain",
        "place": "plain",
        "change": "plain",
        "ref": "text",
        "before_id": "plain",
        "before_version": "text",
        "before": "text",
        "area_before_m2": "float",
        "geom_before": "plain",
        "after_id": "plain",
        "after_version": "text",
        "after": "text",
        "area_after_m2": "float",
        "geom_after": "plain",
    },
}


def upgrade() -> None:
    """Number the versions of parcels and sites, and keep what edits change."""
    op.execute(f"SET LOCAL ROLE {OWNER_ROLE}")
    count_versions()
    create_edits()
    create_rows()
    for table in TABLES:
        within_scope(table)
        chained(table, KEYS[table], COLUMNS[table])
        append_only(table)
    grant(TABLES, appended=TABLES)
    op.execute("RESET ROLE")


def count_versions() -> None:
    """Raise the version with every change: imports and pages need not think of it."""
    op.execute(
        "CREATE FUNCTION version_is_raised() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " NEW.version = OLD.version + 1; RETURN NEW; END $$"
    )
    for table in VERSIONED:
        version = sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False)
        op.add_column(table, version)
        op.execute(
            f"CREATE TRIGGER versioned BEFORE UPDATE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION version_is_raised()"
        )


def create_edits() -> None:
    """Make the table of edits."""
    op.create_table(
        "geometry_edit",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "layer",
            sa.Enum(
                "parcels",
                "observations",
                "sites",
                name="editlayer",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("actor", sa.String(length=254), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("undoes_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_geometry_edit_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "undoes_id"],
            ["geometry_edit.community_id", "geometry_edit.id"],
            name=op.f("fk_geometry_edit_community_id_undoes_id"),
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_geometry_edit")),
        sa.UniqueConstraint(
            "community_id", "number", name=op.f("uq_geometry_edit_community_id_number")
        ),
        sa.UniqueConstraint(
            "community_id", "undoes_id", name=op.f("uq_geometry_edit_community_id_undoes_id")
        ),
    )  # fmt: skip
    op.create_index(
        op.f("ix_geometry_edit_community_id_layer_number"),
        "geometry_edit",
        ["community_id", "layer", "number"],
    )


def create_rows() -> None:
    """Make the table of what each edit changed."""
    empty = sa.text("'{}'::jsonb")
    op.create_table(
        "geometry_edit_row",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("edit_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=64), nullable=False),
        *[
            column
            for side in ("before", "after")
            for column in (
                sa.Column(f"{side}_id", sa.Uuid(), nullable=True),
                sa.Column(f"{side}_version", sa.String(64), server_default="", nullable=False),
                sa.Column(side, postgresql.JSONB(), server_default=empty, nullable=False),
                sa.Column(f"area_{side}_m2", sa.Double(), nullable=True),
                sa.Column(
                    f"geom_{side}",
                    geoalchemy2.Geometry("GEOMETRY", srid=4326, spatial_index=False),
                    nullable=True,
                ),
            )
        ],
        sa.CheckConstraint(
            "before_id IS NOT NULL OR after_id IS NOT NULL", name=op.f("ck_geometry_edit_row_row")
        ),
        sa.CheckConstraint(
            "(before_id IS NULL) = (geom_before IS NULL)"
            " AND (after_id IS NULL) = (geom_after IS NULL)",
            name=op.f("ck_geometry_edit_row_ground"),
        ),
        *[
            sa.CheckConstraint(
                sound(f"geom_{side}"), name=op.f(f"ck_geometry_edit_row_geom_{side}_sound")
            )
            for side in ("before", "after")
        ],
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_geometry_edit_row_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "edit_id"],
            ["geometry_edit.community_id", "geometry_edit.id"],
            name=op.f("fk_geometry_edit_row_community_id_edit_id"),
        ),
        sa.PrimaryKeyConstraint(
            "community_id", "edit_id", "place", name=op.f("pk_geometry_edit_row")
        ),
    )
    for side in ("before", "after"):
        op.create_index(
            op.f(f"ix_geometry_edit_row_community_id_{side}_id"),
            "geometry_edit_row",
            ["community_id", f"{side}_id"],
        )


def downgrade() -> None:
    """Take the history away; its links in the chain stay."""
    op.execute(f"SET LOCAL ROLE {OWNER_ROLE}")
    for table in reversed(TABLES):
        op.drop_table(table)
        op.execute(f"DROP FUNCTION chain_{table}()")
    for table in VERSIONED:
        op.execute(f"DROP TRIGGER versioned ON {table}")
        op.drop_column(table, "version")
    op.execute("DROP FUNCTION version_is_raised()")
    op.execute("RESET ROLE")
