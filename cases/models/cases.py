"""Cases, the ground they are about, and all that happens to them."""

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
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from cases.workflow import State
from layers.models import (
    Base,
    Code,
    InCommunity,
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
    ``bearing`` the direction of view in degrees from north (DOMAIN, product rule 16). One
    from the field belongs to its submission; ``original_sha256`` is what the phone made it
    from, where it is a smaller copy.
    """

    __tablename__ = "photograph"
    __table_args__ = (
        *belongs("case_id", "case_file"),
        *belongs("observation_id", "observation", index=False),
        *belongs("submission_id", "field_submission"),
        CheckConstraint("octet_length(sha256) = 32", name="sha256"),
        CheckConstraint("octet_length(original_sha256) = 32", name="original_sha256"),
        CheckConstraint("bearing >= 0 AND bearing < 360", name="bearing"),
        CheckConstraint("accuracy_m >= 0 AND accuracy_m < 100000", name="accuracy_m"),
        sound_geometry(),
    )

    case_id: Mapped[uuid.UUID | None]
    observation_id: Mapped[uuid.UUID | None]
    submission_id: Mapped[uuid.UUID | None]
    subject: Mapped[PhotographSubject] = mapped_column(words(PhotographSubject))
    taken_at: Mapped[dt.datetime | None]
    accuracy_m: Mapped[float | None]
    bearing: Mapped[float | None]
    sha256: Mapped[bytes]
    original_sha256: Mapped[bytes | None]
    media_type: Mapped[Code]
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int] = mapped_column(BigInteger)
    note: Mapped[Note]
    recorded_by: Mapped[str] = mapped_column(String(254))
    recorded_at: Mapped[Now]
    geom: Mapped[WKBElement | None] = geometry("POINT", nullable=True)
