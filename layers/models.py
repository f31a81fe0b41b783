"""The spatial layers at rest: regions, communities and what lies in them.

Geometries are stored in EPSG:4326. No area is ever taken there: every
``area_m2`` column is computed in the community's survey CRS by the code that
writes the row (DOMAIN 13).
"""

import datetime as dt
import enum
import uuid
from typing import Annotated, Any

from geoalchemy2 import Geometry, WKBElement
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    Double,
    Enum,
    FetchedValue,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

STORAGE_SRID = 4326

# Alembic compares constraints by name, so every name follows from one rule.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of every table that is ours."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy's own declaration form)
        str: Text,
        float: Double,
        uuid.UUID: Uuid,
        dt.date: Date,
        dt.datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        bytes: LargeBinary,
    }


def words(kind: type[enum.StrEnum]) -> Enum:
    """Return a column type that stores the enum's values, checked by the database."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=32,
        name=kind.__name__.lower(),
        values_callable=lambda members: [member.value for member in members],
    )


Code = Annotated[str, mapped_column(String(64))]
Name = Annotated[str, mapped_column(String(200))]
Note = Annotated[str, mapped_column(Text, server_default="")]
Now = Annotated[dt.datetime, mapped_column(server_default=func.now())]
# Raised by the database with every change of the row, whoever makes it.
Version = Annotated[int, mapped_column(server_default=text("1"), server_onupdate=FetchedValue())]


def geometry(kind: str, *, nullable: bool = False) -> Mapped[WKBElement]:
    """Return a geometry column in the storage CRS with its GiST index."""
    return mapped_column(
        Geometry(kind, srid=STORAGE_SRID, spatial_index=False, nullable=nullable), nullable=nullable
    )


def sound_geometry(column: str = "geom") -> CheckConstraint:
    """Refuse what PostGIS would accept and never could compute with.

    NaN sorts above every number in PostgreSQL, so the upper bounds refuse it;
    the vertex limit comes first because validity of a scribble is not free.
    """
    return CheckConstraint(
        f"ST_NPoints({column}) <= 200000"
        f" AND ST_XMin({column}) >= -180 AND ST_XMax({column}) <= 180"
        f" AND ST_YMin({column}) >= -90 AND ST_YMax({column}) <= 90"
        f" AND ST_IsValid({column}) AND NOT ST_IsEmpty({column})",
        name=f"{column}_sound",
    )


def spatial_index(table: str, column: str = "geom") -> Index:
    """Return the GiST index that ``column && envelope`` uses."""
    return Index(f"ix_{table}_{column}", column, postgresql_using="gist")


class RegionKind(enum.StrEnum):
    """The levels above a community."""

    CITY = "city"
    DISTRICT = "district"
    STREET = "street"
    TOWN = "town"


class ParcelKind(enum.StrEnum):
    """What the ground of a parcel is for."""

    PUBLIC_GREEN = "public_green"
    PRIVATE_YARD = "private_yard"
    PATH = "path"
    PARKING = "parking"
    OTHER = "other"


class TitleBasis(enum.StrEnum):
    """Whose the ground is, by its evidence (DOMAIN, product rule 1)."""

    OWNER_COMMON = "owner_common"
    MUNICIPAL = "municipal"
    INDIVIDUAL = "individual"
    UNKNOWN = "unknown"


class Purpose(enum.StrEnum):
    """Why ground was looked at."""

    REGISTER = "register"
    BASELINE_SURVEY = "baseline_survey"
    VERIFICATION = "verification"
    RESIDUAL = "residual"
    PATROL = "patrol"


class StructureType(enum.StrEnum):
    """What encloses or covers the ground; ``none`` is surveyed and found clear."""

    FENCE = "fence"
    HEDGE = "hedge"
    PAVING = "paving"
    SHED = "shed"
    PLANTING = "planting"
    GLASSHOUSE = "glasshouse"
    OTHER = "other"
    NONE = "none"


class ObservationStatus(enum.StrEnum):
    """Whether an observation still speaks."""

    OPEN = "open"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


class SiteKind(enum.StrEnum):
    """What the freed ground became."""

    LANDSCAPING = "landscaping"
    CHARGING_PILE = "charging_pile"


class SiteState(enum.StrEnum):
    """How far a site has come."""

    PLANNED = "planned"
    APPROVED = "approved"
    BUILT = "built"
    REMOVED = "removed"


class LinkRole(enum.StrEnum):
    """What joins a household to a parcel."""

    ADJOINING = "adjoining"
    ASSIGNED = "assigned"
    USER = "user"


class LinkMethod(enum.StrEnum):
    """How a parcel came to its household."""

    ATTRIBUTE = "attribute"
    SPATIAL = "spatial"
    CSV = "csv"
    PERSON = "person"


class Region(Base):
    """A city, district, street or town above the communities."""

    __tablename__ = "region"

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    code: Mapped[Code] = mapped_column(unique=True)
    name: Mapped[Name]
    kind: Mapped[RegionKind] = mapped_column(words(RegionKind))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"), index=True)


class Community(Base):
    """A compound, with the CRS in which its areas are computed.

    ``calendar`` names the country (ISO 3166) whose holidays its deadlines keep.
    """

    __tablename__ = "community"
    __table_args__ = (sound_geometry("boundary"), spatial_index("community", "boundary"))

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    code: Mapped[Code] = mapped_column(unique=True)
    name: Mapped[Name]
    region_id: Mapped[int | None] = mapped_column(ForeignKey("region.id"), index=True)
    survey_srid: Mapped[int]
    time_zone: Mapped[str] = mapped_column(String(64), server_default="Asia/Shanghai")
    calendar: Mapped[str] = mapped_column(String(8), server_default="CN")
    boundary: Mapped[WKBElement | None] = geometry("MULTIPOLYGON", nullable=True)
    policy: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    created_at: Mapped[Now]


class InCommunity:
    """Rows that belong to one community and are seen only within its scope.

    The community is part of the key, so that no foreign key can cross from one
    community into another: foreign keys are checked outside row-level security.
    """

    @declared_attr
    @classmethod
    def community_id(cls) -> Mapped[int]:
        """Return the column that row-level security reads."""
        return mapped_column(ForeignKey("community.id"), primary_key=True, sort_order=-2)

    @declared_attr
    @classmethod
    def id(cls) -> Mapped[uuid.UUID]:
        """Return the random public identifier, which a client may have made."""
        return mapped_column(
            primary_key=True, server_default=text("gen_random_uuid()"), sort_order=-1
        )


def belongs(column: str, table: str, *, index: bool = True) -> tuple[Any, ...]:
    """Return the constraint (and index) by which ``column`` points into ``table``."""
    key = ForeignKeyConstraint(["community_id", column], [f"{table}.community_id", f"{table}.id"])
    return (key, Index(None, "community_id", column)) if index else (key,)


class Survey(InCommunity, Base):
    """One delivery of spatial data, with what is needed to believe it."""

    __tablename__ = "survey"
    __table_args__ = (sound_geometry("covered"), Index(None, "community_id", "surveyed_on"))

    delivers: Mapped[str] = mapped_column(String(32))
    purpose: Mapped[Purpose] = mapped_column(words(Purpose))
    surveyor: Mapped[Note]
    surveyed_on: Mapped[dt.date]
    crs: Mapped[str]
    transform: Mapped[str]
    rms_m: Mapped[float | None] = mapped_column(CheckConstraint("rms_m >= 0", name="rms_m"))
    file_name: Mapped[Name]
    file_sha256: Mapped[str] = mapped_column(String(64))
    layer: Mapped[Note]
    feature_count: Mapped[int]
    covered: Mapped[WKBElement | None] = geometry("MULTIPOLYGON", nullable=True)
    recorded_at: Mapped[Now]


class SurveyFile(Base):
    """The file of a survey exactly as delivered, committed with its features."""

    __tablename__ = "survey_file"
    __table_args__ = (*belongs("survey_id", "survey", index=False),)

    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"), primary_key=True)
    survey_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    content: Mapped[bytes]


class FieldMapping(Base):
    """Which field of a source is which of ours, remembered for its next delivery."""

    __tablename__ = "field_mapping"

    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"), primary_key=True)
    delivers: Mapped[str] = mapped_column(String(32), primary_key=True)
    source: Mapped[str] = mapped_column(String(64), primary_key=True)
    mapping: Mapped[dict[str, Any]]


class Building(InCommunity, Base):
    """A building by its footprint."""

    __tablename__ = "building"
    __table_args__ = (
        *belongs("survey_id", "survey"),
        UniqueConstraint("community_id", "ref"),
        CheckConstraint("floors > 0", name="floors"),
        CheckConstraint("units >= 0", name="units"),
        sound_geometry(),
        spatial_index("building"),
    )

    ref: Mapped[Code]
    name: Mapped[Name] = mapped_column(server_default="")
    floors: Mapped[int | None]
    units: Mapped[int | None]
    survey_id: Mapped[uuid.UUID | None]
    geom: Mapped[WKBElement] = geometry("MULTIPOLYGON")


class Household(InCommunity, Base):
    """A dwelling; who lives there is kept apart in :class:`Resident`."""

    __tablename__ = "household"
    __table_args__ = (
        *belongs("building_id", "building"),
        *belongs("survey_id", "survey"),
        UniqueConstraint("community_id", "ref"),
        sound_geometry(),
        spatial_index("household"),
    )

    ref: Mapped[Code]
    building_id: Mapped[uuid.UUID | None]
    unit: Mapped[Code] = mapped_column(server_default="")
    floor: Mapped[int | None]
    room: Mapped[Code] = mapped_column(server_default="")
    ground_floor: Mapped[bool]
    survey_id: Mapped[uuid.UUID | None]
    geom: Mapped[WKBElement | None] = geometry("POINT", nullable=True)


class Resident(InCommunity, Base):
    """A person of a household: apart, so that people can be forgotten."""

    __tablename__ = "resident"
    __table_args__ = (*belongs("household_id", "household"), {"schema": "personal"})

    household_id: Mapped[uuid.UUID]
    name: Mapped[Name]
    phone: Mapped[str] = mapped_column(String(40), server_default="")
    role: Mapped[str] = mapped_column(
        String(16), CheckConstraint("role IN ('owner', 'tenant')", name="role")
    )


class Parcel(InCommunity, Base):
    """A piece of ground with its kind and the title it is held by."""

    __tablename__ = "parcel"
    __table_args__ = (
        *belongs("building_id", "building"),
        *belongs("survey_id", "survey"),
        UniqueConstraint("community_id", "ref"),
        CheckConstraint("area_m2 > 0 AND area_m2 < 'Infinity'", name="area_m2"),
        CheckConstraint("rms_m >= 0 AND rms_m < 100", name="rms_m"),
        sound_geometry(),
        spatial_index("parcel"),
    )

    ref: Mapped[Code]
    kind: Mapped[ParcelKind] = mapped_column(words(ParcelKind))
    title_basis: Mapped[TitleBasis] = mapped_column(words(TitleBasis))
    title_evidence: Mapped[Note]
    title_disputed: Mapped[bool] = mapped_column(server_default=text("false"))
    rms_m: Mapped[float]
    source: Mapped[Note]
    building_id: Mapped[uuid.UUID | None]
    survey_id: Mapped[uuid.UUID | None]
    area_m2: Mapped[float]
    version: Mapped[Version]
    geom: Mapped[WKBElement] = geometry("MULTIPOLYGON")


class ParcelHousehold(Base):
    """A household's link to a parcel, with how sure it is."""

    __tablename__ = "parcel_household"
    __table_args__ = (
        *belongs("parcel_id", "parcel", index=False),
        *belongs("household_id", "household"),
        CheckConstraint("share > 0 AND share <= 1", name="share"),
    )

    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"), primary_key=True)
    parcel_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    household_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    role: Mapped[LinkRole] = mapped_column(words(LinkRole), server_default="adjoining")
    share: Mapped[float] = mapped_column(server_default=text("1"))
    method: Mapped[LinkMethod] = mapped_column(words(LinkMethod))
    distance_m: Mapped[float | None]
    runner_up_id: Mapped[uuid.UUID | None]
    runner_up_distance_m: Mapped[float | None]


class ParcelSurvey(Base):
    """A survey looked at a parcel: what was not looked at is never shown as clear."""

    __tablename__ = "parcel_survey"
    __table_args__ = (
        *belongs("parcel_id", "parcel", index=False),
        *belongs("survey_id", "survey"),
        Index(None, "community_id", "day"),
    )

    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"), primary_key=True)
    parcel_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    survey_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    day: Mapped[dt.date]


class Observation(InCommunity, Base):
    """A polygon seen on the ground.

    A correction is a new row that replaces the old one, so that what was
    believed on any day stays known. What is new or changed waits to be laid over
    the parcels (:class:`WaitingObservation`). ``entered`` rises from row to row and says
    who came first of those seen on one day.
    """

    __tablename__ = "observation"
    __table_args__ = (
        *belongs("survey_id", "survey"),
        *belongs("occupier_id", "household", index=False),
        *belongs("replaces_id", "observation", index=False),
        Index(
            "uq_observation_open_ref",
            "community_id",
            "ref",
            unique=True,
            postgresql_where=text("status = 'open'"),
        ),
        CheckConstraint("rms_m >= 0 AND rms_m < 100", name="rms_m"),
        sound_geometry(),
        spatial_index("observation"),
    )

    ref: Mapped[Code]
    purpose: Mapped[Purpose] = mapped_column(words(Purpose))
    structure_type: Mapped[StructureType] = mapped_column(words(StructureType))
    occupier_id: Mapped[uuid.UUID | None]
    observed_on: Mapped[dt.date]
    rms_m: Mapped[float]
    note: Mapped[Note]
    status: Mapped[ObservationStatus] = mapped_column(
        words(ObservationStatus), server_default="open"
    )
    ended_on: Mapped[dt.date | None]
    replaces_id: Mapped[uuid.UUID | None]
    survey_id: Mapped[uuid.UUID | None]
    area_m2: Mapped[float]
    geom: Mapped[WKBElement] = geometry("MULTIPOLYGON")
    entered: Mapped[int] = mapped_column(BigInteger, Identity())


class WaitingObservation(Base):
    """An observation that waits for flagging.

    The database enters whatever is inserted or changed, so that nobody forgets to;
    flagging takes it out. A table of its own is cheap to fill and to empty, where a
    mark on the observation would rewrite the polygon and every index over it.
    """

    __tablename__ = "waiting_observation"
    __table_args__ = (*belongs("observation_id", "observation", index=False),)

    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"), primary_key=True)
    observation_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)


class Site(InCommunity, Base):
    """New landscaping or a charging pile, planned or built."""

    __tablename__ = "site"
    __table_args__ = (
        *belongs("survey_id", "survey"),
        UniqueConstraint("community_id", "ref"),
        CheckConstraint("heads >= 0 AND power_w >= 0", name="charging"),
        CheckConstraint("state <> 'built' OR built_on IS NOT NULL", name="built_on"),
        sound_geometry(),
        spatial_index("site"),
    )

    ref: Mapped[Code]
    kind: Mapped[SiteKind] = mapped_column(words(SiteKind))
    state: Mapped[SiteState] = mapped_column(words(SiteState))
    name: Mapped[Name] = mapped_column(server_default="")
    built_on: Mapped[dt.date | None]
    heads: Mapped[int] = mapped_column(server_default=text("0"))
    power_w: Mapped[float] = mapped_column(server_default=text("0"))
    area_m2: Mapped[float] = mapped_column(server_default=text("0"))
    survey_id: Mapped[uuid.UUID | None]
    version: Mapped[Version]
    geom: Mapped[WKBElement] = geometry("GEOMETRY")
