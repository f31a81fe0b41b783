"""Campaigns and who carries them: bodies, meetings, announcements, papers, lanes."""

import datetime as dt
import enum
import uuid
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from cases.workflow import Document
from layers.models import (
    Base,
    Code,
    InCommunity,
    Name,
    Note,
    Now,
    belongs,
    words,
)


class OrderOfWork(enum.StrEnum):
    """In which order a campaign takes its cases (DOMAIN, product rule 15)."""

    EASY_FIRST = "easy_first"
    DIFFICULT_FIRST = "difficult_first"


class BodyKind(enum.StrEnum):
    """Who takes part in a campaign: the "1+3+X" of the story."""

    PARTY_BRANCH = "party_branch"
    RESIDENTS_COMMITTEE = "residents_committee"
    OWNERS_COMMITTEE = "owners_committee"
    PROPERTY_COMPANY = "property_company"
    PROPERTY_OFFICE = "property_office"
    LANE_HOUSEKEEPER = "lane_housekeeper"
    BUILDING_HEAD = "building_head"
    VOLUNTEER = "volunteer"
    REMEDIAL_TEAM = "remedial_team"
    OTHER = "other"


class Channel(enum.StrEnum):
    """Where an announcement was posted."""

    NOTICE_BOARD = "notice_board"
    DOOR = "door"
    CHAT_GROUP = "chat_group"
    LOUDSPEAKER = "loudspeaker"
    OTHER = "other"


class Campaign(InCommunity, Base):
    """One effort to take the green space back; cases belong to it."""

    __tablename__ = "campaign"
    __table_args__ = (UniqueConstraint("community_id", "ref"),)

    ref: Mapped[Code]
    name: Mapped[Name]
    started_on: Mapped[dt.date]
    ended_on: Mapped[dt.date | None]
    outcome: Mapped[Note]
    order_of_work: Mapped[OrderOfWork] = mapped_column(
        words(OrderOfWork), server_default="easy_first"
    )


class Body(InCommunity, Base):
    """One of the bodies that carry a community's campaigns."""

    __tablename__ = "body"
    __table_args__ = (UniqueConstraint("community_id", "ref"),)

    ref: Mapped[Code]
    kind: Mapped[BodyKind] = mapped_column(words(BodyKind))
    name: Mapped[Name]


class Meeting(InCommunity, Base):
    """A joint meeting of the bodies, numbered within its campaign."""

    __tablename__ = "meeting"
    __table_args__ = (
        *belongs("campaign_id", "campaign", index=False),
        UniqueConstraint("community_id", "campaign_id", "number"),
    )

    campaign_id: Mapped[uuid.UUID]
    number: Mapped[int]
    held_on: Mapped[dt.date]
    place: Mapped[Note]
    agenda: Mapped[Note]
    minutes: Mapped[Note]
    recorded_by: Mapped[str] = mapped_column(String(254))
    recorded_at: Mapped[Now]


class Attendance(Base):
    """How many people of a body took part in a meeting."""

    __tablename__ = "attendance"
    __table_args__ = (
        *belongs("meeting_id", "meeting", index=False),
        *belongs("body_id", "body"),
        CheckConstraint("people > 0", name="people"),
    )

    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"), primary_key=True)
    meeting_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    body_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    people: Mapped[int]


class Resolution(InCommunity, Base):
    """What a meeting resolved, and by how many votes."""

    __tablename__ = "resolution"
    __table_args__ = (
        *belongs("meeting_id", "meeting", index=False),
        UniqueConstraint("community_id", "meeting_id", "number"),
        CheckConstraint(
            "votes_for >= 0 AND votes_against >= 0 AND votes_abstained >= 0", name="votes"
        ),
    )

    meeting_id: Mapped[uuid.UUID]
    number: Mapped[int]
    wording: Mapped[str]
    votes_for: Mapped[int]
    votes_against: Mapped[int] = mapped_column(server_default=text("0"))
    votes_abstained: Mapped[int] = mapped_column(server_default=text("0"))


class DocumentRecord(InCommunity, Base):
    """A paper as it was issued, numbered per community and year without gaps.

    A correction is the same number in a higher version. ``data`` is all that the
    paper says, so that it can be made again.
    """

    __tablename__ = "document"
    __table_args__ = (
        *belongs("campaign_id", "campaign"),
        *belongs("case_id", "case_file"),
        UniqueConstraint("community_id", "year", "number", "version"),
        CheckConstraint("number > 0 AND version > 0", name="number"),
        # One paper of a meeting, a visit or an objection; its corrections share the number.
        Index(
            "uq_document_subject",
            "community_id",
            "kind",
            text("(data ->> 'subject')"),
            unique=True,
            postgresql_where=text("version = 1"),
        ),
    )

    kind: Mapped[Document] = mapped_column(words(Document))
    year: Mapped[int]
    number: Mapped[int]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    campaign_id: Mapped[uuid.UUID | None]
    case_id: Mapped[uuid.UUID | None]
    title: Mapped[Name]
    issued_on: Mapped[dt.date]
    issued_by: Mapped[str] = mapped_column(String(254))
    recorded_at: Mapped[Now]
    data: Mapped[dict[str, Any]]


class DocumentFile(Base):
    """A document as a file in one language, with the SHA-256 of its bytes."""

    __tablename__ = "document_file"
    __table_args__ = (
        *belongs("document_id", "document", index=False),
        CheckConstraint("format IN ('docx', 'pdf')", name="format"),
        CheckConstraint("octet_length(sha256) = 32", name="sha256"),
    )

    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"), primary_key=True)
    document_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(String(16), primary_key=True)
    format: Mapped[str] = mapped_column(String(8), primary_key=True)
    sha256: Mapped[bytes]
    content: Mapped[bytes]


class Announcement(InCommunity, Base):
    """What a campaign announced, with the deadline and the way to object."""

    __tablename__ = "announcement"
    __table_args__ = (
        *belongs("campaign_id", "campaign"),
        *belongs("issuer_id", "body", index=False),
        *belongs("document_id", "document", index=False),
        CheckConstraint("deadline_on > issued_on", name="deadline"),
    )

    campaign_id: Mapped[uuid.UUID]
    issuer_id: Mapped[uuid.UUID]
    document_id: Mapped[uuid.UUID]
    issued_on: Mapped[dt.date]
    deadline_on: Mapped[dt.date]
    standard_version: Mapped[Code]
    objection_route: Mapped[str]
    wording: Mapped[str]


class Posting(InCommunity, Base):
    """One place where an announcement was posted, with its proof."""

    __tablename__ = "posting"
    __table_args__ = (
        *belongs("announcement_id", "announcement"),
        *belongs("photograph_id", "photograph", index=False),
    )

    announcement_id: Mapped[uuid.UUID]
    channel: Mapped[Channel] = mapped_column(words(Channel))
    place: Mapped[Note]
    posted_on: Mapped[dt.date]
    proof: Mapped[Note]
    photograph_id: Mapped[uuid.UUID | None]
    recorded_by: Mapped[str] = mapped_column(String(254))


class Lane(InCommunity, Base):
    """Some buildings that one housekeeper looks after."""

    __tablename__ = "lane"
    __table_args__ = (UniqueConstraint("community_id", "ref"),)

    ref: Mapped[Code]
    name: Mapped[Name]
    housekeeper_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))


class LaneBuilding(Base):
    """A building of a lane; it lies in one lane alone."""

    __tablename__ = "lane_building"
    __table_args__ = (
        *belongs("building_id", "building", index=False),
        *belongs("lane_id", "lane"),
    )

    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"), primary_key=True)
    building_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    lane_id: Mapped[uuid.UUID]
