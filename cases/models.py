"""What people do about encroachments: campaigns, cases, their events and areas.

Events, the area ledger, visits, papers, meetings, announcements, patrols and photographs
are appended only; the database refuses the rest. ``case.state`` and
``encroachment.standing`` are projections of them, written in the same transaction
under a lock on the case.
"""

import datetime as dt
import enum
import uuid
from typing import Any

from geoalchemy2 import WKBElement
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cases.access import Role
from cases.workflow import Document, State
from layers.models import (
    Base,
    Code,
    InCommunity,
    Name,
    Note,
    Now,
    belongs,
    geometry,
    sound_geometry,
    spatial_index,
    words,
)


class AnswerBasis(enum.StrEnum):
    """Why a household answers for an encroachment (decision 10 of the design)."""

    OCCUPIER = "occupier"
    PARCEL_LINK = "parcel_link"
    PERSON = "person"
    UNDECIDED = "undecided"


class FindingKind(enum.StrEnum):
    """Why an overlap is listed and accuses nobody."""

    SLIVER = "sliver"
    UNKNOWN_TITLE = "unknown_title"


class EntryKind(enum.StrEnum):
    """What an entry of the area ledger counts (DOMAIN, product rule 17)."""

    SUSPECTED = "suspected"
    ENCROACHED = "encroached"
    DECLARED = "declared"
    RECLAIMED = "reclaimed"
    REBOUND = "rebound"


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


class VisitOutcome(enum.StrEnum):
    """What came of a household visit."""

    NOT_HOME = "not_home"
    UNDECIDED = "undecided"
    WILL_CLEAR = "will_clear"
    SIGNED = "signed"
    DECLINED = "declined"


class PatrolOutcome(enum.StrEnum):
    """What a patrol found on cleared ground."""

    CLEAR = "clear"
    REBOUND = "rebound"


class TipState(enum.StrEnum):
    """How far a neighbour's tip has been checked."""

    RECEIVED = "received"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


class PhotographSubject(enum.StrEnum):
    """What a photograph is evidence of."""

    BEFORE = "before"
    AFTER = "after"
    POSTING = "posting"
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


class Case(InCommunity, Base):
    """One household in one campaign, from the first suspicion to closure.

    ``deadline_on`` is the day by which the household was asked to clear, moved by
    extensions; ``suspended_on`` the day on which an objection stopped the clock.
    ``difficulty`` (1 to 5) is what a person set instead of the suggestion.
    """

    __tablename__ = "case_file"
    __table_args__ = (
        *belongs("campaign_id", "campaign", index=False),
        *belongs("household_id", "household"),
        UniqueConstraint("community_id", "campaign_id", "household_id"),
        UniqueConstraint("community_id", "campaign_id", "number"),
        Index(None, "community_id", "state"),
        Index(None, "community_id", "housekeeper_id"),
        Index(None, "community_id", "inspector_id"),
        CheckConstraint("difficulty BETWEEN 1 AND 5", name="difficulty"),
    )

    campaign_id: Mapped[uuid.UUID]
    household_id: Mapped[uuid.UUID]
    number: Mapped[int]
    state: Mapped[State] = mapped_column(words(State))
    state_since: Mapped[dt.date]
    version: Mapped[int] = mapped_column(server_default=text("1"))
    housekeeper_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    inspector_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    deadline_on: Mapped[dt.date | None]
    suspended_on: Mapped[dt.date | None]
    difficulty: Mapped[int | None]
    difficulty_reason: Mapped[Note]
    is_remedial: Mapped[bool] = mapped_column(server_default=text("false"))


class Encroachment(InCommunity, Base):
    """The part of an observation that lies on common green, on one parcel.

    ``geom`` is what was found; ``standing`` what is still occupied of it, empty
    once cleared; ``cleared_on`` the last day on which any of it was accepted as
    cleared. Areas are of the survey CRS.
    """

    __tablename__ = "encroachment"
    __table_args__ = (
        *belongs("observation_id", "observation", index=False),
        *belongs("parcel_id", "parcel"),
        *belongs("household_id", "household"),
        *belongs("case_id", "case_file"),
        Index(
            "uq_encroachment_current",
            "community_id",
            "observation_id",
            "parcel_id",
            unique=True,
            postgresql_where=text("superseded_on IS NULL"),
        ),
        CheckConstraint("occupied_m2 > 0 AND countable_m2 >= 0", name="areas"),
        CheckConstraint(
            "(household_id IS NULL) = (answer_basis = 'undecided')", name="answer_basis"
        ),
        sound_geometry(),
        spatial_index("encroachment"),
    )

    observation_id: Mapped[uuid.UUID]
    parcel_id: Mapped[uuid.UUID]
    household_id: Mapped[uuid.UUID | None]
    case_id: Mapped[uuid.UUID | None]
    answer_basis: Mapped[AnswerBasis] = mapped_column(words(AnswerBasis))
    occupied_m2: Mapped[float]
    countable_m2: Mapped[float]
    sigma_m2: Mapped[float]
    found_on: Mapped[dt.date]
    verified_on: Mapped[dt.date | None]
    cleared_on: Mapped[dt.date | None]
    superseded_on: Mapped[dt.date | None]
    geom: Mapped[WKBElement] = geometry("MULTIPOLYGON")
    standing: Mapped[WKBElement | None] = geometry("MULTIPOLYGON", nullable=True)


class Finding(InCommunity, Base):
    """An overlap that is listed for a person and accuses nobody."""

    __tablename__ = "finding"
    __table_args__ = (
        *belongs("observation_id", "observation"),
        *belongs("parcel_id", "parcel"),
        sound_geometry(),
        spatial_index("finding"),
    )

    observation_id: Mapped[uuid.UUID]
    parcel_id: Mapped[uuid.UUID]
    kind: Mapped[FindingKind] = mapped_column(words(FindingKind))
    area_m2: Mapped[float]
    width_m: Mapped[float]
    reason: Mapped[Note]
    geom: Mapped[WKBElement] = geometry("MULTIPOLYGON")


class CaseEvent(Base):
    """Something that happened to a case; never changed, never removed."""

    __tablename__ = "case_event"
    __table_args__ = (
        *belongs("case_id", "case_file", index=False),
        *belongs("observation_id", "observation", index=False),
        # Where a case stood on a day is read from the index alone.
        Index(None, "community_id", "case_id", "day", "seq", postgresql_include=["state"]),
        Index(None, "community_id", "day"),
    )

    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    case_id: Mapped[uuid.UUID]
    at: Mapped[dt.datetime]
    day: Mapped[dt.date]
    recorded_at: Mapped[Now]
    actor: Mapped[str] = mapped_column(String(254))
    event: Mapped[Code]
    state: Mapped[State | None] = mapped_column(words(State))
    document: Mapped[Note]
    note: Mapped[Note]
    observation_id: Mapped[uuid.UUID | None]
    data: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))


class AreaEntry(Base):
    """A signed area, dated and derived from its polygon; never changed, never removed.

    ``observation_id`` is what a rebound was seen by, so that it can be taken back
    when the observation is withdrawn.
    """

    __tablename__ = "area_ledger"
    __table_args__ = (
        *belongs("case_id", "case_file"),
        *belongs("encroachment_id", "encroachment"),
        *belongs("observation_id", "observation"),
        CheckConstraint("area_m2 > '-Infinity' AND area_m2 < 'Infinity'", name="area_m2"),
        sound_geometry(),
        Index(None, "community_id", "kind", "day"),
    )

    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    day: Mapped[dt.date]
    recorded_at: Mapped[Now]
    kind: Mapped[EntryKind] = mapped_column(words(EntryKind))
    case_id: Mapped[uuid.UUID]
    encroachment_id: Mapped[uuid.UUID]
    observation_id: Mapped[uuid.UUID | None]
    area_m2: Mapped[float]
    geom: Mapped[WKBElement] = geometry("MULTIPOLYGON")


class ChainLink(Base):
    """A row of a community's history, hashed together with all that was before it.

    Written by triggers alone. ``relation`` and ``key`` name the row; there is no
    foreign key, because the chain must outlive what somebody removes.
    """

    __tablename__ = "chain"

    community_id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    relation: Mapped[str] = mapped_column(String(32))
    key: Mapped[str]
    hash: Mapped[bytes]


class ChainHead(Base):
    """How many rows a community's chain has, and the hash of the last."""

    __tablename__ = "chain_head"

    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"), primary_key=True)
    entries: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    hash: Mapped[bytes] = mapped_column(server_default=text("''::bytea"))


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


class Visit(InCommunity, Base):
    """A household visit; never changed, never removed."""

    __tablename__ = "visit"
    __table_args__ = (*belongs("case_id", "case_file"),)

    case_id: Mapped[uuid.UUID]
    visited_on: Mapped[dt.date]
    actor: Mapped[str] = mapped_column(String(254))
    outcome: Mapped[VisitOutcome] = mapped_column(words(VisitOutcome))
    next_on: Mapped[dt.date | None]
    note: Mapped[Note]
    recorded_at: Mapped[Now]


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


class Objection(InCommunity, Base):
    """A household's objection; while it is undecided the clock of the case stands."""

    __tablename__ = "objection"
    __table_args__ = (
        *belongs("case_id", "case_file"),
        CheckConstraint("(decided_on IS NULL) = (upheld IS NULL)", name="decision"),
        Index(
            "uq_objection_open",
            "community_id",
            "case_id",
            unique=True,
            postgresql_where=text("decided_on IS NULL"),
        ),
    )

    case_id: Mapped[uuid.UUID]
    lodged_on: Mapped[dt.date]
    recorded_by: Mapped[str] = mapped_column(String(254))
    grounds: Mapped[str]
    decided_on: Mapped[dt.date | None]
    decided_by: Mapped[str | None] = mapped_column(String(254))
    upheld: Mapped[bool | None]
    decision: Mapped[Note]


class DeclarationLink(InCommunity, Base):
    """A one-time address by which a household declares that it has cleared.

    Only the SHA-256 of its token is kept.
    """

    __tablename__ = "declaration_link"
    __table_args__ = (
        *belongs("case_id", "case_file"),
        CheckConstraint("octet_length(token_sha256) = 32", name="token"),
    )

    case_id: Mapped[uuid.UUID]
    token_sha256: Mapped[bytes] = mapped_column(unique=True)
    created_by: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[Now]
    expires_at: Mapped[dt.datetime]
    used_at: Mapped[dt.datetime | None]


class Patrol(InCommunity, Base):
    """A look at cleared ground, some days after its acceptance (DOMAIN, product rule 19)."""

    __tablename__ = "patrol"
    __table_args__ = (
        *belongs("case_id", "case_file", index=False),
        *belongs("observation_id", "observation", index=False),
        UniqueConstraint("community_id", "case_id", "accepted_on", "days"),
        Index(None, "community_id", "due_on"),
        CheckConstraint("(done_on IS NULL) = (outcome IS NULL)", name="outcome"),
    )

    case_id: Mapped[uuid.UUID]
    accepted_on: Mapped[dt.date]
    days: Mapped[int]
    due_on: Mapped[dt.date]
    done_on: Mapped[dt.date | None]
    actor: Mapped[str | None] = mapped_column(String(254))
    outcome: Mapped[PatrolOutcome | None] = mapped_column(words(PatrolOutcome))
    note: Mapped[Note]
    observation_id: Mapped[uuid.UUID | None]


class Tip(InCommunity, Base):
    """What a neighbour told in confidence; nobody is named, and it is checked first."""

    __tablename__ = "tip"
    __table_args__ = (
        *belongs("parcel_id", "parcel"),
        CheckConstraint("(state = 'received') = (checked_on IS NULL)", name="checked"),
        {"schema": "personal"},
    )

    received_on: Mapped[dt.date]
    parcel_id: Mapped[uuid.UUID | None]
    wording: Mapped[str]
    state: Mapped[TipState] = mapped_column(words(TipState), server_default="received")
    checked_on: Mapped[dt.date | None]
    checked_by: Mapped[str | None] = mapped_column(String(254))
    note: Mapped[Note]


class Photograph(InCommunity, Base):
    """A photograph as evidence; its file lies beside the database under its SHA-256.

    ``geom`` is where it was taken, ``accuracy_m`` how well that is known, and
    ``bearing`` the direction of view in degrees from north (DOMAIN, product rule 16).
    """

    __tablename__ = "photograph"
    __table_args__ = (
        *belongs("case_id", "case_file"),
        *belongs("observation_id", "observation", index=False),
        CheckConstraint("octet_length(sha256) = 32", name="sha256"),
        CheckConstraint("bearing >= 0 AND bearing < 360", name="bearing"),
        CheckConstraint("accuracy_m >= 0 AND accuracy_m < 100000", name="accuracy_m"),
        sound_geometry(),
    )

    case_id: Mapped[uuid.UUID | None]
    observation_id: Mapped[uuid.UUID | None]
    subject: Mapped[PhotographSubject] = mapped_column(words(PhotographSubject))
    taken_at: Mapped[dt.datetime | None]
    accuracy_m: Mapped[float | None]
    bearing: Mapped[float | None]
    sha256: Mapped[bytes]
    media_type: Mapped[Code]
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int] = mapped_column(BigInteger)
    note: Mapped[Note]
    recorded_by: Mapped[str] = mapped_column(String(254))
    recorded_at: Mapped[Now]
    geom: Mapped[WKBElement | None] = geometry("POINT", nullable=True)


class Account(Base):
    """Someone who can log in.

    What begins with ``tf_`` and ``mf_`` is the second factor under the names that
    Flask-Security gives it: the secret is encrypted by a key outside the database,
    and so is each recovery code. ``totp_counter`` is the last time step of which a
    code was taken, so that no code is good twice.
    """

    __tablename__ = "account"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    public_id: Mapped[uuid.UUID] = mapped_column(
        unique=True, server_default=text("gen_random_uuid()")
    )
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[Name]
    password: Mapped[str] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[Now]
    language: Mapped[str] = mapped_column(String(16), server_default="")
    tf_primary_method: Mapped[str | None] = mapped_column(String(32))
    tf_totp_secret: Mapped[str | None]
    totp_counter: Mapped[int | None] = mapped_column(BigInteger)
    mf_recovery_codes: Mapped[list[str] | None] = mapped_column(JSONB)

    @property
    def has_second_factor(self) -> bool:
        """Tell whether logging in asks for a code as well."""
        return bool(self.tf_primary_method and self.tf_totp_secret)


class Membership(Base):
    """What an account is, and where: a region, a community, or everywhere.

    It holds from its approval to its revocation; who proposed, approved and revoked
    it is an account's address, or ``operator`` for the command line. No row is ever
    deleted.
    """

    __tablename__ = "membership"
    __table_args__ = (
        Index(
            "uq_membership_place",
            "account_id",
            "role",
            text("coalesce(region_id, 0)"),
            text("coalesce(community_id, 0)"),
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
        Index(
            "ix_membership_waiting",
            "proposed_at",
            postgresql_where=text("approved_at IS NULL AND revoked_at IS NULL"),
        ),
        CheckConstraint("region_id IS NULL OR community_id IS NULL", name="one_place"),
        CheckConstraint("(approved_at IS NULL) = (approved_by IS NULL)", name="approved"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked"),
        CheckConstraint(
            "role NOT IN ('secretary', 'official', 'admin') OR proposed_by = 'operator'"
            " OR approved_by IS NULL OR approved_by <> proposed_by",
            name="two_people",
        ),
    )

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    role: Mapped[Role] = mapped_column(words(Role))
    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"))
    community_id: Mapped[int | None] = mapped_column(ForeignKey("community.id"))
    proposed_by: Mapped[str] = mapped_column(String(254))
    proposed_at: Mapped[Now]
    approved_by: Mapped[str | None] = mapped_column(String(254))
    approved_at: Mapped[dt.datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(String(254))
    revoked_at: Mapped[dt.datetime | None]

    @property
    def state(self) -> str:
        """Return ``revoked``, ``waiting`` for a second person, or ``in_force``."""
        if self.revoked_at is not None:
            return "revoked"
        return "waiting" if self.approved_at is None else "in_force"


class ResidentAccount(InCommunity, Base):
    """The household that an account with the role of a resident belongs to."""

    __tablename__ = "resident_account"
    __table_args__ = (
        *belongs("household_id", "household"),
        Index(
            "uq_resident_account_current",
            "community_id",
            "household_id",
            "account_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(None, "account_id"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended"),
        {"schema": "personal"},
    )

    household_id: Mapped[uuid.UUID]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    granted_by: Mapped[str] = mapped_column(String(254))
    granted_at: Mapped[Now]
    ended_by: Mapped[str | None] = mapped_column(String(254))
    ended_at: Mapped[dt.datetime | None]


class AccessToken(Base):
    """A secret by which a program reads as an account; only its SHA-256 is kept.

    It holds until and including the day ``expires_on``.
    """

    __tablename__ = "access_token"
    __table_args__ = (
        CheckConstraint("length(sha256) = 32", name="sha256"),
        CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked"),
    )

    id: Mapped[uuid.UUID] = mapped_column(
        primary_key=True, server_default=text("gen_random_uuid()")
    )
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    name: Mapped[Name]
    sha256: Mapped[bytes] = mapped_column(unique=True)
    may_write: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[Now]
    expires_on: Mapped[dt.date | None]
    last_used_on: Mapped[dt.date | None]
    revoked_by: Mapped[str | None] = mapped_column(String(254))
    revoked_at: Mapped[dt.datetime | None]


class AccountEvent(Base):
    """Something that was done to an account or by it; never changed, never removed.

    ``actor`` is an account's address or ``operator``, ``address`` where from.
    """

    __tablename__ = "account_event"
    __table_args__ = (Index(None, "account_id", "seq"),)

    seq: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    event: Mapped[Code]
    actor: Mapped[str] = mapped_column(String(254))
    at: Mapped[Now]
    address: Mapped[Code] = mapped_column(server_default="")
    data: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))


class Idempotency(Base):
    """A submission by the key that its client made, with the answer it got.

    Written first in the transaction of what was submitted; ``status`` and
    ``response`` follow before it commits. ``body_hash`` is a SHA-256 in hex.
    """

    __tablename__ = "idempotency"
    __table_args__ = (Index(None, "community_id", "at"),)

    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    key: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    body_hash: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None]
    response: Mapped[str | None]
    at: Mapped[Now]


class RateLimit(Base):
    """How often something limited was tried in a window that ends at ``expires_at``.

    Counted here because each worker of the server has a memory of its own.
    """

    __tablename__ = "rate_limit"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    key: Mapped[Code] = mapped_column(primary_key=True)
    hits: Mapped[int]
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)
