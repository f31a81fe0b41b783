"""Campaigns at work: bodies, meetings, papers, visits, lanes, objections, patrols, evidence.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects.postgresql import JSONB

from layers.db import OWNER_ROLE
from migrations.rules import append_only, grant, sound, within_scope

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

APPENDED = ("visit", "document", "document_file")
SCOPED = (
    "body",
    "meeting",
    "attendance",
    "resolution",
    "announcement",
    "posting",
    "lane",
    "lane_building",
    "objection",
    "declaration_link",
    "patrol",
    "personal.tip",
    "photograph",
    *APPENDED,
)


def upgrade() -> None:
    """Make the tables, and let the application see the rows of its scope."""
    op.execute(f"SET LOCAL ROLE {OWNER_ROLE}")
    create_tables()
    extend_tables()
    for table in SCOPED:
        within_scope(table)
    for table in APPENDED:
        append_only(table)
    grant(SCOPED, APPENDED)
    op.execute("RESET ROLE")


def create_tables() -> None:
    """Make the tables of the models."""
    op.create_table(
        "body",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("ref", sa.String(length=64), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "party_branch",
                "residents_committee",
                "owners_committee",
                "property_company",
                "property_office",
                "lane_housekeeper",
                "building_head",
                "volunteer",
                "remedial_team",
                "other",
                name="bodykind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_body_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_body")),
        sa.UniqueConstraint("community_id", "ref", name=op.f("uq_body_community_id_ref")),
    )
    op.create_table(
        "lane",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("ref", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("housekeeper_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_lane_community_id")
        ),
        sa.ForeignKeyConstraint(
            ["housekeeper_id"], ["account.id"], name=op.f("fk_lane_housekeeper_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_lane")),
        sa.UniqueConstraint("community_id", "ref", name=op.f("uq_lane_community_id_ref")),
    )
    op.create_table(
        "meeting",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("place", sa.Text(), server_default="", nullable=False),
        sa.Column("agenda", sa.Text(), server_default="", nullable=False),
        sa.Column("minutes", sa.Text(), server_default="", nullable=False),
        sa.Column("recorded_by", sa.String(length=254), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "campaign_id"],
            ["campaign.community_id", "campaign.id"],
            name=op.f("fk_meeting_community_id_campaign_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_meeting_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_meeting")),
        sa.UniqueConstraint(
            "community_id",
            "campaign_id",
            "number",
            name=op.f("uq_meeting_community_id_campaign_id_number"),
        ),
    )
    op.create_table(
        "attendance",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("body_id", sa.Uuid(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.CheckConstraint("people > 0", name=op.f("ck_attendance_people")),
        sa.ForeignKeyConstraint(
            ["community_id", "body_id"],
            ["body.community_id", "body.id"],
            name=op.f("fk_attendance_community_id_body_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "meeting_id"],
            ["meeting.community_id", "meeting.id"],
            name=op.f("fk_attendance_community_id_meeting_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_attendance_community_id")
        ),
        sa.PrimaryKeyConstraint(
            "community_id", "meeting_id", "body_id", name=op.f("pk_attendance")
        ),
    )
    op.create_index(
        op.f("ix_attendance_community_id_body_id"),
        "attendance",
        ["community_id", "body_id"],
        unique=False,
    )
    op.create_table(
        "lane_building",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("building_id", sa.Uuid(), nullable=False),
        sa.Column("lane_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id", "building_id"],
            ["building.community_id", "building.id"],
            name=op.f("fk_lane_building_community_id_building_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "lane_id"],
            ["lane.community_id", "lane.id"],
            name=op.f("fk_lane_building_community_id_lane_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_lane_building_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "building_id", name=op.f("pk_lane_building")),
    )
    op.create_index(
        op.f("ix_lane_building_community_id_lane_id"),
        "lane_building",
        ["community_id", "lane_id"],
        unique=False,
    )
    op.create_table(
        "resolution",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("meeting_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("votes_for", sa.Integer(), nullable=False),
        sa.Column("votes_against", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("votes_abstained", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "votes_for >= 0 AND votes_against >= 0 AND votes_abstained >= 0",
            name=op.f("ck_resolution_votes"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "meeting_id"],
            ["meeting.community_id", "meeting.id"],
            name=op.f("fk_resolution_community_id_meeting_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_resolution_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_resolution")),
        sa.UniqueConstraint(
            "community_id",
            "meeting_id",
            "number",
            name=op.f("uq_resolution_community_id_meeting_id_number"),
        ),
    )
    op.create_table(
        "tip",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("parcel_id", sa.Uuid(), nullable=True),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "received",
                "confirmed",
                "dismissed",
                name="tipstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="received",
            nullable=False,
        ),
        sa.Column("checked_on", sa.Date(), nullable=True),
        sa.Column("checked_by", sa.String(length=254), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "(state = 'received') = (checked_on IS NULL)", name=op.f("ck_tip_checked")
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "parcel_id"],
            ["parcel.community_id", "parcel.id"],
            name=op.f("fk_tip_community_id_parcel_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_tip_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_tip")),
        schema="personal",
    )
    op.create_index(
        op.f("ix_tip_community_id_parcel_id"),
        "tip",
        ["community_id", "parcel_id"],
        unique=False,
        schema="personal",
    )
    op.create_table(
        "declaration_link",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("token_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_by", sa.String(length=254), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "octet_length(token_sha256) = 32", name=op.f("ck_declaration_link_token")
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "case_id"],
            ["case_file.community_id", "case_file.id"],
            name=op.f("fk_declaration_link_community_id_case_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_declaration_link_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_declaration_link")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_declaration_link_token_sha256")),
    )
    op.create_index(
        op.f("ix_declaration_link_community_id_case_id"),
        "declaration_link",
        ["community_id", "case_id"],
        unique=False,
    )
    op.create_table(
        "document",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "survey_sheet",
                "minutes",
                "announcement",
                "visit_record",
                "credit_contract",
                "deadline_notice",
                "assistance_consent",
                "objection_decision",
                "referral",
                "acceptance_form",
                name="document",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("issued_by", sa.String(length=254), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("data", JSONB(), nullable=False),
        sa.CheckConstraint("number > 0 AND version > 0", name=op.f("ck_document_number")),
        sa.ForeignKeyConstraint(
            ["community_id", "campaign_id"],
            ["campaign.community_id", "campaign.id"],
            name=op.f("fk_document_community_id_campaign_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "case_id"],
            ["case_file.community_id", "case_file.id"],
            name=op.f("fk_document_community_id_case_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_document_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_document")),
        sa.UniqueConstraint(
            "community_id",
            "year",
            "number",
            "version",
            name=op.f("uq_document_community_id_year_number_version"),
        ),
    )
    op.create_index(
        op.f("ix_document_community_id_campaign_id"),
        "document",
        ["community_id", "campaign_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_document_community_id_case_id"),
        "document",
        ["community_id", "case_id"],
        unique=False,
    )
    op.create_table(
        "objection",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("lodged_on", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.String(length=254), nullable=False),
        sa.Column("grounds", sa.Text(), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=True),
        sa.Column("decided_by", sa.String(length=254), nullable=True),
        sa.Column("upheld", sa.Boolean(), nullable=True),
        sa.Column("decision", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "(decided_on IS NULL) = (upheld IS NULL)", name=op.f("ck_objection_decision")
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "case_id"],
            ["case_file.community_id", "case_file.id"],
            name=op.f("fk_objection_community_id_case_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_objection_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_objection")),
    )
    op.create_index(
        op.f("ix_objection_community_id_case_id"),
        "objection",
        ["community_id", "case_id"],
        unique=False,
    )
    op.create_index(
        "uq_objection_open",
        "objection",
        ["community_id", "case_id"],
        unique=True,
        postgresql_where=sa.text("decided_on IS NULL"),
    )
    op.create_table(
        "patrol",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("accepted_on", sa.Date(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("actor", sa.String(length=254), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "clear",
                "rebound",
                name="patroloutcome",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("observation_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("(done_on IS NULL) = (outcome IS NULL)", name=op.f("ck_patrol_outcome")),
        sa.ForeignKeyConstraint(
            ["community_id", "case_id"],
            ["case_file.community_id", "case_file.id"],
            name=op.f("fk_patrol_community_id_case_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "observation_id"],
            ["observation.community_id", "observation.id"],
            name=op.f("fk_patrol_community_id_observation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_patrol_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_patrol")),
        sa.UniqueConstraint(
            "community_id",
            "case_id",
            "accepted_on",
            "days",
            name=op.f("uq_patrol_community_id_case_id_accepted_on_days"),
        ),
    )
    op.create_index(
        op.f("ix_patrol_community_id_due_on"), "patrol", ["community_id", "due_on"], unique=False
    )
    op.create_table(
        "photograph",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("observation_id", sa.Uuid(), nullable=True),
        sa.Column(
            "subject",
            sa.Enum(
                "before",
                "after",
                "posting",
                "other",
                name="photographsubject",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("bearing", sa.Double(), nullable=True),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("recorded_by", sa.String(length=254), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
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
        sa.CheckConstraint(sound("geom"), name=op.f("ck_photograph_geom_sound")),
        sa.CheckConstraint(
            "accuracy_m >= 0 AND accuracy_m < 100000", name=op.f("ck_photograph_accuracy_m")
        ),
        sa.CheckConstraint("bearing >= 0 AND bearing < 360", name=op.f("ck_photograph_bearing")),
        sa.CheckConstraint("octet_length(sha256) = 32", name=op.f("ck_photograph_sha256")),
        sa.ForeignKeyConstraint(
            ["community_id", "case_id"],
            ["case_file.community_id", "case_file.id"],
            name=op.f("fk_photograph_community_id_case_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "observation_id"],
            ["observation.community_id", "observation.id"],
            name=op.f("fk_photograph_community_id_observation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_photograph_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_photograph")),
    )
    op.create_index(
        op.f("ix_photograph_community_id_case_id"),
        "photograph",
        ["community_id", "case_id"],
        unique=False,
    )
    op.create_table(
        "visit",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("visited_on", sa.Date(), nullable=False),
        sa.Column("actor", sa.String(length=254), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "not_home",
                "undecided",
                "will_clear",
                "signed",
                "declined",
                name="visitoutcome",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("next_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "case_id"],
            ["case_file.community_id", "case_file.id"],
            name=op.f("fk_visit_community_id_case_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_visit_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_visit")),
    )
    op.create_index(
        op.f("ix_visit_community_id_case_id"), "visit", ["community_id", "case_id"], unique=False
    )
    op.create_table(
        "announcement",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("issuer_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("deadline_on", sa.Date(), nullable=False),
        sa.Column("standard_version", sa.String(length=64), nullable=False),
        sa.Column("objection_route", sa.Text(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.CheckConstraint("deadline_on > issued_on", name=op.f("ck_announcement_deadline")),
        sa.ForeignKeyConstraint(
            ["community_id", "campaign_id"],
            ["campaign.community_id", "campaign.id"],
            name=op.f("fk_announcement_community_id_campaign_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "document_id"],
            ["document.community_id", "document.id"],
            name=op.f("fk_announcement_community_id_document_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "issuer_id"],
            ["body.community_id", "body.id"],
            name=op.f("fk_announcement_community_id_issuer_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_announcement_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_announcement")),
    )
    op.create_index(
        op.f("ix_announcement_community_id_campaign_id"),
        "announcement",
        ["community_id", "campaign_id"],
        unique=False,
    )
    op.create_table(
        "document_file",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("format", sa.String(length=8), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("format IN ('docx', 'pdf')", name=op.f("ck_document_file_format")),
        sa.CheckConstraint("octet_length(sha256) = 32", name=op.f("ck_document_file_sha256")),
        sa.ForeignKeyConstraint(
            ["community_id", "document_id"],
            ["document.community_id", "document.id"],
            name=op.f("fk_document_file_community_id_document_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_document_file_community_id")
        ),
        sa.PrimaryKeyConstraint(
            "community_id", "document_id", "language", "format", name=op.f("pk_document_file")
        ),
    )
    op.create_table(
        "posting",
        sa.Column("community_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("announcement_id", sa.Uuid(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "notice_board",
                "door",
                "chat_group",
                "loudspeaker",
                "other",
                name="channel",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("place", sa.Text(), server_default="", nullable=False),
        sa.Column("posted_on", sa.Date(), nullable=False),
        sa.Column("proof", sa.Text(), server_default="", nullable=False),
        sa.Column("photograph_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_by", sa.String(length=254), nullable=False),
        sa.ForeignKeyConstraint(
            ["community_id", "announcement_id"],
            ["announcement.community_id", "announcement.id"],
            name=op.f("fk_posting_community_id_announcement_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id", "photograph_id"],
            ["photograph.community_id", "photograph.id"],
            name=op.f("fk_posting_community_id_photograph_id"),
        ),
        sa.ForeignKeyConstraint(
            ["community_id"], ["community.id"], name=op.f("fk_posting_community_id")
        ),
        sa.PrimaryKeyConstraint("community_id", "id", name=op.f("pk_posting")),
    )
    op.create_index(
        op.f("ix_posting_community_id_announcement_id"),
        "posting",
        ["community_id", "announcement_id"],
        unique=False,
    )


def extend_tables() -> None:
    """Add who works on a case and by when."""
    op.add_column(
        "campaign",
        sa.Column(
            "order_of_work",
            sa.Enum(
                "easy_first",
                "difficult_first",
                name="orderofwork",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="easy_first",
            nullable=False,
        ),
    )
    op.add_column("case_file", sa.Column("housekeeper_id", sa.Integer(), nullable=True))
    op.add_column("case_file", sa.Column("inspector_id", sa.Integer(), nullable=True))
    op.add_column("case_file", sa.Column("deadline_on", sa.Date(), nullable=True))
    op.add_column("case_file", sa.Column("suspended_on", sa.Date(), nullable=True))
    op.add_column("case_file", sa.Column("difficulty", sa.Integer(), nullable=True))
    op.add_column(
        "case_file", sa.Column("difficulty_reason", sa.Text(), server_default="", nullable=False)
    )
    op.add_column(
        "case_file",
        sa.Column("is_remedial", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_index(
        op.f("ix_case_file_community_id_housekeeper_id"),
        "case_file",
        ["community_id", "housekeeper_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_case_file_community_id_inspector_id"),
        "case_file",
        ["community_id", "inspector_id"],
        unique=False,
    )
    op.create_foreign_key(
        op.f("fk_case_file_housekeeper_id"), "case_file", "account", ["housekeeper_id"], ["id"]
    )
    op.create_foreign_key(
        op.f("fk_case_file_inspector_id"), "case_file", "account", ["inspector_id"], ["id"]
    )
    op.add_column(
        "community", sa.Column("calendar", sa.String(length=8), server_default="CN", nullable=False)
    )
    op.create_check_constraint("difficulty", "case_file", "difficulty BETWEEN 1 AND 5")


def downgrade() -> None:
    """Take it all away."""
    op.execute(f"SET LOCAL ROLE {OWNER_ROLE}")
    for column in ("housekeeper_id", "inspector_id", "deadline_on", "suspended_on"):
        op.drop_column("case_file", column)
    for column in ("difficulty", "difficulty_reason", "is_remedial"):
        op.drop_column("case_file", column)
    op.drop_column("campaign", "order_of_work")
    op.drop_column("community", "calendar")
    for table in SCOPED:
        op.execute(f"DROP TABLE {table} CASCADE")
    op.execute("RESET ROLE")
