"""What keeps the record whole: the chain over it, keys of submissions, counted tries."""

import datetime as dt
import uuid

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    String,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from layers.models import (
    Base,
    Code,
    Now,
)


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
