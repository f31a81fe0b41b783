"""Everything the map tells of one parcel when somebody asks: title, survey, cases, next moves.

Households appear by their reference only; residents are in no answer of this module.
Ground is for everybody who reads the map; what it says of a household only for those
who see that household or its case.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    String,
    and_,
    cast,
    exists,
    func,
    not_,
    select,
    true,
)
from sqlalchemy.orm import Session, aliased

from cases.access import Permission
from cases.casework import AvailableMove, available_moves
from cases.models import Campaign, Case, CaseEvent, Encroachment, Finding
from layers.frames import Rows
from layers.models import (
    Building,
    Community,
    Household,
    Observation,
    Parcel,
    ParcelHousehold,
    ParcelSurvey,
    Survey,
)
from layers.search import PER_KIND, closest, hit_columns


@dataclass(frozen=True)
class Viewer:
    """Who asks, what they may in this community, and what of it they see.

    ``sees`` is a condition on ``Case``, ``knows`` one on ``Household``.
    """

    actor: str
    permissions: frozenset[Permission]
    sees: ColumnElement[bool] = field(default_factory=true)
    knows: ColumnElement[bool] = field(default_factory=true)


def parcel_file(
    session: Session, community: Community, parcel_id: uuid.UUID, viewer: Viewer
) -> dict[str, Any] | None:
    """Return a parcel with all on it that the viewer sees, ``None`` for no parcel; areas in m2."""
    parcel = session.get(Parcel, (community.id, parcel_id))
    if parcel is None:
        return None
    encroachments = _encroachments(session, parcel, viewer)
    return {
        "id": str(parcel.id),
        "community": community.code,
        "ref": parcel.ref,
        "kind": parcel.kind,
        "building": _building_ref(session, parcel),
        "title": parcel.title_basis,
        "title_evidence": parcel.title_evidence,
        "title_disputed": parcel.title_disputed,
        "area_m2": round(parcel.area_m2, 2),
        "rms_m": parcel.rms_m,
        "source": parcel.source,
        "survey": _survey(session, parcel),
        "looked": [day.isoformat() for day in _looked(session, parcel)],
        "households": _households(session, parcel, viewer),
        "encroachments": encroachments,
        "findings": _findings(session, parcel, viewer),
        "cases": [
            case_file(session, community, case, viewer)
            for case in _cases(session, community, {one["case"] for one in encroachments}, viewer)
        ],
    }


def case_file(session: Session, community: Community, case: Case, viewer: Viewer) -> dict[str, Any]:
    """Return a case with its events and what may happen to it next."""
    campaign = session.get_one(Campaign, (community.id, case.campaign_id))
    household = session.get_one(Household, (community.id, case.household_id))
    return {
        "id": str(case.id),
        "number": case_number(community.code, campaign.started_on.year, case.number),
        "household": household.ref,
        "campaign": campaign.name,
        "state": case.state,
        "since": case.state_since.isoformat(),
        "version": case.version,
        "events": case_events(session, case),
        "moves": case_moves(session, community, case, viewer),
    }


def case_events(session: Session, case: Case) -> list[dict[str, Any]]:
    """Return what happened to a case, oldest first."""
    return [_event(event) for event in session.scalars(_events(case))]


def event_page(
    session: Session, case: Case, after: int, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """Return at most ``limit`` events after number ``after``, and where the next page begins.

    That is the number of the last event of the page, ``None`` where none follows.
    """
    rows = session.scalars(_events(case).where(CaseEvent.seq > after).limit(limit + 1)).all()
    following = rows[limit - 1].seq if len(rows) > limit else None
    return [_event(event) for event in rows[:limit]], following


def case_moves(
    session: Session, community: Community, case: Case, viewer: Viewer
) -> list[dict[str, Any]]:
    """Return what may happen to a case next, each move with what it still lacks."""
    moves = available_moves(session, community, case, viewer.actor, viewer.permissions)
    return [_move(one) for one in moves]


def _events(case: Case) -> Select[CaseEvent]:
    return (
        select(CaseEvent)
        .where(CaseEvent.community_id == case.community_id, CaseEvent.case_id == case.id)
        .order_by(CaseEvent.seq)
    )


def _event(event: CaseEvent) -> dict[str, Any]:
    return {
        "day": event.day.isoformat(),
        "at": event.at.isoformat(),
        "actor": event.actor,
        "event": event.event,
        "state": event.state,
        "document": event.document,
        "note": event.note,
        "captured": event.data.get("captured", []),
    }


def case_number(community: str, year: int, number: int) -> str:
    """Return what people call a case: its community, the campaign's year, its number."""
    return f"{community}-{year}-{number:04d}"


def case_hits(community: Community, text: str, viewer: Viewer) -> Rows:
    """Select what a search finds among cases, by their number, at their first encroachment."""
    label = number_column(community)
    return (
        select(*hit_columns("case", Case.id, label, Encroachment.geom, Encroachment.parcel_id))
        .join(
            Campaign,
            (Campaign.community_id == Case.community_id) & (Campaign.id == Case.campaign_id),
        )
        .join(
            Encroachment,
            (Encroachment.community_id == Case.community_id) & (Encroachment.case_id == Case.id),
        )
        .where(
            Case.community_id == community.id,
            viewer.sees,
            label.icontains(text, autoescape=True),
            Encroachment.id == _first_encroachment(),
        )
        .order_by(*closest(text, label))
        .limit(PER_KIND)
    )


def number_column(community: Community) -> ColumnElement[str]:
    """Return :func:`case_number` as SQL: four digits at least, more where it takes them."""
    year = cast(func.extract("year", Campaign.started_on), String)
    return func.concat(community.code, "-", year, "-", func.to_char(Case.number, "FM99999990000"))


def _first_encroachment() -> ScalarSelect[uuid.UUID]:
    one = aliased(Encroachment)
    return (
        select(one.id)
        .where(one.community_id == Case.community_id, one.case_id == Case.id)
        .order_by(one.superseded_on.desc().nulls_first(), one.found_on, one.id)
        .limit(1)
        .correlate(Case)
        .scalar_subquery()
    )


def _building_ref(session: Session, parcel: Parcel) -> str | None:
    if parcel.building_id is None:
        return None
    return session.get_one(Building, (parcel.community_id, parcel.building_id)).ref


def _survey(session: Session, parcel: Parcel) -> dict[str, Any] | None:
    """Return who surveyed the parcel itself, ``None`` where no file brought it."""
    if parcel.survey_id is None:
        return None
    survey = session.get_one(Survey, (parcel.community_id, parcel.survey_id))
    return {
        "date": survey.surveyed_on.isoformat(),
        "surveyor": survey.surveyor,
        "rms_m": survey.rms_m,
        "crs": survey.crs,
        "file": survey.file_name,
    }


def _looked(session: Session, parcel: Parcel) -> Sequence[dt.date]:
    return session.scalars(
        select(ParcelSurvey.day)
        .where(
            ParcelSurvey.community_id == parcel.community_id, ParcelSurvey.parcel_id == parcel.id
        )
        .distinct()
        .order_by(ParcelSurvey.day)
    ).all()


def _households(session: Session, parcel: Parcel, viewer: Viewer) -> list[dict[str, Any]]:
    rows = session.execute(
        select(Household.ref, ParcelHousehold)
        .join(
            ParcelHousehold,
            (ParcelHousehold.community_id == Household.community_id)
            & (ParcelHousehold.household_id == Household.id),
        )
        .where(
            ParcelHousehold.community_id == parcel.community_id,
            ParcelHousehold.parcel_id == parcel.id,
            viewer.knows,
        )
        .order_by(Household.ref)
    )
    return [
        {
            "ref": ref,
            "role": link.role,
            "method": link.method,
            "share": link.share,
            "distance_m": _rounded(link.distance_m),
        }
        for ref, link in rows
    ]


def _encroachments(session: Session, parcel: Parcel, viewer: Viewer) -> list[dict[str, Any]]:
    rows = session.execute(
        _seen(Encroachment)
        .add_columns(Household.ref)
        .outerjoin(
            Household,
            (Household.community_id == Encroachment.community_id)
            & (Household.id == Encroachment.household_id),
        )
        .where(
            Encroachment.community_id == parcel.community_id,
            Encroachment.parcel_id == parcel.id,
            not_(_is_of_others(viewer)),
        )
        .order_by(Encroachment.found_on, Encroachment.id)
    )
    return [
        {
            "id": str(found.id),
            "observation": seen.ref,
            "structure": seen.structure_type,
            "observed_on": seen.observed_on.isoformat(),
            "occupied_m2": _rounded(found.occupied_m2),
            "countable_m2": _rounded(found.countable_m2),
            # Two standard deviations, as areas are reported (DOMAIN 13).
            "uncertainty_m2": _rounded(2 * found.sigma_m2),
            "household": household,
            "answer_basis": found.answer_basis,
            "case": None if found.case_id is None else str(found.case_id),
            "found_on": found.found_on.isoformat(),
            "verified_on": _iso(found.verified_on),
            "superseded_on": _iso(found.superseded_on),
            "standing": found.standing is not None and found.superseded_on is None,
        }
        for found, seen, household in rows
    ]


def _findings(session: Session, parcel: Parcel, viewer: Viewer) -> list[dict[str, Any]]:
    of_others = exists().where(
        Encroachment.community_id == Finding.community_id,
        Encroachment.observation_id == Finding.observation_id,
        _is_of_others(viewer),
    )
    rows = session.execute(
        _seen(Finding)
        .where(
            Finding.community_id == parcel.community_id,
            Finding.parcel_id == parcel.id,
            not_(of_others),
        )
        .order_by(Observation.observed_on, Finding.id)
    )
    return [
        {
            "id": str(finding.id),
            "observation": seen.ref,
            "observed_on": seen.observed_on.isoformat(),
            "kind": finding.kind,
            "area_m2": _rounded(finding.area_m2),
            "width_m": _rounded(finding.width_m),
            "reason": finding.reason,
        }
        for finding, seen in rows
    ]


def _is_of_others(viewer: Viewer) -> ColumnElement[bool]:
    """Return which encroachments a case answers for that the viewer does not see."""
    mine = exists().where(
        Case.community_id == Encroachment.community_id,
        Case.id == Encroachment.case_id,
        viewer.sees,
    )
    return and_(Encroachment.case_id.is_not(None), not_(mine))


def _seen(model: type[Encroachment] | type[Finding]) -> Rows:
    """Select rows together with the observation behind each."""
    return select(model, Observation).join(
        Observation,
        (Observation.community_id == model.community_id) & (Observation.id == model.observation_id),
    )


def _cases(
    session: Session, community: Community, wanted: set[str | None], viewer: Viewer
) -> Sequence[Case]:
    keys = [uuid.UUID(key) for key in wanted if key is not None]
    return session.scalars(
        select(Case)
        .where(Case.community_id == community.id, Case.id.in_(keys), viewer.sees)
        .order_by(Case.state_since.desc(), Case.number)
    ).all()


def _move(available: AvailableMove) -> dict[str, Any]:
    step = available.move
    return {
        "target": step.target,
        "permitted": available.is_permitted,
        "document": step.document,
        "requires": sorted(step.requires),
        "lacks": [problem.as_json() for problem in available.lacks],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _iso(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()
