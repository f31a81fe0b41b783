"""The places: communities, and the towns, districts and cities above them.

A place is checked whole before it is stored: every fault of its description is
named by field at once. Nothing here commits.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import shapely
from geoalchemy2.shape import from_shape
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from gis.crs import SurveyCRS
from gis.problems import InputError, Problem, Said
from layers.models import STORAGE_SRID, Community, Region, RegionKind

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
EPSG = re.compile(r"(?:EPSG:)?(\d{4,6})", re.IGNORECASE)
NAME_LENGTH = 200
GROUND_LOCK = 20_220_301
"""The advisory lock of all that changes the ground of a community, or lays it over another."""

# What may stand directly above each level; a community may stand in any of them.
ABOVE: Mapping[RegionKind, frozenset[RegionKind]] = {
    RegionKind.CITY: frozenset(),
    RegionKind.DISTRICT: frozenset({RegionKind.CITY}),
    RegionKind.STREET: frozenset({RegionKind.CITY, RegionKind.DISTRICT}),
    RegionKind.TOWN: frozenset({RegionKind.CITY, RegionKind.DISTRICT}),
}


@dataclass(frozen=True)
class CommunityForm:
    """What describes a new community.

    ``survey_crs`` is the EPSG code in which its areas are taken (``EPSG:4550``
    or 4550), ``within`` the code of the region above, ``boundary`` a
    MultiPolygon in EPSG:4326, ``time_zone`` the one in which its days begin.
    """

    code: str
    name: str
    survey_crs: str | int
    within: str | None = None
    boundary: shapely.MultiPolygon | None = None
    time_zone: str = "Asia/Shanghai"


def add_community(session: Session, form: CommunityForm) -> Community:
    """Store a new community; raises ``InputError`` with every fault by field."""
    problems = _naming_problems(session, form.code, form.name)
    survey = _survey_or_problem(form.survey_crs, form.boundary, problems)
    region = _region_or_problem(session, form.within, problems)
    if not _is_time_zone(form.time_zone):
        text, remedy = (
            Said("{time_zone!r} is no time zone.", time_zone=form.time_zone),
            "Use a name such as Asia/Shanghai.",
        )
        problems.append(Problem("time_zone", text, remedy, field="time_zone"))
    if problems or survey is None:
        raise InputError(problems)
    community = Community(
        code=form.code,
        name=form.name.strip(),
        region_id=region.id if region else None,
        survey_srid=survey.srid,
        time_zone=form.time_zone,
        boundary=_stored(form.boundary),
    )
    session.add(community)
    session.flush()
    return community


def add_region(
    session: Session, code: str, name: str, kind: RegionKind, within: str | None = None
) -> Region:
    """Store a city, district, street or town; raises ``InputError`` with every fault by field."""
    problems = _naming_problems(session, code, name)
    parent = _region_or_problem(session, within, problems)
    if parent is not None and parent.kind not in ABOVE[kind]:
        allowed = " or ".join(sorted(ABOVE[kind])) or "nothing"
        text = Said(
            "A {kind} does not lie within the {kind2} {code}.",
            kind=kind,
            kind2=parent.kind,
            code=parent.code,
        )
        remedy = Said("Above a {kind} stands {allowed}.", kind=kind, allowed=allowed)
        problems.append(Problem("place_level", text, remedy, field="within"))
    if problems:
        raise InputError(problems)
    region = Region(
        code=code, name=name.strip(), kind=kind, parent_id=parent.id if parent else None
    )
    session.add(region)
    session.flush()
    return region


def set_boundary(session: Session, code: str, boundary: shapely.MultiPolygon) -> Community:
    """Give a community its boundary (MultiPolygon, EPSG:4326); raises ``InputError``."""
    community = find_community(session, code)
    problems: list[Problem] = []
    _survey_or_problem(community.survey_srid, boundary, problems)
    if problems:
        raise InputError(problems)
    community.boundary = _stored(boundary)
    session.flush()
    return community


def find_community(session: Session, code: str) -> Community:
    """Return the community with this code; raises ``InputError`` that names those there are."""
    found = session.scalar(select(Community).where(Community.code == code))
    if found is None:
        raise InputError([_unknown_community(session, code)])
    return found


def lock_community(session: Session, community_id: int) -> None:
    """Let one import, linking or flagging at a time change a community's ground.

    The lock ends with the transaction.
    """
    session.execute(select(func.pg_advisory_xact_lock(GROUND_LOCK, community_id)))


def list_places(session: Session) -> list[dict[str, Any]]:
    """Return every place as a plain row, those above before those within them."""
    rows: list[dict[str, Any]] = []
    regions = session.scalars(select(Region).order_by(Region.code)).all()
    codes = {region.id: region.code for region in regions}
    for region in sorted(regions, key=lambda one: list(RegionKind).index(one.kind)):
        above = codes.get(region.parent_id) if region.parent_id else None
        rows.append(_row(region.code, region.name, str(region.kind), above))
    for community in session.scalars(select(Community).order_by(Community.code)):
        above = codes.get(community.region_id) if community.region_id else None
        row = _row(community.code, community.name, "community", above)
        row["survey_crs"] = f"EPSG:{community.survey_srid}"
        row["boundary"] = community.boundary is not None
        rows.append(row)
    return rows


def _row(code: str, name: str, kind: str, within: str | None) -> dict[str, Any]:
    return {
        "code": code,
        "name": name,
        "kind": kind,
        "within": within,
        "survey_crs": None,
        "boundary": None,
    }


def _naming_problems(session: Session, code: str, name: str) -> list[Problem]:
    """Return what is wrong with a code and a name, and whether the code is taken.

    Communities and regions share their codes, because addresses of maps name
    either.
    """
    problems = []
    if not CODE.fullmatch(code):
        remedy = "Use letters, digits, hyphens and underscores, 64 at most, no hyphen first."
        problems.append(
            Problem("place_code", Said("{code!r} is no code.", code=code), remedy, field="code")
        )
    elif _is_taken(session, code):
        text = Said("There is a place {code} already.", code=code)
        problems.append(Problem("place_exists", text, "Choose another code.", field="code"))
    if not 1 <= len(name.strip()) <= NAME_LENGTH or _has_controls(name):
        remedy = Said(
            "Give 1 to {name_length} characters, none of them a control character.",
            name_length=NAME_LENGTH,
        )
        problems.append(
            Problem("place_name", Said("{name!r} is no name.", name=name), remedy, field="name")
        )
    return problems


def _is_taken(session: Session, code: str) -> bool:
    region, community = exists().where(Region.code == code), exists().where(Community.code == code)
    return bool(session.scalar(select(region | community)))


def _has_controls(name: str) -> bool:
    return any(unicodedata.category(character) == "Cc" for character in name)


def parse_srid(text: str | int, field: str = "crs") -> int:
    """Return the number of an EPSG code such as ``EPSG:4550``; raises ``InputError``."""
    match = EPSG.fullmatch(str(text).strip())
    if match is None:
        remedy = "Write it as EPSG:4550."
        raise InputError(
            [Problem("crs_code", Said("{text!r} is no EPSG code.", text=text), remedy, field=field)]
        )
    return int(match.group(1))


def _survey_or_problem(
    crs: str | int, boundary: shapely.MultiPolygon | None, problems: list[Problem]
) -> SurveyCRS | None:
    """Return the survey CRS, adding why areas of the community could not be taken in it."""
    try:
        survey = SurveyCRS(parse_srid(crs, "survey_crs"))
    except InputError as error:
        problems.extend(replace(one, field="survey_crs") for one in error.problems)
        return None
    if boundary is None:
        return survey
    longitude, latitude = shapely.get_coordinates(shapely.centroid(boundary.envelope))[0]
    if not survey.contains(longitude, latitude):
        text = Said(
            "The boundary lies at {longitude:.4f} E, {latitude:.4f} N, outside the area of use "
            "of EPSG:{srid} ({name}).",
            longitude=longitude,
            latitude=latitude,
            srid=survey.srid,
            name=survey.name,
        )
        remedy = "Name the CRS of the community's own zone, or check the CRS of the boundary."
        problems.append(Problem("survey_zone", text, remedy, field="survey_crs"))
    return survey


def _region_or_problem(
    session: Session, code: str | None, problems: list[Problem]
) -> Region | None:
    """Return the region with this code, adding a problem where there is none."""
    if code is None:
        return None
    region = session.scalar(select(Region).where(Region.code == code))
    if region is None:
        remedy = Said(
            "Add it first: commongreen community add {code} --kind town --name ...", code=code
        )
        problems.append(
            Problem(
                "place_unknown",
                Said("There is no region {code!r}.", code=code),
                remedy,
                field="within",
            )
        )
    return region


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _stored(boundary: shapely.MultiPolygon | None) -> Any:
    return None if boundary is None else from_shape(boundary, srid=STORAGE_SRID)


def _unknown_community(session: Session, code: str) -> Problem:
    known: Sequence[str] = session.scalars(
        select(Community.code).order_by(Community.code).limit(10)
    ).all()
    remedy = (
        Said("There are {listed}: see commongreen community list.", listed=", ".join(known))
        if known
        else "Add it first: commongreen community add."
    )
    return Problem(
        "place_unknown",
        Said("There is no community {code!r}.", code=code),
        remedy,
        field="community",
    )
