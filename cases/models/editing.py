"""What planners changed on the map: who, when, why, and the ground before and after."""

import datetime as dt
import enum
import uuid
from typing import Any

from geoalchemy2 import WKBElement
from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from layers.models import (
    Base,
    Code,
    InCommunity,
    Now,
    belongs,
    geometry,
    sound_geometry,
    words,
)


class EditLayer(enum.StrEnum):
    """The layers that are edited at the desk."""

    PARCELS = "parcels"
    OBSERVATIONS = "observations"
    SITES = "sites"


class GeometryEdit(InCommunity, Base):
    """Changes of one layer that one person made together; never changed, never removed.

    ``number`` counts the edits of a community. ``undoes_id`` is the edit that this one
    takes back; an edit is taken back once.
    """

    __tablename__ = "geometry_edit"
    __table_args__ = (
        *belongs("undoes_id", "geometry_edit", index=False),
        UniqueConstraint("community_id", "number"),
        UniqueConstraint("community_id", "undoes_id"),
        Index(None, "community_id", "layer", "number"),
    )

    number: Mapped[int]
    layer: Mapped[EditLayer] = mapped_column(words(EditLayer))
    actor: Mapped[str] = mapped_column(String(254))
    at: Mapped[dt.datetime]
    day: Mapped[dt.date]
    recorded_at: Mapped[Now]
    reason: Mapped[str]
    undoes_id: Mapped[uuid.UUID | None]


class GeometryEditRow(Base):
    """One row of the layer before and after an edit; never changed, never removed.

    Without a before it was made, without an after removed. A corrected observation is a
    new row, so the two have different identifiers there. ``change`` numbers what was
    asked for, so that the parts of a split belong together. There is no foreign key to
    the row: it may be gone.
    """

    __tablename__ = "geometry_edit_row"
    __table_args__ = (
        *belongs("edit_id", "geometry_edit", index=False),
        Index(None, "community_id", "before_id"),
        Index(None, "community_id", "after_id"),
        CheckConstraint("before_id IS NOT NULL OR after_id IS NOT NULL", name="row"),
        CheckConstraint(
            "(before_id IS NULL) = (geom_before IS NULL)"
            " AND (after_id IS NULL) = (geom_after IS NULL)",
            name="ground",
        ),
        sound_geometry("geom_before"),
        sound_geometry("geom_after"),
    )

    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"), primary_key=True)
    edit_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    change: Mapped[int]
    ref: Mapped[Code]
    before_id: Mapped[uuid.UUID | None]
    before_version: Mapped[Code] = mapped_column(server_default="")
    before: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    area_before_m2: Mapped[float | None]
    geom_before: Mapped[WKBElement | None] = geometry("GEOMETRY", nullable=True)
    after_id: Mapped[uuid.UUID | None]
    after_version: Mapped[Code] = mapped_column(server_default="")
    after: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    area_after_m2: Mapped[float | None]
    geom_after: Mapped[WKBElement | None] = geometry("GEOMETRY", nullable=True)
