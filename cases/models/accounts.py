"""Who can log in, what they may, and what was done to their accounts."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    String,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from cases.access import Role
from layers.models import (
    Base,
    Code,
    InCommunity,
    Name,
    Now,
    belongs,
    words,
)


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

    ``actor`` is an account's address or ``operator``; ``address`` is where from, and is
    forgotten after its term.
    """

    __tablename__ = "account_event"
    __table_args__ = (
        Index(None, "account_id", "seq"),
        Index("ix_account_event_addressed", "at", postgresql_where=text("address <> ''")),
    )

    seq: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    event: Mapped[Code]
    actor: Mapped[str] = mapped_column(String(254))
    at: Mapped[Now]
    address: Mapped[Code] = mapped_column(server_default="")
    data: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
