"""New landscaping and charging piles: planned on freed ground, approved, built, removed."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.ledger import today
from cases.models import Encroachment
from cases.sightings import reach
from cases.signing import Signature, text_problems
from gis.crs import SurveyCRS
from gis.problems import InputError, Problem, Said
from gis.validity import POINTS, POLYGONS, WEB_LIMITS, check
from layers.models import STORAGE_SRID, Community, Site, SiteKind, SiteState
from layers.places import lock_community

LONGEST_REF, LONGEST_NAME = 64, 200
MOST_HEADS, MOST_W = 10_000, 1e9
# What survey noise may leave of an enclosure beneath new landscaping.
NOTHING_M2 = 0.01


@dataclass(frozen=True)
class Plan:
    """A site as it is entered; ``shape`` is in EPSG:4326 (x = longitude).

    Landscaping is a polygon; a charging pile a point or a polygon, with ``heads``
    sockets and ``power_w`` in watts.
    """

    ref: str
    kind: SiteKind
    shape: shapely.Geometry | None
    state: SiteState = SiteState.PLANNED
    name: str = ""
    built_on: dt.date | None = None
    heads: int = 0
    power_w: float = 0.0


@dataclass(frozen=True)
class Progress:
    """A site comes from one state to a later one; ``before`` is the state that was read."""

    before: SiteState
    after: SiteState
    built_on: dt.date | None = field(default=None)


def enter_site(session: Session, community: Community, plan: Plan, by: Signature) -> Site:
    """Keep a new site; it is on the map and in the figures at once. The caller commits.

    Raises ``InputError`` with everything that is wrong.
    """
    lock_community(session, community.id)
    problems = [*by.lacks(Permission.SITES_EDIT), *site_problems(session, community, plan)]
    if problems:
        raise InputError(problems)
    made = Site(
        community_id=community.id,
        id=uuid.uuid4(),
        ref=plan.ref.strip(),
        kind=plan.kind,
        state=plan.state,
        name=plan.name.strip(),
        built_on=plan.built_on,
        heads=plan.heads,
        power_w=plan.power_w,
        area_m2=_area_m2(community, plan.shape),
        geom=from_shape(plan.shape, srid=STORAGE_SRID),
    )
    session.add(made)
    session.flush()
    return made


def site_problems(session: Session, community: Community, plan: Plan) -> list[Problem]:
    """Return everything that is wrong with a site that is to be entered."""
    problems = [
        *text_problems([("ref", plan.ref)]),
        *_too_long(plan),
        *_taken(session, community, plan.ref),
        *_wrong_equipment(plan),
        *_wrong_day(community, plan.state, plan.built_on),
        *_wrong_shape(community, plan),
    ]
    if not problems and plan.state is SiteState.BUILT:
        assert plan.shape is not None
        problems = ground_problems(session, community, plan.shape)
    return problems


def bring_forward(
    session: Session, community: Community, site_id: uuid.UUID, progress: Progress, by: Signature
) -> Site:
    """Bring a site to a later state. The caller commits.

    Raises ``InputError`` with everything that is wrong, also where somebody else has
    brought it forward since it was read.
    """
    lock_community(session, community.id)
    site = session.get(Site, (community.id, site_id), populate_existing=True)
    if site is None:
        message = "There is no such site."
        raise InputError([Problem("unknown_site", message, "Choose one from the list.")])
    built_on = progress.built_on or site.built_on
    problems = [
        *by.lacks(Permission.SITES_EDIT),
        *_wrong_step(site, progress),
        *_wrong_day(community, progress.after, built_on),
    ]
    if not problems and progress.after is SiteState.BUILT:
        problems = ground_problems(session, community, to_shape(site.geom))
    if problems:
        raise InputError(problems)
    site.state, site.built_on = progress.after, built_on
    session.flush()
    return site


def list_sites(session: Session, community: Community) -> Sequence[Site]:
    """Return the sites of a community: landscaping first, each kind by its ref."""
    return session.scalars(
        select(Site)
        .where(Site.community_id == community.id)
        .order_by(Site.kind.desc(), func.lpad(Site.ref, LONGEST_REF), Site.ref)
    ).all()


def later_states(state: SiteState) -> list[SiteState]:
    """Return the states that come after ``state``."""
    every = list(SiteState)
    return every[every.index(state) + 1 :]


def _too_long(plan: Plan) -> list[Problem]:
    lengths = (("ref", plan.ref, LONGEST_REF), ("name", plan.name, LONGEST_NAME))
    return [
        Problem(
            "too_long",
            Said("This has {count} characters.", count=len(text)),
            Said("At most {most} fit.", most=most),
            field=name,
        )
        for name, text, most in lengths
        if len(text.strip()) > most
    ]


def _taken(session: Session, community: Community, ref: str) -> list[Problem]:
    known = select(Site.id).where(Site.community_id == community.id, Site.ref == ref.strip())
    if session.scalar(known) is None:
        return []
    return [
        Problem(
            "ref_taken",
            Said("{ref} is there already.", ref=ref.strip()),
            "Choose another.",
            field="ref",
        )
    ]


def _wrong_equipment(plan: Plan) -> list[Problem]:
    """Only piles have heads, and each has some."""
    if plan.kind is SiteKind.LANDSCAPING:
        if not plan.heads and not plan.power_w:
            return []
        message = "Landscaping has neither charging heads nor power."
        return [Problem("heads", message, "Leave both empty.", field="heads")]
    problems = []
    if not 0 < plan.heads <= MOST_HEADS:
        message, remedy = (
            "A charging pile has charging heads.",
            Said("Give 1 to {most}.", most=MOST_HEADS),
        )
        problems.append(Problem("heads", message, remedy, field="heads"))
    if not 0 <= plan.power_w <= MOST_W:
        wrong = Said("{power_w:g} W is no power of a pile.", power_w=plan.power_w)
        problems.append(Problem("power_w", wrong, "Give its power in watts.", field="power_w"))
    return problems


def _wrong_day(community: Community, state: SiteState, built_on: dt.date | None) -> list[Problem]:
    if built_on is None:
        if state is not SiteState.BUILT:
            return []
        message = "What is built was built on a day."
        return [Problem("built_on_missing", message, "Give the day.", field="built_on")]
    if state in {SiteState.PLANNED, SiteState.APPROVED}:
        message = Said("What is {state} has not been built.", state=state)
        remedy = "Leave the day out, or say that it is built."
        return [Problem("built_on", message, remedy, field="built_on")]
    if built_on <= today(community):
        return []
    message = Said("{built_on} is still to come.", built_on=built_on)
    return [Problem("wrong_time", message, "Give the day on which it was built.", field="built_on")]


def _wrong_shape(community: Community, plan: Plan) -> list[Problem]:
    """Check a drawing at the door, and that it lies at the community."""
    if plan.shape is None:
        message, remedy = "Nothing is drawn.", "Draw where it is on the map."
        return [Problem("shape_missing", message, remedy, field="shape")]
    kinds = POLYGONS if plan.kind is SiteKind.LANDSCAPING else POINTS | POLYGONS
    faults = check(np.array([plan.shape], dtype=object), [1], WEB_LIMITS, kinds)
    if faults:
        return [Problem(one.code, one.message, one.remedy, field="shape") for one in faults]
    if community.boundary is None:
        return []
    if shapely.covers(reach(to_shape(community.boundary)), plan.shape):
        return []
    message, remedy = "What is drawn lies outside the community.", "Draw it where it is."
    return [Problem("shape_elsewhere", message, remedy, field="shape")]


def _wrong_step(site: Site, progress: Progress) -> list[Problem]:
    if site.state is not progress.before:
        message = Said(
            "Somebody has changed {ref} since: it is {state} now.", ref=site.ref, state=site.state
        )
        return [Problem("stale", message, "Look at it again.", field="after")]
    if progress.after in later_states(site.state):
        return []
    message = Said(
        "What is {state} does not become {after}.", state=site.state, after=progress.after
    )
    return [Problem("step", message, "Choose a later state.", field="after")]


def ground_problems(
    session: Session, community: Community, shape: shapely.Geometry
) -> list[Problem]:
    """Nothing is built on ground that a verified encroachment still occupies."""
    taken = session.scalars(
        select(Encroachment.standing).where(
            Encroachment.community_id == community.id,
            Encroachment.superseded_on.is_(None),
            Encroachment.verified_on.is_not(None),
            Encroachment.standing.op("&&")(from_shape(shape, srid=STORAGE_SRID)),
        )
    ).all()
    under = [shapely.intersection(shape, to_shape(one)) for one in taken if one is not None]
    left_m2 = sum(_area_m2(community, one) for one in under)
    if left_m2 <= NOTHING_M2 and (shape.geom_type != "Point" or all(map(shapely.is_empty, under))):
        return []
    message = Said(
        "An encroachment still occupies this ground ({left_m2:.2f} m2).", left_m2=left_m2
    )
    remedy = "Have it cleared and accepted first, or draw what is free."
    return [Problem("ground_occupied", message, remedy, field="shape")]


def _area_m2(community: Community, shape: shapely.Geometry | None) -> float:
    survey = SurveyCRS(community.survey_srid)
    return float(shapely.area(survey.to_survey(np.array([shape], dtype=object)))[0])
