"""Photographs of a case as evidence: before and after, with time, place and hash (DOMAIN 16)."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import shapely
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import ColumnElement, Select, func, or_, select, union
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.casework import lock_case
from cases.field.carried import became_with
from cases.ledger import CLOCK_SLACK, Book, Moment
from cases.models import (
    AreaEntry,
    Case,
    Encroachment,
    FieldDecision,
    Photograph,
    PhotographOriginal,
    PhotographSubject,
)
from cases.photograph_files import PhotographFiles
from cases.pictures import Picture, Taken
from cases.requirements import LONGEST_TEXT
from cases.signing import Signature
from gis.crs import SurveyCRS
from gis.problems import InputError, Problem, Said
from layers.models import STORAGE_SRID, Community, Observation

ADDED = "case:photograph:added"
OF_A_CASE = (PhotographSubject.BEFORE, PhotographSubject.AFTER)
# The advisory lock between those who write files and whoever sweeps them.
FILES_LOCK = 20_220_316


@dataclass(frozen=True)
class Shots:
    """Photographs to be added; ``typed`` stands in for what a picture does not say itself.

    ``observation`` is the ref of the observation of the case that they show, if of one.
    """

    pictures: Sequence[Picture]
    subject: PhotographSubject
    note: str = ""
    typed: Taken = field(default_factory=Taken)
    observation: str = ""


@dataclass(frozen=True)
class Shown:
    """A photograph as a page shows it; ``taken`` in the community's own time.

    ``has_original`` says that it is a smaller copy, and that what it was made of came as well.
    """

    row: Photograph
    taken: dt.datetime | None
    longitude: float | None
    latitude: float | None
    is_outside: bool
    has_original: bool = False

    @property
    def sha256(self) -> str:
        """Return the hash as people compare it."""
        return self.row.sha256.hex()


def add_photographs(
    session: Session,
    community: Community,
    case_id: uuid.UUID,
    shots: Shots,
    files: PhotographFiles,
    by: Signature,
) -> list[Photograph]:
    """Keep photographs of a case: their files, then their rows and the event that names them.

    The same picture sent again changes nothing. The caller commits. Raises
    ``InputError`` with everything that is wrong.
    """
    problems = [*by.lacks(Permission.PHOTOGRAPH_ADD), *_wrong(shots)]
    seen = _observed(session, community, case_id, shots.observation)
    if shots.observation and seen is None:
        problems.append(_unknown_observation(shots.observation))
    if problems:
        raise InputError(problems)
    session.execute(select(func.pg_advisory_xact_lock_shared(FILES_LOCK)))
    for picture in shots.pictures:
        files.keep(picture)
    case = lock_case(session, community, case_id)
    known = _known(session, case, shots.subject)
    fresh = {one.sha256: one for one in shots.pictures if one.sha256 not in known}
    rows = [_row(community, case, shots, picture, by) for picture in fresh.values()]
    for row in rows:
        row.observation_id = seen
    session.add_all(rows)
    session.flush()
    if rows:
        _record(session, community, case, rows, by)
    return rows


def photographs(session: Session, community: Community, case: Case) -> list[Shown]:
    """Return the photographs of a case, those taken first before the others.

    Those that phones sent of its ground are among them.
    """
    key = (case.community_id, case.id)
    seen: Any = union(
        select(Encroachment.observation_id).where(
            Encroachment.community_id == key[0], Encroachment.case_id == key[1]
        ),
        select(AreaEntry.observation_id).where(
            AreaEntry.community_id == key[0],
            AreaEntry.case_id == key[1],
            AreaEntry.observation_id.is_not(None),
        ),
    )
    of_case = or_(Photograph.case_id == case.id, of_observations(key[0], seen))
    return shown_photographs(session, community, (Photograph.community_id == key[0]) & of_case)


def of_observations(
    community_id: int, observations: Sequence[uuid.UUID] | Any
) -> ColumnElement[bool]:
    """Return which photographs phones sent of ground that became one of ``observations``."""
    before = became_with()
    return or_(
        Photograph.submission_id.in_(
            select(FieldDecision.submission_id).where(
                FieldDecision.community_id == community_id,
                FieldDecision.observation_id.in_(observations),
            )
        ),
        Photograph.id.in_(
            select(before.c.photograph_id).where(
                before.c.community_id == community_id, before.c.observation_id.in_(observations)
            )
        ),
    )


def shown_photographs(
    session: Session, community: Community, which: ColumnElement[bool]
) -> list[Shown]:
    """Return some photographs of a community, those taken first before the others."""
    original = (
        select(PhotographOriginal.photograph_id)
        .where(
            PhotographOriginal.community_id == Photograph.community_id,
            PhotographOriginal.photograph_id == Photograph.id,
        )
        .exists()
    )
    rows = session.execute(
        select(Photograph, original)
        .where(which)
        .order_by(
            func.coalesce(Photograph.taken_at, Photograph.recorded_at),
            Photograph.recorded_at,
            Photograph.id,
        )
    )
    inside = None if community.boundary is None else to_shape(community.boundary)
    zone = ZoneInfo(community.time_zone)
    return [
        replace(_shown(row, zone, inside), has_original=has_original) for row, has_original in rows
    ]


def find_photograph(
    session: Session, community_id: int, photograph_id: uuid.UUID
) -> Photograph | None:
    """Return a photograph of a community, ``None`` where there is none."""
    return session.get(Photograph, (community_id, photograph_id))


def hashes(session: Session, communities: Collection[int] | None = None) -> list[bytes]:
    """Return the hashes of the photographs of some communities, of all with ``None``."""
    kept = [
        select(table.sha256)
        if communities is None
        else select(table.sha256).where(table.community_id.in_(communities))
        for table in (Photograph, PhotographOriginal)
    ]
    return sorted(session.scalars(union(*kept)))


def sweep(session: Session, files: PhotographFiles) -> list[Path]:
    """Remove the files that no photograph of any community names; return them.

    The session must see every community. Uploads under way are waited for, and new
    ones wait until the transaction ends.
    """
    session.execute(select(func.pg_advisory_xact_lock(FILES_LOCK)))
    orphans = files.orphans(hashes(session))
    for path in orphans:
        path.unlink()
    return orphans


def _wrong(shots: Shots) -> list[Problem]:
    problems = []
    if not shots.pictures:
        message = "There is no photograph."
        problems.append(
            Problem("photograph_missing", message, "Choose at least one.", field="photographs")
        )
    if shots.subject not in OF_A_CASE:
        message = Said("{subject} is no photograph of a case.", subject=shots.subject)
        problems.append(Problem("choice", message, "Say before or after.", field="subject"))
    if len(shots.note) > LONGEST_TEXT:
        message = Said(
            "The note has more than {longest_text} characters.", longest_text=LONGEST_TEXT
        )
        problems.append(Problem("too_long", message, "Shorten it.", field="note"))
    if (shots.typed.longitude is None) != (shots.typed.latitude is None):
        message = "Half a position is none."
        remedy = "Give longitude and latitude, or neither."
        problems.append(Problem("half_position", message, remedy, field="latitude"))
    if shots.typed.at is not None and shots.typed.at > dt.datetime.now(dt.UTC) + CLOCK_SLACK:
        message = Said("{at} is still to come.", at=shots.typed.at.isoformat())
        remedy = "Give the time at which it was taken."
        problems.append(Problem("photograph_time", message, remedy, field="taken_at"))
    return problems


def _known(session: Session, case: Case, subject: PhotographSubject) -> set[bytes]:
    return set(
        session.scalars(
            select(Photograph.sha256).where(
                Photograph.community_id == case.community_id,
                Photograph.case_id == case.id,
                Photograph.subject == subject,
            )
        )
    )


def _row(
    community: Community, case: Case, shots: Shots, picture: Picture, by: Signature
) -> Photograph:
    taken = _filled(picture.taken, shots.typed, community)
    place = shapely.Point(taken.longitude, taken.latitude) if taken.has_position else None
    return Photograph(
        community_id=community.id,
        id=uuid.uuid4(),
        case_id=case.id,
        subject=shots.subject,
        taken_at=taken.at,
        accuracy_m=taken.accuracy_m,
        bearing=taken.bearing,
        sha256=picture.sha256,
        media_type=picture.media_type,
        width=picture.width,
        height=picture.height,
        size=len(picture.content),
        note=shots.note.strip(),
        recorded_by=by.actor,
        geom=None if place is None else from_shape(place, srid=STORAGE_SRID),
    )


def _filled(said: Taken, typed: Taken, community: Community) -> Taken:
    """Return what a picture says, and what was typed where it says nothing.

    A position is taken whole, with its accuracy or without. A camera whose clock runs ahead of
    the present says nothing about time.
    """
    at = said.at
    if at is not None and at.tzinfo is None:
        at = at.replace(tzinfo=ZoneInfo(community.time_zone))
    if at is None or at > dt.datetime.now(dt.UTC) + CLOCK_SLACK:
        at = typed.at
    whole = next((one for one in (said, typed) if one.has_position), Taken())
    bearing = said.bearing if said.bearing is not None else typed.bearing
    return replace(whole, at=at, bearing=bearing)


def _record(
    session: Session, community: Community, case: Case, rows: Sequence[Photograph], by: Signature
) -> None:
    """Name the photographs in the history, so that a file that was exchanged is known by it."""
    book = Book(SurveyCRS(community.survey_srid))
    data = {
        "subject": rows[0].subject,
        "photographs": [{"id": str(row.id), "sha256": row.sha256.hex()} for row in rows],
    }
    key = (community.id, case.id)
    moment = Moment.of(community, by.at)
    book.record(moment, key, by.actor, ADDED, note=rows[0].note, data=data)
    book.post(session)


def observed_refs(session: Session, case: Case) -> Sequence[str]:
    """Return the refs of the observations that found ground of a case, in their order."""
    return session.scalars(
        _observations(case.community_id, case.id)
        .with_only_columns(Observation.ref)
        .distinct()
        .order_by(Observation.ref)
    ).all()


def _observed(
    session: Session, community: Community, case_id: uuid.UUID, ref: str
) -> uuid.UUID | None:
    """Return the observation of that ref that found ground of a case, ``None`` for none."""
    wanted = _observations(community.id, case_id).where(Observation.ref == ref)
    return session.scalar(wanted.limit(1))


def _observations(community_id: int, case_id: uuid.UUID) -> Select[uuid.UUID]:
    found = (Encroachment.community_id == Observation.community_id) & (
        Encroachment.observation_id == Observation.id
    )
    return (
        select(Observation.id)
        .join(Encroachment, found)
        .where(Observation.community_id == community_id, Encroachment.case_id == case_id)
    )


def _unknown_observation(ref: str) -> Problem:
    text = Said("The case has no observation {ref!r}.", ref=ref)
    return Problem("no_observation", text, "Name one of its ground.", field="observation")


def _shown(row: Photograph, zone: ZoneInfo, inside: shapely.Geometry | None) -> Shown:
    taken = None if row.taken_at is None else row.taken_at.astimezone(zone)
    if row.geom is None:
        return Shown(row, taken, None, None, is_outside=False)
    place = to_shape(row.geom)
    is_outside = inside is not None and not shapely.intersects(inside, place)
    return Shown(row, taken, place.x, place.y, is_outside)
