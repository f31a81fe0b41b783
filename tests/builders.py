"""Rows for tests, one short function each: what a test does not name is ordinary."""

import datetime as dt
import math
import uuid
from itertools import count
from typing import Any, TypeVar

import shapely
from geoalchemy2.shape import from_shape
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from cases.announcements import Notice
from cases.announcements import announce as announcing
from cases.models import (
    Announcement,
    AnswerBasis,
    Body,
    BodyKind,
    Campaign,
    CaptureMethod,
    Case,
    CaseEvent,
    DocumentRecord,
    EditLayer,
    Encroachment,
    FieldSubmission,
    Finding,
    FindingKind,
    GeometryEdit,
    GeometryEditRow,
    Lane,
    Meeting,
    Patrol,
    PatrolOutcome,
    Photograph,
    PhotographSubject,
    SubmissionKind,
    Tip,
    Visit,
    VisitOutcome,
)
from cases.signing import Signature
from cases.workflow import Document, State
from layers.models import (
    Base,
    Building,
    Community,
    Household,
    LinkMethod,
    Observation,
    Parcel,
    ParcelHousehold,
    ParcelKind,
    ParcelSurvey,
    Purpose,
    Region,
    RegionKind,
    Site,
    SiteKind,
    SiteState,
    StructureType,
    Survey,
    TitleBasis,
    WaitingObservation,
)
from layers.tiles import Tile

# In Weihai, and near a corner of its tiles, so that 400 m fit into one of zoom 16.
WEST, SOUTH = 122.2014, 37.4055
# About 10 m each way at Weihai's latitude.
STEP_X, STEP_Y = 10 / 88_500, 10 / 111_000
EARLY = dt.date(2022, 3, 1)

_numbers = count(1)
Row = TypeVar("Row", bound=Base)


def square(x: float = 0, y: float = 0, size: float = 1) -> shapely.MultiPolygon:
    """Return a square in EPSG:4326; ``x``, ``y`` and ``size`` count in steps of 10 m."""
    west, south = WEST + x * STEP_X, SOUTH + y * STEP_Y
    box = shapely.box(west, south, west + size * STEP_X, south + size * STEP_Y)
    return shapely.MultiPolygon([box])


def point(x: float = 0, y: float = 0) -> shapely.Point:
    """Return a point in EPSG:4326, counted as in :func:`square`."""
    return shapely.Point(WEST + x * STEP_X, SOUTH + y * STEP_Y)


def tile_at(z: int) -> Tile:
    """Return the tile that holds :func:`square`'s corner."""
    north = math.asinh(math.tan(math.radians(SOUTH))) / math.pi
    return Tile(z, int((WEST + 180) / 360 * 2**z), int((1 - north) / 2 * 2**z))


def stored(geometry: shapely.Geometry) -> Any:
    """Return a geometry as a column takes it."""
    return from_shape(geometry, srid=4326)


def fresh(prefix: str) -> str:
    """Return a code that no other row has."""
    return f"{prefix}{next(_numbers)}"


def add(session: Session, row: Row) -> Row:
    """Store a row and return it with what the database filled in."""
    session.add(row)
    session.flush()
    return row


def region(session: Session, **values: Any) -> Region:
    code = values.setdefault("code", fresh("region"))
    return add(session, Region(**{"name": code, "kind": RegionKind.TOWN, **values}))


def community(session: Session, **values: Any) -> Community:
    code = values.setdefault("code", fresh("community"))
    given = {"name": code, "survey_srid": 4550, **values}
    if isinstance(given.get("boundary"), shapely.Geometry):
        given["boundary"] = stored(given["boundary"])
    return add(session, Community(**given))


def building(session: Session, of: Community, geom: Any = None, **values: Any) -> Building:
    given = {"ref": fresh("B"), "floors": 6, "geom": stored(geom or square()), **values}
    return add(session, Building(community_id=of.id, **given))


def household(session: Session, of: Community, **values: Any) -> Household:
    given = {"ref": fresh("H"), "floor": 1, "ground_floor": True, **values}
    if isinstance(given.get("geom"), shapely.Geometry):
        given["geom"] = stored(given["geom"])
    return add(session, Household(community_id=of.id, **given))


def parcel(session: Session, of: Community, geom: Any = None, **values: Any) -> Parcel:
    given = {
        "ref": fresh("P"),
        "kind": ParcelKind.PUBLIC_GREEN,
        "title_basis": TitleBasis.OWNER_COMMON,
        "rms_m": 0.05,
        "area_m2": 100.0,
        "geom": stored(geom or square()),
        **values,
    }
    return add(session, Parcel(community_id=of.id, **given))


def link(session: Session, where: Parcel, who: Household, **values: Any) -> ParcelHousehold:
    given = {"method": LinkMethod.SPATIAL, "distance_m": 1.5, **values}
    return add(
        session,
        ParcelHousehold(
            community_id=where.community_id, parcel_id=where.id, household_id=who.id, **given
        ),
    )


def survey(session: Session, of: Community, day: dt.date = EARLY, **values: Any) -> Survey:
    given = {
        "delivers": "observations",
        "purpose": Purpose.BASELINE_SURVEY,
        "surveyor": "Survey team",
        "surveyed_on": day,
        "crs": "EPSG:4550",
        "transform": "",
        "rms_m": 0.05,
        "file_name": "survey.gpkg",
        "file_sha256": "0" * 64,
        "feature_count": 1,
        **values,
    }
    return add(session, Survey(community_id=of.id, **given))


def looked(session: Session, where: Parcel, by: Survey) -> ParcelSurvey:
    row = ParcelSurvey(
        community_id=where.community_id,
        parcel_id=where.id,
        survey_id=by.id,
        day=by.surveyed_on,
    )
    return add(session, row)


def observation(session: Session, of: Community, geom: Any = None, **values: Any) -> Observation:
    given = {
        "ref": fresh("O"),
        "purpose": Purpose.BASELINE_SURVEY,
        "structure_type": StructureType.FENCE,
        "observed_on": EARLY,
        "rms_m": 0.05,
        "area_m2": 50.0,
        "geom": stored(geom or square()),
        **values,
    }
    return add(session, Observation(community_id=of.id, **given))


def submission(session: Session, near: Observation, **values: Any) -> FieldSubmission:
    """Make a submission of ground where an observation lies."""
    given = {
        "kind": SubmissionKind.ENCLOSURE,
        "structure_types": ["fence"],
        "method": CaptureMethod.DRAWN,
        "rms_m": 0.3,
        "area_m2": 50.0,
        "observed_at": dt.datetime(2022, 3, 1, 4, tzinfo=dt.UTC),
        "observed_on": EARLY,
        "clock_offset_s": 0.5,
        "is_clock_doubtful": False,
        "recorded_by": "ana",
        "body_sha256": bytes(32),
        "announced": [],
        "geom": near.geom,
        **values,
    }
    return add(session, FieldSubmission(community_id=near.community_id, **given))


def field_photograph(session: Session, of: FieldSubmission, **values: Any) -> Photograph:
    """Make a photograph that came with a submission."""
    given = {
        "id": uuid.uuid4(),
        "subject": PhotographSubject.BEFORE,
        "sha256": bytes(32),
        "original_sha256": bytes([1]) * 32,
        "media_type": "image/jpeg",
        "width": 640,
        "height": 480,
        "size": 1_000,
        "recorded_by": "ana",
        **values,
    }
    return add(session, Photograph(community_id=of.community_id, submission_id=of.id, **given))


def waiting(session: Session) -> set[str]:
    """Return the refs of the observations that wait for flagging."""
    own = (WaitingObservation.community_id == Observation.community_id) & (
        WaitingObservation.observation_id == Observation.id
    )
    return set(session.scalars(select(Observation.ref).join(WaitingObservation, own)))


def wait_again(session: Session, *seen: Observation) -> None:
    """Let observations wait for flagging, as they do when something near them changes."""
    rows = [{"community_id": one.community_id, "observation_id": one.id} for one in seen]
    session.execute(insert(WaitingObservation).on_conflict_do_nothing(), rows)


def flagged(session: Session) -> None:
    """Let nothing wait, as if everything had been flagged."""
    session.execute(delete(WaitingObservation))


def campaign(session: Session, of: Community, **values: Any) -> Campaign:
    ref = values.setdefault("ref", fresh("C"))
    given = {"name": ref, "started_on": EARLY, **values}
    return add(session, Campaign(community_id=of.id, **given))


def case(session: Session, who: Household, within: Campaign, **values: Any) -> Case:
    given = {
        "number": next(_numbers),
        "state": State.SUSPECTED,
        "state_since": EARLY,
        **values,
    }
    return add(
        session,
        Case(community_id=who.community_id, household_id=who.id, campaign_id=within.id, **given),
    )


def event(
    session: Session, of: Case, day: dt.date, state: State | None, **values: Any
) -> CaseEvent:
    """Record an event and move the case to its state, as every move does."""
    named = f"case:state:{state}" if state else "case:note:added"
    if state is not None:
        of.state, of.state_since = state, day
    given = {
        "at": dt.datetime.combine(day, dt.time(10), dt.UTC),
        "day": day,
        "actor": "inspector@example.org",
        "event": named,
        "state": state,
        **values,
    }
    return add(session, CaseEvent(community_id=of.community_id, case_id=of.id, **given))


def announce(session: Session, of: Case, at: dt.datetime, actor: str = "ana") -> Announcement:
    """Announce a case by a poster of its campaign, with the default deadline."""
    key = {"community_id": of.community_id}
    carried = session.get_one(Campaign, (of.community_id, of.campaign_id))
    with session.begin_nested():
        issuer = add(session, Body(**key, ref=fresh("B"), kind=BodyKind.OTHER, name="居委会"))
        notice = Notice(issuer.id, "2022-1", "居委会办公室", "限期自行清理。", [of.id])
        place = session.get_one(Community, of.community_id)
        return announcing(session, place, carried, notice, Signature(actor, at))


def patrolled(session: Session, of: Case, accepted_on: dt.date, days: int = 365) -> Patrol:
    """Record that the ground of a case was found clear so many days after its acceptance."""
    due_on = accepted_on + dt.timedelta(days)
    given = {"accepted_on": accepted_on, "days": days, "due_on": due_on, "done_on": due_on}
    made = Patrol(
        community_id=of.community_id,
        case_id=of.id,
        actor="ana",
        outcome=PatrolOutcome.CLEAR,
        **given,
    )
    return add(session, made)


def encroachment(
    session: Session,
    seen: Observation,
    on: Parcel,
    answers: Case | None = None,
    geom: Any = None,
    **values: Any,
) -> Encroachment:
    shape = stored(geom or square())
    given = {
        "household_id": answers.household_id if answers else None,
        "case_id": answers.id if answers else None,
        "answer_basis": AnswerBasis.PARCEL_LINK if answers else AnswerBasis.UNDECIDED,
        "occupied_m2": 24.0,
        "countable_m2": 20.0,
        "sigma_m2": 0.3,
        "found_on": seen.observed_on,
        "geom": shape,
        "standing": shape,
        **values,
    }
    return add(
        session,
        Encroachment(
            community_id=seen.community_id, observation_id=seen.id, parcel_id=on.id, **given
        ),
    )


def finding(session: Session, seen: Observation, on: Parcel, **values: Any) -> Finding:
    given = {
        "kind": FindingKind.SLIVER,
        "area_m2": 0.2,
        "width_m": 0.05,
        "reason": "narrower than the surveys can tell",
        "geom": stored(square()),
        **values,
    }
    return add(
        session,
        Finding(community_id=seen.community_id, observation_id=seen.id, parcel_id=on.id, **given),
    )


def edit(session: Session, of: Community, **values: Any) -> GeometryEdit:
    """Return an edit of the outline of one parcel, which is gone since."""
    given = {
        "number": next(_numbers),
        "layer": EditLayer.PARCELS,
        "actor": "planner@example.org",
        "at": dt.datetime(2022, 4, 1, 2, tzinfo=dt.UTC),
        "day": dt.date(2022, 4, 1),
        "reason": "as measured",
        **values,
    }
    made = add(session, GeometryEdit(community_id=of.id, id=uuid.uuid4(), **given))
    moved = {f"{side}_id": uuid.uuid4() for side in ("before", "after")} | {
        "before_version": "1",
        "after_version": "2",
    }
    ground = {
        "area_before_m2": 100.0,
        "area_after_m2": 400.0,
        "geom_before": stored(square()),
        "geom_after": stored(square(0, 0, 2)),
    }
    row = {"edit_id": made.id, "place": 0, "change": 0, "ref": fresh("P")}
    add(session, GeometryEditRow(community_id=of.id, **row, **moved, **ground))
    return made


def site(session: Session, of: Community, geom: Any = None, **values: Any) -> Site:
    given = {
        "ref": fresh("S"),
        "kind": SiteKind.CHARGING_PILE,
        "state": SiteState.BUILT,
        "built_on": dt.date(2022, 6, 1),
        "heads": 15,
        "geom": stored(geom or point()),
        **values,
    }
    return add(session, Site(community_id=of.id, **given))


def campaign_papers(
    session: Session, of: Community, run: Campaign, on: Case, **ids: uuid.UUID
) -> dict[str, uuid.UUID]:
    """Return one of everything that a campaign's pages name, by its name in their addresses.

    ``ids`` are by the same names; what is not among them gets an identifier of its own.
    """

    def named(name: str) -> Any:
        return {"id": ids[name]} if name in ids else {}

    record = add(
        session,
        DocumentRecord(
            **named("paper_id"),
            community_id=of.id,
            kind=Document.VISIT_RECORD,
            year=2022,
            number=1,
            campaign_id=run.id,
            case_id=on.id,
            title="A visit",
            issued_on=EARLY,
            issued_by="ana",
            data={},
        ),
    )
    body = add(
        session, Body(community_id=of.id, ref=fresh("B"), kind=BodyKind.OTHER, name="Office")
    )
    meeting = Meeting(
        **named("meeting_id"),
        community_id=of.id,
        campaign_id=run.id,
        number=1,
        held_on=EARLY,
        recorded_by="ana",
    )
    announcement = Announcement(
        **named("announcement_id"),
        community_id=of.id,
        campaign_id=run.id,
        issuer_id=body.id,
        document_id=record.id,
        issued_on=EARLY,
        deadline_on=EARLY + dt.timedelta(days=20),
        standard_version="1",
        objection_route="the office",
        wording="Clear it.",
    )
    lane = Lane(**named("lane_id"), community_id=of.id, ref=fresh("L"), name="Lane")
    tip = Tip(**named("tip_id"), community_id=of.id, received_on=EARLY, wording="behind building 3")
    visit = Visit(
        **named("visit_id"),
        community_id=of.id,
        case_id=on.id,
        visited_on=EARLY,
        actor="ana",
        outcome=VisitOutcome.UNDECIDED,
    )
    return {
        "body_id": body.id,
        "paper_id": record.id,
        "meeting_id": add(session, meeting).id,
        "announcement_id": add(session, announcement).id,
        "lane_id": add(session, lane).id,
        "tip_id": add(session, tip).id,
        "visit_id": add(session, visit).id,
        "site_id": site(session, of, **named("site_id")).id,
    }


def campaign_paper(session: Session, community_id: int, campaign_id: uuid.UUID) -> uuid.UUID:
    """Return a paper of a campaign that belongs to none of its cases."""
    record = DocumentRecord(
        community_id=community_id,
        kind=Document.MINUTES,
        year=2022,
        number=next(_numbers),
        campaign_id=campaign_id,
        title="Minutes",
        issued_on=EARLY,
        issued_by="ana",
        data={},
    )
    return add(session, record).id
