"""What phones send from the field: submissions, what was decided, photographs and uploads.

Revision: 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects.postgresql import JSONB

from layers.db import OWNER_ROLE
from migrations.rules import append_only, chained, grant, rechained, sound, within_scope

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEYS = {
    "field_submission": ("id",),
    "field_decision": ("id",),
    "photograph_original": ("photograph_id",),
}
SCOPED = (*KEYS, "upload")
COLUMNS = {
    "field_submission": {
        "community_id": "plain",
        "id": "plain",
        "kind": "text",
        "household_id": "plain",
        "corrects_id": "plain",
        "corrects_version": "text",
        "keep_both": "text",
        "follows_id": "plain",
        "structure_types": "text",
        "height_m": "float",
        "plants": "text",
        "note": "text",
        "method": "text",
        "rms_m": "float",
        "phone_area_m2": "float",
        "area_m2": "float",
        "accuracy_m": "float",
        "datum": "text",
        "fixes": "text",
        "observed_at": "instant",
        "observed_on": "day",
        "clock_offset_s": "float",
        "is_clock_doubtful": "text",
        "received_at": "instant",
        "recorded_by": "text",
        "imported_by": "text",
        "body_sha256": "file",
        "announced": "text",
        "app_version": "text",
        "geom": "plain",
        "position": "plain",
    },
    "field_decision": {
        "community_id": "plain",
        "id": "plain",
        "submission_id": "plain",
        "verdict": "text",
        "decided_by": "text",
        "decided_at": "instant",
        "reason": "text",
        "observation_id": "plain",
    },
    "photograph_original": {
        "community_id": "plain",
        "photograph_id": "plain",
        "sha256": "file",
        "media_type": "text",
        "width": "plain",
        "height": "plain",
        "size": "plain",
        "received_at": "instant",
    },
}
# As they were before, for the way back; see 0006.
PHOTOGRAPH = {
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
}
FROM_THE_FIELD = {"submission_id": "plain", "original_sha256": "file"}


def upgrade() -> None:
    """Make the tables, append and chain what is history, and let photographs name submissions."""
    op.execute(f"SET LOCAL ROLE {OWNER_ROLE}")
    create_tables()
    extend_photographs()
    for table in SCOPED:
        within_scope(table)
    for table, key in KEYS.items():
        chained(table, key, COLUMNS[table])
        append_only(table)
    rechained("photograph", ("id",), PHOTOGRAPH | FROM_THE_FIELD)
    grant(SCOPED, KEYS)
    op.execute("RESET ROLE")


def create_tables() -> None:
    """Make the tables of the models."""
    op.create_table(
        "field_submission",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "enclosure",
                "clear",
                name="submissionkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("household_id", sa.Uuid(), nullable=True),
        sa.Column("corrects_id", sa.Uuid(), nullable=True),
        sa.Column("corrects_version", sa.String(length=64), server_default="", nullable=False),
        sa.Column("keep_both", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("follows_id", sa.Uuid(), nullable=True),
        sa.Column("structure_types", JSONB(), nullable=False),
        sa.Column("height_m", sa.Double(), nullable=True),
        sa.Column("plants", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "method",
            sa.Enum(
                "drawn",
                "walked",
                "corrected",
                name="capturemethod",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("rms_m", sa.Double(), nullable=False),
        sa.Column("phone_area_m2", sa.Double(), nullable=True),
        sa.Column("area_m2", sa.Double(), nullable=True),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column(
            "datum",
            sa.Enum(
                "wgs84", "gcj02", name="datum", native_enum=False, create_constraint=True, length=32
            ),
            server_default="wgs84",
            nullable=False,
        ),
        sa.Column("fixes", JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("observed_on", sa.Date(), nullable=False),
        sa.Column("clock_offset_s", sa.Double(), nullable=False),
        sa.Column("is_clock_doubtful", sa.Boolean(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("recorded_by", sa.String(length=254), nullable=False),
        sa.Column("imported_by", sa.String(length=254), nullable=True),
        sa.Column("body_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("announced", JSONB(), nullable=False),
        sa.Column("app_version", sa.String(length=64), server_default="", nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column(
            "position",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.CheckConstraint(
            "(kind = 'enclosure') = (geom IS NOT NULL)", name=op.f("ck_field_submission_ground")
        ),
        sa.CheckConstraint(
            "datum = 'wgs84' OR position IS NULL", name=op.f("ck_field_submission_no_position")
        ),
        sa.CheckConstraint(
            "(geom IS NULL) = (area_m2 IS NULL)", name=op.f("ck_field_submission_area")
        ),
        sa.CheckConstraint(sound("geom"), name=op.f("ck_field_submission_geom_sound")),
        sa.CheckConstraint(sound("position"), name=op.f("ck_field_submission_position_sound")),
        sa.CheckConstraint(
            "accuracy_m >= 0 AND accuracy_m < 100000", name=op.f("ck_field_submission_accuracy_m")
        ),
        sa.CheckConstraint(
            "height_m >= 0 AND height_m < 100", name=op.f("ck_field_submission_height_m")
        ),
        sa.CheckConstraint(
            "octet_length(body_sha256) = 32", name=op.f("ck_field_submission_body_sha256")
        ),
        sa.CheckConstraint(
            "jsonb_typeof(announced) = 'array'", name=op.f("ck_field_submission_announced")
        ),
        sa.CheckConstraint("rms_m >= 0 AND rms_m < 100", name=op.f("ck_field_submission_rms_m")),
        sa.ForeignKeyConstraint(
            ["community_id", "corrects_id"],
            ["observation.community_id", "observation.id"],
            name=op.f("fk_field_submission_community_id_corrects_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "follows_id"],
            ["field_submission.community_id", "field_submission.id"],
            name=op.f("fk_field_submission_community_id_follows_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "household_id"],
            ["household.community_id", "household.id"],
            name=op.f("fk_field_submission_community_id_household_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_field_submission_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_field_submission")),
    )
    op.create_index(
        op.f("ix_field_submission_community_id_corrects_id"),
        "field_submission",
        ["community_id", "corrects_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_field_submission_community_id_follows_id"),
        "field_submission",
        ["community_id", "follows_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_field_submission_community_id_received_at"),
        "field_submission",
        ["community_id", "received_at"],
        unique=False,
    )
    op.create_index(
        "ix_field_submission_geom",
        "field_submission",
        ["geom"],
        unique=False,
        postgresql_using="gist",
    )
    op.create_table(
        "field_decision",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column(
            "verdict",
            sa.Enum(
                "accepted",
                "merged",
                "returned",
                "replaced",
                name="fieldverdict",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("decided_by", sa.String(length=254), nullable=False),
        sa.Column(
            "decided_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("observation_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["community_id", "observation_id"],
            ["observation.community_id", "observation.id"],
            name=op.f("fk_field_decision_community_id_observation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "submission_id"],
            ["field_submission.community_id", "field_submission.id"],
            name=op.f("fk_field_decision_community_id_submission_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_field_decision_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_field_decision")),
        sa.UniqueConstraint(
            "community_id",
            "submission_id",
            name=op.f("uq_field_decision_community_id_submission_id"),
        ),
    )
    op.create_index(
        op.f("ix_field_decision_community_id_observation_id"),
        "field_decision",
        ["community_id", "observation_id"],
        unique=False,
    )
    op.create_table(
        "upload",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("photograph_id", sa.Uuid(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "copy",
                "original",
                name="uploadrole",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("told", JSONB(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("octet_length(sha256) = 32", name=op.f("ck_upload_sha256")),
        sa.CheckConstraint("size > 0", name=op.f("ck_upload_size")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_upload_account_id")),
        sa.ForeignKeyConstraint(
            ["community_id", "submission_id"],
            ["field_submission.community_id", "field_submission.id"],
            name=op.f("fk_upload_community_id_submission_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_upload_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_upload")),
        sa.UniqueConstraint(
            "community_id",
            "photograph_id",
            "role",
            name=op.f("uq_upload_community_id_photograph_id_role"),
        ),
    )
    op.create_index(
        op.f("ix_upload_community_id_submission_id"),
        "upload",
        ["community_id", "submission_id"],
        unique=False,
    )
    op.create_table(
        "photograph_original",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("photograph_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("octet_length(sha256) = 32", name=op.f("ck_photograph_original_sha256")),
        sa.ForeignKeyConstraint(
            ["community_id", "photograph_id"],
            ["photograph.community_id", "photograph.id"],
            name=op.f("fk_photograph_original_community_id_photograph_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_photograph_original_community_id")
        ),
        sa.PrimaryKeyConstraint(
            "community_id", "photograph_id", name=op.f("pk_photograph_original")
        ),
    )


def extend_photographs() -> None:
    """Let a photograph belong to a submission, and say what it was made from."""
    op.add_column("photograph", sa.Column("submission_id", sa.Uuid(), nullable=True))
    op.add_column("photograph", sa.Column("original_sha256", sa.LargeBinary(), nullable=True))
    op.create_index(
        op.f("ix_photograph_community_id_submission_id"),
        "photograph",
        ["community_id", "submission_id"],
        unique=False,
    )
    op.create_foreign_key(
        op.f("fk_photograph_community_id_submission_id"),
        "photograph",
        "field_submission",
        ["community_id", "submission_id"],
        ["community_id", "id"],
    )
    op.create_check_constraint(
        op.f("ck_photograph_original_sha256"), "photograph", "octet_length(original_sha256) = 32"
    )


def downgrade() -> None:
    """Remove the tables; their links of the chain stay."""
    op.execute(f"SET LOCAL ROLE {OWNER_ROLE}")
    rechained("photograph", ("id",), PHOTOGRAPH)
    op.drop_constraint("fk_photograph_community_id_submission_id", "photograph")
    op.drop_constraint("ck_photograph_original_sha256", "photograph")
    op.drop_index("ix_photograph_community_id_submission_id", "photograph")
    for column in FROM_THE_FIELD:
        op.drop_column("photograph", column)
    for table in ("upload", "photograph_original", "field_decision", "field_submission"):
        op.drop_table(table)
    for table in KEYS:
        op.execute(f"DROP FUNCTION chain_{table}()")
    op.execute("RESET ROLE")
