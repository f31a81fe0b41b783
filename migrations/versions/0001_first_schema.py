"""The first schema: places, layers, cases, and who may touch them.

Revision: 0001, after nothing.
"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects.postgresql import JSONB

from layers.db import APP_ROLE, OWNER_ROLE
from migrations.rules import append_only, grant, sound, within_scope

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Rows of these belong to one community and are seen only within its scope.
SCOPED = (
    "survey",
    "survey_file",
    "field_mapping",
    "building",
    "household",
    "personal.resident",
    "parcel",
    "parcel_household",
    "parcel_survey",
    "observation",
    "waiting_observation",
    "site",
    "campaign",
    "case_file",
    "encroachment",
    "finding",
    "case_event",
    "area_ledger",
)
APPENDED = ("case_event", "area_ledger")
UNSCOPED = ("region", "account", "membership", "rate_limit")


def upgrade() -> None:
    """Make roles, tables, policies and triggers."""
    superuser_step()
    op.execute(f"SET LOCAL ROLE {OWNER_ROLE}")
    create_tables()
    create_policies()
    protect_history()
    let_observations_wait()
    op.execute(f"GRANT USAGE ON SCHEMA public, personal TO {APP_ROLE}")
    grant((*SCOPED, "community", *UNSCOPED), APPENDED)
    op.execute("RESET ROLE")
    # Alembic made this table as whoever migrates; readiness asks it for the version.
    op.execute(f"GRANT SELECT ON alembic_version TO {APP_ROLE}")


def superuser_step() -> None:
    """Make the extension, both roles and, where allowed, the leakproof mark.

    Without the mark row-level security turns every index scan on a geometry
    into a full scan. Managed servers may refuse it; ``commongreen check`` says so.
    """
    op.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    for role, rights in ((OWNER_ROLE, "NOLOGIN"), (APP_ROLE, "LOGIN")):
        op.execute(
            f"""
            DO $$ BEGIN
                CREATE ROLE {role} {rights} NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$
            """
        )
    # Roles belong to the whole server: another database may be migrated at this moment.
    op.execute(
        f"""
        DO $$ BEGIN
            GRANT {OWNER_ROLE} TO CURRENT_USER;
        EXCEPTION WHEN unique_violation THEN NULL; END $$
        """
    )
    op.execute(f"CREATE SCHEMA IF NOT EXISTS personal AUTHORIZATION {OWNER_ROLE}")
    op.execute(f"GRANT CREATE, USAGE ON SCHEMA public TO {OWNER_ROLE}")
    op.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    op.execute(
        """
        DO $$ BEGIN
            ALTER FUNCTION geometry_overlaps(geometry, geometry) LEAKPROOF;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE NOTICE 'geometry_overlaps could not be marked leakproof';
        END $$
        """
    )


def create_policies() -> None:
    """Let a session see the communities of its scope, and what belongs to them."""
    for table in SCOPED:
        within_scope(table)
    within_scope("community", "id")


def protect_history() -> None:
    """Refuse every change of history."""
    op.execute(
        """
        CREATE FUNCTION history_is_appended() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'the history in % is appended only', TG_TABLE_NAME
                USING ERRCODE = 'insufficient_privilege';
        END $$
        """
    )
    for table in APPENDED:
        append_only(table)


def let_observations_wait() -> None:
    """Let every observation that is new or changed wait for flagging, whoever changes it.

    A residual measures and "nothing here" covers: neither is laid over parcels.
    """
    op.execute(
        """
        CREATE FUNCTION observation_waits() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO waiting_observation (community_id, observation_id)
            SELECT community_id, id FROM changed
            WHERE purpose <> 'residual' AND structure_type <> 'none'
            ON CONFLICT DO NOTHING;
            RETURN NULL;
        END $$
        """
    )
    for event in ("INSERT", "UPDATE"):
        op.execute(
            f"CREATE TRIGGER waits_after_{event.lower()} AFTER {event} ON observation"
            " REFERENCING NEW TABLE AS changed"
            " FOR EACH STATEMENT EXECUTE FUNCTION observation_waits()"
        )


def create_tables() -> None:
    """Make every table with its constraints and indexes."""
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("password", sa.String(length=255), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("fs_uniquifier", sa.String(length=64), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("email", name=op.f("uq_account_email")),
        sa.UniqueConstraint("fs_uniquifier", name=op.f("uq_account_fs_uniquifier")),
    )
    op.create_table(
        "region",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "city",
                "district",
                "street",
                "town",
                name="regionkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["parent_id"], ["region.id"], name=op.f("fk_region_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_region")),
        sa.UniqueConstraint("code", name=op.f("uq_region_code")),
    )
    op.create_index(op.f("ix_region_parent_id"), "region", ["parent_id"], unique=False)
    op.create_table(
        "community",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("region_id", sa.Integer(), nullable=True),
        sa.Column("survey_srid", sa.Integer(), nullable=False),
        sa.Column(
            "time_zone", sa.String(length=64), server_default="Asia/Shanghai", nullable=False
        ),
        sa.Column(
            "boundary",
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
        sa.Column("policy", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(sound("boundary"), name=op.f("ck_community_boundary_sound")),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_community_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_community")),
        sa.UniqueConstraint("code", name=op.f("uq_community_code")),
    )
    op.create_index(
        "ix_community_boundary", "community", ["boundary"], unique=False, postgresql_using="gist"
    )
    op.create_index(op.f("ix_community_region_id"), "community", ["region_id"], unique=False)
    op.create_table(
        "campaign",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("ref", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_campaign_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_campaign")),
        sa.UniqueConstraint("community_id", "ref", name=op.f("uq_campaign_community_id_ref")),
    )
    op.create_table(
        "field_mapping",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("delivers", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("mapping", JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_field_mapping_community_id")
        ),
        sa.PrimaryKeyConstraint(
            "community_id", "delivers", "source", name=op.f("pk_field_mapping")
        ),
    )
    op.create_table(
        "membership",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "resident",
                "lane_housekeeper",
                "inspector",
                "planner",
                "secretary",
                "official",
                "admin",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("region_id", sa.Integer(), nullable=True),
        sa.Column("community_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "region_id IS NULL OR community_id IS NULL", name=op.f("ck_membership_one_place")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_membership_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_membership_community_id")
        ),
        sa.ForeignKeyConstraint(["region_id"], ["region.id"], name=op.f("fk_membership_region_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
    )
    op.create_index(op.f("ix_membership_account_id"), "membership", ["account_id"], unique=False)
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
    )
    # Unlogged: counts of tries may be lost in a crash, and cost no write-ahead log.
    op.create_table(
        "rate_limit",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_rate_limit")),
        prefixes=["UNLOGGED"],
    )
    op.create_index(op.f("ix_rate_limit_expires_at"), "rate_limit", ["expires_at"], unique=False)
    op.create_table(
        "survey",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("delivers", sa.String(length=32), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "register",
                "baseline_survey",
                "verification",
                "residual",
                "patrol",
                name="purpose",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("surveyor", sa.Text(), server_default="", nullable=False),
        sa.Column("surveyed_on", sa.Date(), nullable=False),
        sa.Column("crs", sa.Text(), nullable=False),
        sa.Column("transform", sa.Text(), nullable=False),
        sa.Column("rms_m", sa.Double(), nullable=True),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("file_sha256", sa.String(length=64), nullable=False),
        sa.Column("layer", sa.Text(), server_default="", nullable=False),
        sa.Column("feature_count", sa.Integer(), nullable=False),
        sa.Column(
            "covered",
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
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(sound("covered"), name=op.f("ck_survey_covered_sound")),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_survey_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_survey")),
    )
    op.create_index(
        op.f("ix_survey_community_id_surveyed_on"),
        "survey",
        ["community_id", "surveyed_on"],
        unique=False,
    )
    op.create_table(
        "building",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("ref", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), server_default="", nullable=False),
        sa.Column("floors", sa.Integer(), nullable=True),
        sa.Column("units", sa.Integer(), nullable=True),
        sa.Column("survey_id", sa.Uuid(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.CheckConstraint(sound("geom"), name=op.f("ck_building_geom_sound")),
        sa.CheckConstraint("floors > 0", name=op.f("ck_building_floors")),
        sa.CheckConstraint("units >= 0", name=op.f("ck_building_units")),
        sa.ForeignKeyConstraint(
            ["community_id", "survey_id"],
            ["survey.community_id", "survey.id"],
            name=op.f("fk_building_community_id_survey_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_building_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_building")),
        sa.UniqueConstraint("community_id", "ref", name=op.f("uq_building_community_id_ref")),
    )
    op.create_index(
        op.f("ix_building_community_id_survey_id"),
        "building",
        ["community_id", "survey_id"],
        unique=False,
    )
    op.create_index("ix_building_geom", "building", ["geom"], unique=False, postgresql_using="gist")
    op.create_table(
        "site",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("ref", sa.String(length=64), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "landscaping",
                "charging_pile",
                name="sitekind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "planned",
                "approved",
                "built",
                "removed",
                name="sitestate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=200), server_default="", nullable=False),
        sa.Column("built_on", sa.Date(), nullable=True),
        sa.Column("heads", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("power_w", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column("area_m2", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column("survey_id", sa.Uuid(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.CheckConstraint(
            "state <> 'built' OR built_on IS NOT NULL", name=op.f("ck_site_built_on")
        ),
        sa.CheckConstraint(sound("geom"), name=op.f("ck_site_geom_sound")),
        sa.CheckConstraint("heads >= 0 AND power_w >= 0", name=op.f("ck_site_charging")),
        sa.ForeignKeyConstraint(
            ["community_id", "survey_id"],
            ["survey.community_id", "survey.id"],
            name=op.f("fk_site_community_id_survey_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_site_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_site")),
        sa.UniqueConstraint("community_id", "ref", name=op.f("uq_site_community_id_ref")),
    )
    op.create_index(
        op.f("ix_site_community_id_survey_id"), "site", ["community_id", "survey_id"], unique=False
    )
    op.create_index("ix_site_geom", "site", ["geom"], unique=False, postgresql_using="gist")
    op.create_table(
        "survey_file",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("survey_id", sa.Uuid(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id", "survey_id"],
            ["survey.community_id", "survey.id"],
            name=op.f("fk_survey_file_community_id_survey_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_survey_file_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "survey_id", name=op.f("pk_survey_file")),
    )
    op.create_table(
        "household",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("ref", sa.String(length=64), nullable=False),
        sa.Column("building_id", sa.Uuid(), nullable=True),
        sa.Column("unit", sa.String(length=64), server_default="", nullable=False),
        sa.Column("floor", sa.Integer(), nullable=True),
        sa.Column("room", sa.String(length=64), server_default="", nullable=False),
        sa.Column("ground_floor", sa.Boolean(), nullable=False),
        sa.Column("survey_id", sa.Uuid(), nullable=True),
        sa.Column(
            "geom",
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
        sa.CheckConstraint(sound("geom"), name=op.f("ck_household_geom_sound")),
        sa.ForeignKeyConstraint(
            ["community_id", "building_id"],
            ["building.community_id", "building.id"],
            name=op.f("fk_household_community_id_building_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "survey_id"],
            ["survey.community_id", "survey.id"],
            name=op.f("fk_household_community_id_survey_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_household_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_household")),
        sa.UniqueConstraint("community_id", "ref", name=op.f("uq_household_community_id_ref")),
    )
    op.create_index(
        op.f("ix_household_community_id_building_id"),
        "household",
        ["community_id", "building_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_household_community_id_survey_id"),
        "household",
        ["community_id", "survey_id"],
        unique=False,
    )
    op.create_index(
        "ix_household_geom", "household", ["geom"], unique=False, postgresql_using="gist"
    )
    op.create_table(
        "parcel",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("ref", sa.String(length=64), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "public_green",
                "private_yard",
                "path",
                "parking",
                "other",
                name="parcelkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "title_basis",
            sa.Enum(
                "owner_common",
                "municipal",
                "individual",
                "unknown",
                name="titlebasis",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("title_evidence", sa.Text(), server_default="", nullable=False),
        sa.Column("title_disputed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("rms_m", sa.Double(), nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("building_id", sa.Uuid(), nullable=True),
        sa.Column("survey_id", sa.Uuid(), nullable=True),
        sa.Column("area_m2", sa.Double(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.CheckConstraint("area_m2 > 0 AND area_m2 < 'Infinity'", name=op.f("ck_parcel_area_m2")),
        sa.CheckConstraint(sound("geom"), name=op.f("ck_parcel_geom_sound")),
        sa.CheckConstraint("rms_m >= 0 AND rms_m < 100", name=op.f("ck_parcel_rms_m")),
        sa.ForeignKeyConstraint(
            ["community_id", "building_id"],
            ["building.community_id", "building.id"],
            name=op.f("fk_parcel_community_id_building_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "survey_id"],
            ["survey.community_id", "survey.id"],
            name=op.f("fk_parcel_community_id_survey_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_parcel_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_parcel")),
        sa.UniqueConstraint("community_id", "ref", name=op.f("uq_parcel_community_id_ref")),
    )
    op.create_index(
        op.f("ix_parcel_community_id_building_id"),
        "parcel",
        ["community_id", "building_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_parcel_community_id_survey_id"),
        "parcel",
        ["community_id", "survey_id"],
        unique=False,
    )
    op.create_index("ix_parcel_geom", "parcel", ["geom"], unique=False, postgresql_using="gist")
    op.create_table(
        "case_file",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "suspected",
                "verified",
                "rejected",
                "announced",
                "visited",
                "signed",
                "declined",
                "self_clearing",
                "assisted",
                "referred",
                "inspected",
                "accepted",
                "monitoring",
                "closed",
                "rebound",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("state_since", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id", "campaign_id"],
            ["campaign.community_id", "campaign.id"],
            name=op.f("fk_case_file_community_id_campaign_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "household_id"],
            ["household.community_id", "household.id"],
            name=op.f("fk_case_file_community_id_household_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_case_file_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_case_file")),
        sa.UniqueConstraint(
            "community_id",
            "campaign_id",
            "household_id",
            name=op.f("uq_case_file_community_id_campaign_id_household_id"),
        ),
        sa.UniqueConstraint(
            "community_id",
            "campaign_id",
            "number",
            name=op.f("uq_case_file_community_id_campaign_id_number"),
        ),
    )
    op.create_index(
        op.f("ix_case_file_community_id_household_id"),
        "case_file",
        ["community_id", "household_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_case_file_community_id_state"),
        "case_file",
        ["community_id", "state"],
        unique=False,
    )
    op.create_table(
        "observation",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("ref", sa.String(length=64), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "register",
                "baseline_survey",
                "verification",
                "residual",
                "patrol",
                name="purpose",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "structure_type",
            sa.Enum(
                "fence",
                "hedge",
                "paving",
                "shed",
                "planting",
                "glasshouse",
                "other",
                "none",
                name="structuretype",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("occupier_id", sa.Uuid(), nullable=True),
        sa.Column("observed_on", sa.Date(), nullable=False),
        sa.Column("rms_m", sa.Double(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "superseded",
                "withdrawn",
                name="observationstatus",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="open",
            nullable=False,
        ),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.Column("survey_id", sa.Uuid(), nullable=True),
        sa.Column("area_m2", sa.Double(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.CheckConstraint(sound("geom"), name=op.f("ck_observation_geom_sound")),
        sa.CheckConstraint("rms_m >= 0 AND rms_m < 100", name=op.f("ck_observation_rms_m")),
        sa.ForeignKeyConstraint(
            ["community_id", "occupier_id"],
            ["household.community_id", "household.id"],
            name=op.f("fk_observation_community_id_occupier_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "replaces_id"],
            ["observation.community_id", "observation.id"],
            name=op.f("fk_observation_community_id_replaces_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "survey_id"],
            ["survey.community_id", "survey.id"],
            name=op.f("fk_observation_community_id_survey_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_observation_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_observation")),
    )
    op.create_index(
        op.f("ix_observation_community_id_survey_id"),
        "observation",
        ["community_id", "survey_id"],
        unique=False,
    )
    op.create_index(
        "ix_observation_geom", "observation", ["geom"], unique=False, postgresql_using="gist"
    )
    op.create_index(
        "uq_observation_open_ref",
        "observation",
        ["community_id", "ref"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "waiting_observation",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("observation_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id", "observation_id"],
            ["observation.community_id", "observation.id"],
            name=op.f("fk_waiting_observation_community_id_observation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_waiting_observation_community_id")
        ),
        sa.PrimaryKeyConstraint(
            "community_id", "observation_id", name=op.f("pk_waiting_observation")
        ),
    )
    op.create_table(
        "parcel_household",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("parcel_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "adjoining",
                "assigned",
                "user",
                name="linkrole",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="adjoining",
            nullable=False,
        ),
        sa.Column("share", sa.Double(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "method",
            sa.Enum(
                "attribute",
                "spatial",
                "csv",
                "person",
                name="linkmethod",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("distance_m", sa.Double(), nullable=True),
        sa.Column("runner_up_id", sa.Uuid(), nullable=True),
        sa.Column("runner_up_distance_m", sa.Double(), nullable=True),
        sa.CheckConstraint("share > 0 AND share <= 1", name=op.f("ck_parcel_household_share")),
        sa.ForeignKeyConstraint(
            ["community_id", "household_id"],
            ["household.community_id", "household.id"],
            name=op.f("fk_parcel_household_community_id_household_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "parcel_id"],
            ["parcel.community_id", "parcel.id"],
            name=op.f("fk_parcel_household_community_id_parcel_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_parcel_household_community_id")
        ),
        sa.PrimaryKeyConstraint(
            "community_id", "parcel_id", "household_id", name=op.f("pk_parcel_household")
        ),
    )
    op.create_index(
        op.f("ix_parcel_household_community_id_household_id"),
        "parcel_household",
        ["community_id", "household_id"],
        unique=False,
    )
    op.create_table(
        "parcel_survey",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("parcel_id", sa.Uuid(), nullable=False),
        sa.Column("survey_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id", "parcel_id"],
            ["parcel.community_id", "parcel.id"],
            name=op.f("fk_parcel_survey_community_id_parcel_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "survey_id"],
            ["survey.community_id", "survey.id"],
            name=op.f("fk_parcel_survey_community_id_survey_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_parcel_survey_community_id")
        ),
        sa.PrimaryKeyConstraint(
            "community_id", "parcel_id", "survey_id", name=op.f("pk_parcel_survey")
        ),
    )
    op.create_index(
        op.f("ix_parcel_survey_community_id_day"),
        "parcel_survey",
        ["community_id", "day"],
        unique=False,
    )
    op.create_index(
        op.f("ix_parcel_survey_community_id_survey_id"),
        "parcel_survey",
        ["community_id", "survey_id"],
        unique=False,
    )
    op.create_table(
        "resident",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("phone", sa.String(length=40), server_default="", nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id", "household_id"],
            ["household.community_id", "household.id"],
            name=op.f("fk_resident_community_id_household_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_resident_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_resident")),
        schema="personal",
    )
    op.create_index(
        op.f("ix_resident_community_id_household_id"),
        "resident",
        ["community_id", "household_id"],
        unique=False,
        schema="personal",
    )
    op.create_table(
        "case_event",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("actor", sa.String(length=254), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "suspected",
                "verified",
                "rejected",
                "announced",
                "visited",
                "signed",
                "declined",
                "self_clearing",
                "assisted",
                "referred",
                "inspected",
                "accepted",
                "monitoring",
                "closed",
                "rebound",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("document", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("observation_id", sa.Uuid(), nullable=True),
        sa.Column("data", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id", "case_id"],
            ["case_file.community_id", "case_file.id"],
            name=op.f("fk_case_event_community_id_case_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "observation_id"],
            ["observation.community_id", "observation.id"],
            name=op.f("fk_case_event_community_id_observation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_case_event_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "seq", name=op.f("pk_case_event")),
    )
    op.create_index(
        op.f("ix_case_event_community_id_case_id_day_seq"),
        "case_event",
        ["community_id", "case_id", "day", "seq"],
        unique=False,
        postgresql_include=["state"],
    )
    op.create_index(
        op.f("ix_case_event_community_id_day"), "case_event", ["community_id", "day"], unique=False
    )
    op.create_table(
        "encroachment",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("observation_id", sa.Uuid(), nullable=False),
        sa.Column("parcel_id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column(
            "answer_basis",
            sa.Enum(
                "occupier",
                "parcel_link",
                "person",
                "undecided",
                name="answerbasis",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("occupied_m2", sa.Double(), nullable=False),
        sa.Column("countable_m2", sa.Double(), nullable=False),
        sa.Column("sigma_m2", sa.Double(), nullable=False),
        sa.Column("found_on", sa.Date(), nullable=False),
        sa.Column("verified_on", sa.Date(), nullable=True),
        sa.Column("cleared_on", sa.Date(), nullable=True),
        sa.Column("superseded_on", sa.Date(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.Column(
            "standing",
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
        sa.CheckConstraint(
            "(household_id IS NULL) = (answer_basis = 'undecided')",
            name=op.f("ck_encroachment_answer_basis"),
        ),
        sa.CheckConstraint(sound("geom"), name=op.f("ck_encroachment_geom_sound")),
        sa.CheckConstraint(
            "occupied_m2 > 0 AND countable_m2 >= 0", name=op.f("ck_encroachment_areas")
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "case_id"],
            ["case_file.community_id", "case_file.id"],
            name=op.f("fk_encroachment_community_id_case_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "household_id"],
            ["household.community_id", "household.id"],
            name=op.f("fk_encroachment_community_id_household_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "observation_id"],
            ["observation.community_id", "observation.id"],
            name=op.f("fk_encroachment_community_id_observation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "parcel_id"],
            ["parcel.community_id", "parcel.id"],
            name=op.f("fk_encroachment_community_id_parcel_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_encroachment_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_encroachment")),
    )
    op.create_index(
        op.f("ix_encroachment_community_id_case_id"),
        "encroachment",
        ["community_id", "case_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_encroachment_community_id_household_id"),
        "encroachment",
        ["community_id", "household_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_encroachment_community_id_parcel_id"),
        "encroachment",
        ["community_id", "parcel_id"],
        unique=False,
    )
    op.create_index(
        "ix_encroachment_geom", "encroachment", ["geom"], unique=False, postgresql_using="gist"
    )
    op.create_index(
        "uq_encroachment_current",
        "encroachment",
        ["community_id", "observation_id", "parcel_id"],
        unique=True,
        postgresql_where=sa.text("superseded_on IS NULL"),
    )
    op.create_table(
        "finding",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("observation_id", sa.Uuid(), nullable=False),
        sa.Column("parcel_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "sliver",
                "unknown_title",
                name="findingkind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("area_m2", sa.Double(), nullable=False),
        sa.Column("width_m", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.CheckConstraint(sound("geom"), name=op.f("ck_finding_geom_sound")),
        sa.ForeignKeyConstraint(
            ["community_id", "observation_id"],
            ["observation.community_id", "observation.id"],
            name=op.f("fk_finding_community_id_observation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "parcel_id"],
            ["parcel.community_id", "parcel.id"],
            name=op.f("fk_finding_community_id_parcel_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_finding_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_finding")),
    )
    op.create_index(
        op.f("ix_finding_community_id_observation_id"),
        "finding",
        ["community_id", "observation_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_finding_community_id_parcel_id"),
        "finding",
        ["community_id", "parcel_id"],
        unique=False,
    )
    op.create_index("ix_finding_geom", "finding", ["geom"], unique=False, postgresql_using="gist")
    op.create_table(
        "area_ledger",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "kind",
            sa.Enum(
                "suspected",
                "encroached",
                "declared",
                "reclaimed",
                "rebound",
                name="entrykind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("encroachment_id", sa.Uuid(), nullable=False),
        sa.Column("observation_id", sa.Uuid(), nullable=True),
        sa.Column("area_m2", sa.Double(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.CheckConstraint(
            "area_m2 > '-Infinity' AND area_m2 < 'Infinity'", name=op.f("ck_area_ledger_area_m2")
        ),
        sa.CheckConstraint(sound("geom"), name=op.f("ck_area_ledger_geom_sound")),
        sa.ForeignKeyConstraint(
            ["community_id", "case_id"],
            ["case_file.community_id", "case_file.id"],
            name=op.f("fk_area_ledger_community_id_case_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "observation_id"],
            ["observation.community_id", "observation.id"],
            name=op.f("fk_area_ledger_community_id_observation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "encroachment_id"],
            ["encroachment.community_id", "encroachment.id"],
            name=op.f("fk_area_ledger_community_id_encroachment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_area_ledger_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "seq", name=op.f("pk_area_ledger")),
    )
    op.create_index(
        op.f("ix_area_ledger_community_id_case_id"),
        "area_ledger",
        ["community_id", "case_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_area_ledger_community_id_observation_id"),
        "area_ledger",
        ["community_id", "observation_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_area_ledger_community_id_encroachment_id"),
        "area_ledger",
        ["community_id", "encroachment_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_area_ledger_community_id_kind_day"),
        "area_ledger",
        ["community_id", "kind", "day"],
        unique=False,
    )


def downgrade() -> None:
    """Drop everything but the roles, which other databases of the server may use."""
    op.execute("DROP SCHEMA personal CASCADE")
    for table in reversed((*UNSCOPED, "community", *SCOPED)):
        if "." not in table:
            op.execute(f"DROP TABLE {table} CASCADE")
    op.execute("DROP FUNCTION history_is_appended()")
