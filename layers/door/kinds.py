"""The five kinds of layer that can be imported: their fields and their geometry."""

import datetime as dt
import enum
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from gis.problems import InputError, Problem
from gis.validity import POINTS, POLYGONS
from layers.models import (
    ParcelKind,
    Purpose,
    SiteKind,
    SiteState,
    StructureType,
    TitleBasis,
)

Value = str | int | float | bool | dt.date | uuid.UUID

SYNONYMS = {
    "公共绿地": "public_green",
    "业主共有": "owner_common",
    "充电桩": "charging_pile",
    "摸底": "baseline_survey",
    "巡查": "patrol",
}
"""The words of the glossary (DOMAIN) that stand for a choice."""

_CODE_LENGTH = 64
_NAME_LENGTH = 200
_NOTE_LENGTH = 4000


class Type(enum.StrEnum):
    """What a field holds."""

    TEXT = "text"
    NOTE = "text of several lines"
    WHOLE = "whole number"
    NUMBER = "number"
    YES_NO = "yes or no"
    DAY = "date"
    CHOICE = "choice"
    IDENTIFIER = "UUID"


@dataclass(frozen=True)
class Field:
    """One field of ours: its type, its bounds, and what stands where the file says nothing.

    A ``required`` field must have a value in every row. ``least`` and ``most``
    bound numbers, ``longest`` is characters of text.
    """

    name: str
    type: Type = Type.TEXT
    required: bool = False
    choices: tuple[str, ...] = ()
    default: Value | None = None
    least: float = -math.inf
    most: float = math.inf
    longest: int = _NAME_LENGTH


@dataclass(frozen=True)
class Kind:
    """A kind of layer: its fields and the geometry types that its features have.

    ``may_lack_geometry`` says whether a feature may have none. Which of the types
    of a site it must have, its own kind decides.
    """

    name: str
    fields: tuple[Field, ...]
    types: frozenset[str] = POLYGONS
    may_lack_geometry: bool = False


def _choice(
    name: str, words: type[enum.StrEnum], default: str | None = None, required: bool = False
) -> Field:
    return Field(name, Type.CHOICE, required, tuple(word.value for word in words), default)


_ID = Field("id", Type.IDENTIFIER)
_REF = Field("ref", required=True, longest=_CODE_LENGTH)
_RMS = Field("rms_m", Type.NUMBER, least=0, most=99.999)

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "buildings",
            (
                _ID,
                _REF,
                Field("name"),
                Field("floors", Type.WHOLE, least=1, most=200),
                Field("units", Type.WHOLE, least=0, most=200),
            ),
        ),
        Kind(
            "households",
            (
                _ID,
                _REF,
                Field("building", longest=_CODE_LENGTH),
                Field("unit", longest=_CODE_LENGTH),
                Field("floor", Type.WHOLE, least=-20, most=200),
                Field("room", longest=_CODE_LENGTH),
                Field("ground_floor", Type.YES_NO),
            ),
            POINTS,
            may_lack_geometry=True,
        ),
        Kind(
            "parcels",
            (
                _ID,
                _REF,
                _choice("kind", ParcelKind, ParcelKind.PUBLIC_GREEN),
                _choice("title_basis", TitleBasis, TitleBasis.UNKNOWN),
                Field("title_evidence", Type.NOTE, longest=_NOTE_LENGTH),
                Field("title_disputed", Type.YES_NO, default=False),
                _RMS,
                Field("source", Type.NOTE, longest=_NOTE_LENGTH),
                Field("building", longest=_CODE_LENGTH),
                Field("household", longest=_NOTE_LENGTH),
                Field("household_role", longest=_NOTE_LENGTH),
                Field("household_share", longest=_NOTE_LENGTH),
            ),
        ),
        Kind(
            "observations",
            (
                _ID,
                _REF,
                _choice("purpose", Purpose),
                _choice("structure_type", StructureType, StructureType.OTHER),
                Field("occupier_ref", longest=_CODE_LENGTH),
                Field("observed_on", Type.DAY, required=True),
                _RMS,
                Field("note", Type.NOTE, longest=_NOTE_LENGTH),
            ),
        ),
        Kind(
            "sites",
            (
                _ID,
                _REF,
                _choice("kind", SiteKind, required=True),
                _choice("state", SiteState, SiteState.PLANNED),
                Field("name"),
                Field("built_on", Type.DAY),
                Field("heads", Type.WHOLE, default=0, least=0, most=10_000),
                Field("power_w", Type.NUMBER, default=0.0, least=0, most=1e9),
            ),
            POINTS | POLYGONS,
        ),
    )
}


def find_kind(name: str) -> Kind:
    """Return the kind of this name; raises ``InputError`` that names those there are."""
    if name not in KINDS:
        remedy = f"There are {', '.join(KINDS)}."
        raise InputError([Problem("kind_unknown", f"{name!r} cannot be imported.", remedy)])
    return KINDS[name]
