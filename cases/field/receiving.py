"""The door for what a phone sends: taken once under the phone's own identifier, kept as it came."""

import datetime as dt
import hashlib
import uuid
from dataclasses import dataclass, field
from typing import Any

import shapely
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.field.carried import count_photographs
from cases.field.clocks import PhoneClock, judge_clock
from cases.field.datums import are_shifted
from cases.field.verdicts import decision_on, record_decision
from cases.field.versions import observation_version
from cases.ledger import area, as_array
from cases.lineage import latest
from cases.models import (
    CaptureMethod,
    Datum,
    FieldSubmission,
    FieldVerdict,
    SubmissionKind,
)
from cases.registry import find_household
from cases.sightings import polygon_problems
from cases.signing import Signature, length_problems
from gis.crs import SurveyCRS
from gis.problems import InputError, Problem, Said
from layers.models import (
    STORAGE_SRID,
    Community,
    Household,
    Observation,
    Purpose,
    StructureType,
)
from layers.places import lock_community

MOST_PHOTOGRAPHS = 30
MOST_FIXES = 20_000


@dataclass(frozen=True)
class Position:
    """Where the phone was, in degrees, and how well it knew, in m."""

    longitude: float
    latitude: float
    accuracy_m: float | None = None
    datum: Datum = Datum.WGS84


@dataclass(frozen=True)
class Correction:
    """Which observation is corrected, in the version in which the phone had it."""

    observation: uuid.UUID
    version: str


@dataclass(frozen=True)
class Sent:
    """One submission as its phone sends it; ``body`` are its bytes, ``polygon`` EPSG:4326.

    ``announced`` are its photographs: ``id``, ``sha256``, ``original_sha256`` and
    ``sends_original`` of each.
    """

    id: uuid.UUID
    body: bytes
    kind: SubmissionKind
    method: CaptureMethod
    rms_m: float
    clock: PhoneClock
    polygon: shapely.Geometry | None = None
    phone_area_m2: float | None = None
    structure_types: tuple[StructureType, ...] = ()
    height_m: float | None = None
    plants: str = ""
    note: str = ""
    household: str = ""
    corrects: Correction | None = None
    keep_both: bool = False
    follows: uuid.UUID | None = None
    position: Position | None = None
    fixes: list[dict[str, Any]] = field(default_factory=list)
    announced: list[dict[str, Any]] = field(default_factory=list)
    app_version: str = ""

    @property
    def sha256(self) -> bytes:
        """Return the hash by which a phone knows that its own bytes arrived."""
        return hashlib.sha256(self.body).digest()


@dataclass(frozen=True)
class Receipt:
    """What a phone may rely on: this is committed once the transaction is."""

    id: uuid.UUID
    sha256: str
    received_at: dt.datetime
    announced: int
    received: int
    is_new: bool


class Corrected(Exception):
    """Somebody else has changed the observation that was to be corrected; ``now`` is the latest."""

    def __init__(self, now: Observation) -> None:
        """Keep the observation as it is now."""
        self.now = now
        super().__init__(now.ref)


def receive(
    session: Session,
    community: Community,
    sent: Sent,
    by: Signature,
    imported_by: str | None = None,
) -> Receipt:
    """Keep a submission, once; what was sent before is answered as it was then.

    ``by`` is its inspector, ``imported_by`` whoever takes it in from the file of a phone.

    The caller commits. Raises ``InputError`` with everything that is wrong, also where
    the identifier was used for something else, and :class:`Corrected` where the observation
    is another by now and not both are to be kept.
    """
    lack = by.lacks(Permission.FIELD_CAPTURE)
    if lack:
        raise InputError(lack)
    # Whoever waits here for another sender of the same identifier then finds it.
    lock_community(session, community.id)
    known = session.get(FieldSubmission, (community.id, sent.id))
    if known is not None:
        return _again(session, known, sent, by)
    corrected, problems = _corrected(session, community, sent)
    followed, unfit = _followed(session, community, sent, by)
    household = find_household(session, community, sent.household) if sent.household else None
    datum = _datum(community, sent)
    problems += [
        *unfit,
        *_unknown_household(sent, household),
        *_wrong_ground(community, sent, datum),
        *_wrong_attributes(sent),
    ]
    if problems:
        raise InputError(problems)
    if corrected is not None and _is_changed(corrected, sent):
        raise Corrected(latest(session, corrected))
    made = _row(community, sent, datum, household, by)
    made.imported_by = imported_by
    session.add(made)
    session.flush()
    if followed is not None:
        record_decision(session, followed, FieldVerdict.REPLACED, by.actor)
    return _receipt(session, made, is_new=True)


def _again(session: Session, known: FieldSubmission, sent: Sent, by: Signature) -> Receipt:
    if known.body_sha256 != sent.sha256 or known.recorded_by != by.actor:
        message = "This identifier was used for another submission."
        remedy = "Keep both: make a new identifier for what is new, and send it under that."
        raise InputError([Problem("key_reused", message, remedy, field="id")])
    return _receipt(session, known, is_new=False)


def _receipt(session: Session, row: FieldSubmission, *, is_new: bool) -> Receipt:
    announced, received = len(row.announced), count_photographs(session, row)
    sha256 = row.body_sha256.hex()
    return Receipt(row.id, sha256, row.received_at, announced, received, is_new)


def _corrected(
    session: Session, community: Community, sent: Sent
) -> tuple[Observation | None, list[Problem]]:
    if sent.corrects is None:
        return None, []
    if sent.kind is SubmissionKind.CLEAR:
        clear, remedy = "What was found clear corrects no outline.", "Send it without one."
        return None, [Problem("clear_corrects", clear, remedy, field="corrects")]
    found = session.get(Observation, (community.id, sent.corrects.observation))
    if found is not None and found.purpose is Purpose.RESIDUAL:
        rest, remedy = "What an inspection measured is not corrected.", "Send it without one."
        return None, [Problem("residual_corrected", rest, remedy, field="corrects")]
    if found is not None:
        return found, []
    message, remedy = "There is no such observation.", "Prepare the area again."
    return None, [Problem("unknown_observation", message, remedy, field="corrects")]


def _is_changed(corrected: Observation, sent: Sent) -> bool:
    """Tell whether the phone had read another version, and the office need not see both."""
    assert sent.corrects is not None
    return not sent.keep_both and observation_version(corrected) != sent.corrects.version


def _followed(
    session: Session, community: Community, sent: Sent, by: Signature
) -> tuple[FieldSubmission | None, list[Problem]]:
    """Return the own submission that this one takes the place of, where it still waits."""
    if sent.follows is None:
        return None, []
    before = session.get(FieldSubmission, (community.id, sent.follows))
    if before is None or before.recorded_by != by.actor:
        message, remedy = "You sent no such submission.", "Send it without one."
        return None, [Problem("unknown_submission", message, remedy, field="follows")]
    decided = decision_on(session, community, before.id)
    if decided is None:
        return before, []
    if decided.verdict is FieldVerdict.RETURNED:
        return None, []
    message = "What it follows is decided already."
    remedy = "Send it as a correction of the observation, or by itself."
    return None, [Problem("decided_already", message, remedy, field="follows")]


def _unknown_household(sent: Sent, found: Household | None) -> list[Problem]:
    if sent.household and found is None:
        absent = Said("There is no household {ref!r} in this community.", ref=sent.household)
        remedy = "Give the ref of a household that is there."
        return [Problem("unknown_household", absent, remedy, field="household")]
    if sent.kind is SubmissionKind.CLEAR and not sent.household:
        message = "Nothing says which household was found clear."
        return [Problem("household_missing", message, "Choose it.", field="household")]
    return []


def _datum(community: Community, sent: Sent) -> Datum:
    """Return the datum of the phone's positions: as declared, or as they show themselves."""
    declared = sent.position.datum if sent.position else Datum.WGS84
    places = [(fix["longitude"], fix["latitude"], fix["accuracy_m"]) for fix in sent.fixes]
    if sent.position:
        at = sent.position
        places.append((at.longitude, at.latitude, at.accuracy_m))
    return Datum.GCJ02 if are_shifted(community, places) else declared


def _wrong_ground(community: Community, sent: Sent, datum: Datum) -> list[Problem]:
    if sent.kind is SubmissionKind.CLEAR:
        if sent.polygon is None:
            return []
        message, remedy = "What is clear has no outline.", "Leave the outline out."
        return [Problem("polygon_of_nothing", message, remedy, field="geometry")]
    around = None if community.boundary is None else to_shape(community.boundary)
    problems = [
        Problem(one.code, one.message, one.remedy, field="geometry")
        for one in polygon_problems(sent.polygon, around)
    ]
    if sent.method is CaptureMethod.WALKED and datum is Datum.GCJ02:
        message = "The outline was walked with positions in GCJ-02, which are up to 700 m off."
        remedy = "Draw it on the map, or walk it with a phone that gives WGS 84."
        problems.append(Problem("walked_gcj02", message, remedy, field="geometry"))
    return problems


def _wrong_attributes(sent: Sent) -> list[Problem]:
    problems = length_problems([("note", sent.note), ("plants", sent.plants)])
    enclosed = sent.kind is SubmissionKind.ENCLOSURE
    standing = [kind for kind in sent.structure_types if kind is not StructureType.NONE]
    if enclosed and len(standing) < len(sent.structure_types) and standing:
        message, remedy = "Nothing and something cannot both stand there.", "Leave none out."
        problems.append(Problem("structure_none", message, remedy, field="structure_types"))
    if enclosed and not standing:
        message, remedy = "Nothing says what stands there.", "Choose at least one."
        problems.append(Problem("structure_missing", message, remedy, field="structure_types"))
    if not enclosed and standing:
        message, remedy = "Where nothing is, nothing stands.", "Leave the structures out."
        problems.append(Problem("structure_of_nothing", message, remedy, field="structure_types"))
    ids = {one["id"] for one in sent.announced}
    if len(sent.announced) > MOST_PHOTOGRAPHS or len(ids) < len(sent.announced):
        message = Said(
            "There are more than {most} photographs, or one twice.", most=MOST_PHOTOGRAPHS
        )
        problems.append(
            Problem("photographs", message, "Send fewer, each once.", field="photographs")
        )
    if len(sent.fixes) > MOST_FIXES:
        long = Said("The walk has more than {most} positions.", most=MOST_FIXES)
        problems.append(Problem("fixes", long, "Walk a smaller part at a time.", field="fixes"))
    return problems


def _row(
    community: Community, sent: Sent, datum: Datum, household: Household | None, by: Signature
) -> FieldSubmission:
    received_at = dt.datetime.now(dt.UTC)
    judged = judge_clock(community, sent.clock, received_at)
    is_trusted = datum is Datum.WGS84
    row = FieldSubmission(
        community_id=community.id,
        id=sent.id,
        kind=sent.kind,
        household_id=household.id if household else None,
        corrects_id=sent.corrects.observation if sent.corrects else None,
        corrects_version=sent.corrects.version if sent.corrects else "",
        keep_both=sent.keep_both,
        follows_id=sent.follows,
        structure_types=[str(one) for one in sent.structure_types] or [str(StructureType.NONE)],
        height_m=sent.height_m,
        plants=sent.plants.strip(),
        note=sent.note.strip(),
        method=sent.method,
        rms_m=sent.rms_m,
        phone_area_m2=sent.phone_area_m2,
        datum=datum,
        fixes=sent.fixes if is_trusted else [],
        observed_at=sent.clock.observed_at,
        observed_on=judged.day,
        clock_offset_s=judged.offset_s,
        is_clock_doubtful=judged.is_doubtful,
        received_at=received_at,
        recorded_by=by.actor,
        body_sha256=sent.sha256,
        announced=sent.announced,
        app_version=sent.app_version,
    )
    if sent.polygon is not None:
        stored = as_array([sent.polygon])
        row.area_m2 = area(SurveyCRS(community.survey_srid).to_survey(stored)[0])
        row.geom = from_shape(stored[0], srid=STORAGE_SRID)
    if sent.position is not None and is_trusted:
        row.accuracy_m = sent.position.accuracy_m
        place = shapely.Point(sent.position.longitude, sent.position.latitude)
        row.position = from_shape(place, srid=STORAGE_SRID)
    return row
