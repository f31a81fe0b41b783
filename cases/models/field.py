"""What phones send from the field, and what the office decided about it."""

import datetime as dt
import enum
import uuid
from typing import Any

from geoalchemy2 import WKBElement
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

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


class SubmissionKind(enum.StrEnum):
    """What an inspector found: something enclosed, or nothing."""

    ENCLOSURE = "enclosure"
    CLEAR = "clear"


class CaptureMethod(enum.StrEnum):
    """How an outline was made."""

    DRAWN = "drawn"
    WALKED = "walked"
    CORRECTED = "corrected"


class Datum(enum.StrEnum):
    """In which datum a phone gave its positions; those in GCJ-02 are never kept."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"


class FieldVerdict(enum.StrEnum):
    """What became of a submission."""

    ACCEPTED = "accepted"
    MERGED = "merged"
    RETURNED = "returned"
    REPLACED = "replaced"


class FieldSubmission(InCommunity, Base):
    """What a phone sent, as it came; its ``id`` is the phone's own.

    ``observed_at`` is the phone's clock as it was, ``clock_offset_s`` how far that was
    behind ours when it sent, and ``observed_on`` the day that follows from both;
    ``is_clock_doubtful`` where that day cannot be right and the office must say. ``geom``
    is EPSG:4326; areas are of the survey CRS, ``phone_area_m2`` as the phone had it.
    ``announced`` are its photographs as the phone has them, each with ``id``, ``sha256``,
    ``original_sha256`` and ``sends_original``, so that what arrives can be held to it.
    ``imported_by`` took it in from the file of a phone that found no way to send.
    ``corrects_version`` is what the inspector had read of the observation that is
    corrected, and ``keep_both`` says that somebody else had changed it since.
    """

    __tablename__ = "field_submission"
    __table_args__ = (
        *belongs("household_id", "household", index=False),
        *belongs("corrects_id", "observation"),
        *belongs("follows_id", "field_submission"),
        Index(None, "community_id", "received_at"),
        CheckConstraint("(kind = 'enclosure') = (geom IS NOT NULL)", name="ground"),
        CheckConstraint("(geom IS NULL) = (area_m2 IS NULL)", name="area"),
        CheckConstraint("height_m >= 0 AND height_m < 100", name="height_m"),
        CheckConstraint("rms_m >= 0 AND rms_m < 100", name="rms_m"),
        CheckConstraint("accuracy_m >= 0 AND accuracy_m < 100000", name="accuracy_m"),
        CheckConstraint("jsonb_typeof(announced) = 'array'", name="announced"),
        CheckConstraint("octet_length(body_sha256) = 32", name="body_sha256"),
        CheckConstraint("datum = 'wgs84' OR position IS NULL", name="no_position"),
        sound_geometry(),
        sound_geometry("position"),
        spatial_index("field_submission"),
    )

    kind: Mapped[SubmissionKind] = mapped_column(words(SubmissionKind))
    household_id: Mapped[uuid.UUID | None]
    corrects_id: Mapped[uuid.UUID | None]
    corrects_version: Mapped[Code] = mapped_column(server_default="")
    keep_both: Mapped[bool] = mapped_column(server_default=text("false"))
    follows_id: Mapped[uuid.UUID | None]
    structure_types: Mapped[list[str]] = mapped_column(JSONB)
    height_m: Mapped[float | None]
    plants: Mapped[Note]
    note: Mapped[Note]
    method: Mapped[CaptureMethod] = mapped_column(words(CaptureMethod))
    rms_m: Mapped[float]
    phone_area_m2: Mapped[float | None]
    area_m2: Mapped[float | None]
    accuracy_m: Mapped[float | None]
    datum: Mapped[Datum] = mapped_column(words(Datum), server_default="wgs84")
    fixes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'::jsonb"))
    observed_at: Mapped[dt.datetime]
    observed_on: Mapped[dt.date]
    clock_offset_s: Mapped[float]
    is_clock_doubtful: Mapped[bool]
    received_at: Mapped[Now]
    recorded_by: Mapped[str] = mapped_column(String(254))
    imported_by: Mapped[str | None] = mapped_column(String(254))
    body_sha256: Mapped[bytes]
    announced: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    app_version: Mapped[Code] = mapped_column(server_default="")
    geom: Mapped[WKBElement | None] = geometry("MULTIPOLYGON", nullable=True)
    position: Mapped[WKBElement | None] = geometry("POINT", nullable=True)


class FieldDecision(InCommunity, Base):
    """What was decided about a submission, once; ``observation_id`` is what it became."""

    __tablename__ = "field_decision"
    __table_args__ = (
        *belongs("submission_id", "field_submission", index=False),
        *belongs("observation_id", "observation"),
        UniqueConstraint("community_id", "submission_id"),
    )

    submission_id: Mapped[uuid.UUID]
    verdict: Mapped[FieldVerdict] = mapped_column(words(FieldVerdict))
    decided_by: Mapped[str] = mapped_column(String(254))
    decided_at: Mapped[Now]
    reason: Mapped[Note]
    observation_id: Mapped[uuid.UUID | None]


class UploadRole(enum.StrEnum):
    """Which file of a photograph is sent: the smaller copy, or the original."""

    COPY = "copy"
    ORIGINAL = "original"


class Upload(InCommunity, Base):
    """A file under way from a phone; how much of it has come is the length of its part file.

    ``told`` is what its client said when it began, and what is said again must be the
    same. The row goes after its term.
    """

    __tablename__ = "upload"
    __table_args__ = (
        *belongs("submission_id", "field_submission"),
        UniqueConstraint("community_id", "photograph_id", "role"),
        CheckConstraint("size > 0", name="size"),
        CheckConstraint("octet_length(sha256) = 32", name="sha256"),
    )

    photograph_id: Mapped[uuid.UUID]
    role: Mapped[UploadRole] = mapped_column(words(UploadRole))
    submission_id: Mapped[uuid.UUID]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[bytes]
    told: Mapped[dict[str, Any]]
    created_at: Mapped[Now]


class PhotographOriginal(Base):
    """The file of which a photograph is the smaller copy, sent by its inspector's choice."""

    __tablename__ = "photograph_original"
    __table_args__ = (
        *belongs("photograph_id", "photograph", index=False),
        CheckConstraint("octet_length(sha256) = 32", name="sha256"),
    )

    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"), primary_key=True)
    photograph_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    sha256: Mapped[bytes]
    media_type: Mapped[Code]
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int] = mapped_column(BigInteger)
    received_at: Mapped[Now]
