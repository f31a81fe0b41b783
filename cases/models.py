"""What people do about encroachments: campaigns, cases, their events and areas.

``case_event`` and ``area_ledger`` are appended only; the database refuses the
rest. ``case.state`` and ``encroachment.standing`` are projections of them,
written in the same transaction under a lock on the case.
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
from cases.workflow import State
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


class Campaign(InCommunity, Base):
    """One effort to take the green space back; cases belong to it."""

    __tablename__ = "campaign"
    __table_args__ = (UniqueConstraint("community_id", "ref"),)

    ref: Mapped[Code]
    name: Mapped[Name]
    started_on: Mapped[dt.date]
    ended_on: Mapped[dt.date | None]
    outcome: Mapped[Note]


class Case(InCommunity, Base):
    """One household in one campaign, from the first suspicion to closure."""

    __tablename__ = "case_file"
    __table_args__ = (
        *belongs("campaign_id", "campaign", index=False),
        *belongs("household_id", "household"),
        UniqueConstraint("community_id", "campaign_id", "household_id"),
        UniqueConstraint("community_id", "campaign_id", "number"),
        Index(None, "community_id", "state"),
    )

    campaign_id: Mapped[uuid.UUID]
    household_id: Mapped[uuid.UUID]
    number: Mapped[int]
    state: Mapped[State] = mapped_column(words(State))
    state_since: Mapped[dt.date]
    version: Mapped[int] = mapped_column(server_default=text("1"))


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


class RateLimit(Base):
    """How often something limited was tried in a window that ends at ``expires_at``.

    Counted here because each worker of the server has a memory of its own.
    """

    __tablename__ = "rate_limit"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    key: Mapped[Code] = mapped_column(primary_key=True)
    hits: Mapped[int]
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)
