"""Move a case through the workflow, with what each move does to the area ledger.

Every move runs under a lock on its case, checks all that it needs at once, and
writes the event, the entries and the projections in the caller's transaction.
"""

import datetime as dt
import unicodedata
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from geoalchemy2 import WKBElement
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.declared import declare, take_back_declared
from cases.ledger import CLOCK_SLACK, Book, Moment, as_array, wrong_time
from cases.models import Case, CaseEvent, Encroachment, EntryKind
from cases.observing import observe
from cases.policy import Policy
from cases.workflow import CLEARED_STATES, MOVES, Move, Requirement, State, moves_from
from gis.crs import SurveyCRS
from gis.precision import firm
from gis.problems import InputError, Problem
from gis.residual import Residual, residual
from gis.validity import POLYGONS, WEB_LIMITS, check
from layers.models import (
    STORAGE_SRID,
    Community,
    Observation,
    ObservationStatus,
    Parcel,
    ParcelKind,
    Purpose,
    TitleBasis,
)
from layers.places import lock_community

LONGEST_TEXT = 2_000
# A re-survey may reach some 50 m beyond the ground that it measures.
RESIDUAL_REACH_DEGREES = 5e-4


class StaleVersion(Exception):
    """Somebody else changed the case since the caller read it."""

    def __init__(self, case: Case) -> None:
        """Keep the case as it is now."""
        self.case = case
        super().__init__(
            f"The case has changed since it was read (version {case.version} now)."
            " Read it again and repeat what still applies."
        )


@dataclass(frozen=True)
class Nothing:
    """A re-survey that found the ground clear."""


NOTHING_LEFT = Nothing()


@dataclass(frozen=True)
class Request:
    """What somebody asks of a case.

    ``residual`` is the polygon still occupied, in EPSG:4326 (x = longitude), or
    ``NOTHING_LEFT``; ``permissions`` of ``None`` are the operator's, who may all.
    """

    target: State
    actor: str
    at: dt.datetime | None = None
    document: str = ""
    reason: str = ""
    residual: shapely.Geometry | Nothing | None = None
    version: int | None = None
    permissions: frozenset[Permission] | None = None


@dataclass(frozen=True)
class AvailableMove:
    """A move that the table allows now, and what it still lacks."""

    move: Move
    is_permitted: bool
    lacks: tuple[Problem, ...]


def move(session: Session, community: Community, case_id: uuid.UUID, request: Request) -> Case:
    """Make one move; raises ``InputError`` with everything that it lacks, by field.

    The caller commits. Raises ``StaleVersion`` where ``request.version`` is not
    the case's.
    """
    lock_community(session, community.id)
    case = session.get(Case, (community.id, case_id), with_for_update=True, populate_existing=True)
    if case is None:
        raise InputError(
            [Problem("unknown_case", "There is no such case.", "Choose one from the list.")]
        )
    if request.version is not None and request.version != case.version:
        raise StaleVersion(case)
    work = _Work(session, community, case, request)
    step = MOVES.get((case.state, request.target))
    problems = [_not_allowed(case, request.target)] if step is None else work.problems(step)
    if step is None or problems:
        raise InputError(problems)
    work.carry_out(step)
    return case


def available_moves(
    session: Session,
    community: Community,
    case: Case,
    actor: str,
    permissions: frozenset[Permission] | None,
) -> list[AvailableMove]:
    """Return the moves from the case's state, each with what an empty request lacks."""
    found = []
    for step in moves_from(case.state):
        work = _Work(session, community, case, Request(step.target, actor))
        allowed = permissions is None or step.permission in permissions
        if not step.requires >= {Requirement.NEW_OBSERVATION}:
            found.append(AvailableMove(step, allowed, tuple(work.problems(step))))
    return found


def confirm(
    session: Session, community: Community, case_id: uuid.UUID, actor: str, at: dt.datetime | None
) -> Case:
    """Verify the encroachments that were found after the case itself was verified."""
    lock_community(session, community.id)
    case = session.get_one(
        Case, (community.id, case_id), with_for_update=True, populate_existing=True
    )
    work = _Work(session, community, case, Request(case.state, actor, at))
    if case.state in {State.SUSPECTED, State.REJECTED} or not work.unverified():
        problem = Problem(
            "nothing_to_confirm",
            f"The case is {case.state} and has no area to confirm.",
            "Verify a suspected case; confirm only what was found later.",
        )
        raise InputError([problem])
    if case.state in CLEARED_STATES:
        raise AssertionError("a cleared case has no unverified ground")
    work.verify()
    case.version += 1
    work.record("case:area:confirmed", None)
    return case


class _Work:
    """One request on one locked case."""

    def __init__(
        self, session: Session, community: Community, case: Case, request: Request
    ) -> None:
        self.session = session
        self.community = community
        self.case = case
        self.request = request
        self.moment = Moment.of(community, request.at)
        self.survey = SurveyCRS(community.survey_srid)
        self.policy = Policy.of(community.policy)
        self.book = Book(self.survey)

    def problems(self, step: Move) -> list[Problem]:
        """Return everything that the request lacks for ``step``."""
        checks: dict[Requirement, Callable[[Move], list[Problem]]] = {
            Requirement.DOCUMENT: self._lacks_document,
            Requirement.REASON: self._lacks_reason,
            Requirement.KNOWN_TITLE: self._lacks_title,
            Requirement.ALL_VERIFIED: self._lacks_verification,
            Requirement.NOTHING_CLEARED: self._has_cleared,
            Requirement.RESIDUAL: self._lacks_residual,
            Requirement.RESIDUAL_WITHIN_TOLERANCE: self._exceeds_tolerance,
            Requirement.SECOND_PERSON: self._lacks_second_person,
            Requirement.NEW_OBSERVATION: self._lacks_observation,
        }
        found = [*self._lacks_permission(step), *self._wrong_time(), *self._text_problems()]
        for requirement in sorted(step.requires):
            found += checks[requirement](step)
        return found

    def carry_out(self, step: Move) -> None:
        """Do what the move does to areas, then move and record."""
        effects: dict[State, Callable[[], None]] = {
            State.VERIFIED: self.verify,
            State.REJECTED: self._reject,
            State.SELF_CLEARING: self._declare,
            State.ASSISTED: self._declare,
            State.VISITED: self._withdraw_declaration,
            State.ACCEPTED: self._accept,
        }
        observation = self._store_residual() if step.target is State.INSPECTED else None
        effects.get(step.target, lambda: None)()
        self.case.state = step.target
        self.case.state_since = self.moment.day
        self.case.version += 1
        self.record(f"case:state:{step.target}", step.target, observation)

    def record(self, event: str, state: State | None, observation: uuid.UUID | None = None) -> None:
        """Write the event and everything entered in the area ledger."""
        self.book.record(
            self.moment,
            (self.community.id, self.case.id),
            self.request.actor,
            event,
            state=state,
            document=self.request.document,
            note=self.request.reason,
            observation=observation,
            data={"nothing_left": True} if self.request.residual is NOTHING_LEFT else None,
        )
        self.session.flush()
        self.book.post(self.session)

    def encroachments(self) -> list[Encroachment]:
        """Return the case's encroachments that still count."""
        return list(
            self.session.scalars(
                select(Encroachment)
                .where(
                    Encroachment.community_id == self.community.id,
                    Encroachment.case_id == self.case.id,
                    Encroachment.superseded_on.is_(None),
                )
                .order_by(Encroachment.id)
            )
        )

    def unverified(self) -> list[Encroachment]:
        """Return what was found and nobody has verified."""
        return [found for found in self.encroachments() if found.verified_on is None]

    def verify(self) -> None:
        """Count what was suspected as encroached."""
        for found in self.unverified():
            ground = self._ground(found.geom)
            self._enter(EntryKind.SUSPECTED, found, ground, -found.occupied_m2)
            self._enter(EntryKind.ENCROACHED, found, ground, found.occupied_m2)
            found.verified_on = self.moment.day

    def _reject(self) -> None:
        """Take the case's areas back and withdraw the observations behind them."""
        take_back_declared(self.session, self.book, self.moment, self.case)
        for found in self.encroachments():
            kind = EntryKind.SUSPECTED if found.verified_on is None else EntryKind.ENCROACHED
            self._enter(kind, found, self._ground(found.geom), -found.occupied_m2)
            found.superseded_on, found.standing = self.moment.day, None
            observation = self.session.get_one(
                Observation, (self.community.id, found.observation_id)
            )
            observation.status = ObservationStatus.WITHDRAWN
            observation.ended_on = self.moment.day
            # It waits for flagging, as neighbours may now own ground that it had.

    def _declare(self) -> None:
        """Enter what the household says it clears."""
        verified = [found for found in self.encroachments() if found.verified_on is not None]
        declare(self.session, self.book, self.moment, self.case, verified)

    def _withdraw_declaration(self) -> None:
        """Take a declaration back when the household must be visited again."""
        take_back_declared(self.session, self.book, self.moment, self.case)

    def _accept(self) -> None:
        """Enter as reclaimed what the re-survey found free, and keep what it did not."""
        standing = [found for found in self.encroachments() if found.verified_on is not None]
        standing = [found for found in standing if found.standing is not None]
        result = self._residual_of(standing)
        left = self.survey.to_storage(firm(result.occupied.geometry))
        for index, found in enumerate(standing):
            freed = result.reclaimed.geometry[index]
            if freed is not None:
                self._enter(EntryKind.RECLAIMED, found, freed, result.reclaimed.area_m2[index])
                found.cleared_on = self.moment.day
            found.standing = None if left[index] is None else _stored(left[index])

    def _residual_of(self, standing: list[Encroachment]) -> Residual:
        """Compare what stands with the polygon of the last inspection."""
        grounds = as_array([self._ground(found.standing) for found in standing])
        polygon, rms = self._inspected()
        rms_standing = [self._rms(found) for found in standing]
        return residual(
            grounds,
            np.array(rms_standing, dtype=np.float64),
            as_array([] if polygon is None else [polygon]),
            np.array([] if polygon is None else [rms], dtype=np.float64),
            self.policy.tolerances,
        )

    def _rms(self, found: Encroachment) -> float:
        """Return the RMS in m of an encroachment's outline: of observation and parcel."""
        key = (self.community.id, found.observation_id)
        parcel = self.session.get_one(Parcel, (self.community.id, found.parcel_id))
        return float(np.hypot(self.session.get_one(Observation, key).rms_m, parcel.rms_m))

    def _inspected(self) -> tuple[shapely.Geometry | None, float]:
        """Return the polygon (survey CRS) and RMS of the last inspection; no polygon, nothing."""
        event = self._last(State.INSPECTED)
        if event is None or event.observation_id is None:
            return None, 0.0
        seen = self.session.get_one(Observation, (self.community.id, event.observation_id))
        return self._ground(seen.geom), seen.rms_m

    def _last(self, state: State) -> CaseEvent | None:
        return self.session.scalars(
            select(CaseEvent)
            .where(
                CaseEvent.community_id == self.community.id,
                CaseEvent.case_id == self.case.id,
                CaseEvent.state == state,
            )
            .order_by(CaseEvent.seq.desc())
            .limit(1)
        ).first()

    def _store_residual(self) -> uuid.UUID | None:
        """Keep the re-survey's polygon as an observation of purpose residual."""
        if not isinstance(self.request.residual, shapely.Geometry):
            return None
        count = self.session.scalar(
            select(func.count()).where(
                CaseEvent.community_id == self.community.id,
                CaseEvent.case_id == self.case.id,
                CaseEvent.state == State.INSPECTED,
            )
        )
        return observe(
            self.session,
            self.community,
            self.request.residual,
            ref=f"R-{self.case.id.hex[:12]}-{int(count or 0) + 1}",
            purpose=Purpose.RESIDUAL,
            observed_on=self.moment.day,
            rms_m=self._residual_rms(),
            note=self.request.reason,
        ).id

    def _residual_rms(self) -> float:
        """Measure the residual as well as the survey that found the encroachment."""
        found = self.encroachments()
        key = (self.community.id, found[0].observation_id)
        return self.session.get_one(Observation, key).rms_m

    def _enter(
        self, kind: EntryKind, found: Encroachment, ground: shapely.Geometry, m2: float
    ) -> None:
        key = (self.community.id, self.case.id, found.id)
        self.book.enter(kind, self.moment, key, ground, m2)

    def _ground(self, stored: WKBElement | None) -> shapely.Geometry:
        """Return a stored geometry in the survey CRS."""
        shape = None if stored is None else to_shape(stored)
        return self.survey.to_survey(as_array([shape]))[0]

    def _lacks_permission(self, step: Move) -> list[Problem]:
        allowed = self.request.permissions
        if allowed is None or step.permission in allowed:
            return []
        return [
            Problem(
                "not_permitted",
                f"This account lacks the permission {step.permission}.",
                "Ask somebody whose role has it.",
                field="actor",
            )
        ]

    def _wrong_time(self) -> list[Problem]:
        last = self.session.scalar(
            select(func.max(CaseEvent.at)).where(
                CaseEvent.community_id == self.community.id, CaseEvent.case_id == self.case.id
            )
        )
        at = self.moment.at
        if last is not None and at < last:
            return [
                wrong_time(f"The case's last event was at {last.isoformat()}, later than {at}.")
            ]
        if at > dt.datetime.now(dt.UTC) + CLOCK_SLACK:
            return [wrong_time(f"{at.isoformat()} is still to come.")]
        return []

    def _text_problems(self) -> list[Problem]:
        """Keep what is signed short enough to be printed."""
        return [
            Problem(
                "too_long",
                f"The {name} has more than {LONGEST_TEXT} characters.",
                "Shorten it.",
                field=name,
            )
            for name, text in (("document", self.request.document), ("reason", self.request.reason))
            if len(text) > LONGEST_TEXT
        ]

    def _lacks_verification(self, _step: Move) -> list[Problem]:
        """Nobody can sign for ground that nobody verified, nor for no ground at all."""
        current = self.encroachments()
        unverified = [found for found in current if found.verified_on is None]
        if unverified:
            return [
                Problem(
                    "unverified_ground",
                    f"{len(unverified)} encroachments of the case are not verified.",
                    "Confirm them, or withdraw their observations.",
                    field="target",
                )
            ]
        if any(found.standing is not None for found in current):
            return []
        return [
            Problem(
                "nothing_stands",
                "No verified encroachment of the case still stands.",
                "Flag again; a case without ground is rejected by itself.",
                field="target",
            )
        ]

    def _has_cleared(self, _step: Move) -> list[Problem]:
        """What was reclaimed stays in the record, so its case cannot be undone."""
        if all(found.cleared_on is None for found in self.encroachments()):
            return []
        return [
            Problem(
                "already_cleared",
                "Ground of this case was accepted as cleared and stays in the record.",
                "Withdraw the observation that reported the rebound instead.",
                field="target",
            )
        ]

    def _lacks_document(self, step: Move) -> list[Problem]:
        if self.request.document.strip():
            return []
        return [
            Problem(
                "document_missing",
                f"The move to {step.target} rests on a document: {step.document}.",
                "Give its number.",
                field="document",
            )
        ]

    def _lacks_reason(self, step: Move) -> list[Problem]:
        if self.request.reason.strip():
            return []
        return [
            Problem(
                "reason_missing",
                f"The move from {step.source} to {step.target} needs a reason.",
                "Say why in a sentence.",
                field="reason",
            )
        ]

    def _lacks_title(self, step: Move) -> list[Problem]:
        """Only common green of settled title is announced or referred (rule 1)."""
        doubtful = self.session.scalars(
            select(Parcel.ref)
            .join(
                Encroachment,
                (Encroachment.community_id == Parcel.community_id)
                & (Encroachment.parcel_id == Parcel.id),
            )
            .where(
                Encroachment.community_id == self.community.id,
                Encroachment.case_id == self.case.id,
                Encroachment.superseded_on.is_(None),
                Parcel.title_disputed
                | Parcel.title_basis.in_([TitleBasis.UNKNOWN, TitleBasis.INDIVIDUAL])
                | (Parcel.kind != ParcelKind.PUBLIC_GREEN),
            )
            .order_by(Parcel.ref)
        ).all()
        return [
            Problem(
                "title_doubtful",
                f"Parcel {ref} is not common green, or its title is unknown or disputed.",
                "Settle the title with its evidence first.",
                field="title_basis",
            )
            for ref in doubtful
        ]

    def _lacks_residual(self, _step: Move) -> list[Problem]:
        given = self.request.residual
        if given is None:
            return [
                Problem(
                    "residual_missing",
                    "An inspection says what is still occupied.",
                    "Give the polygon that is left, or say that nothing is left.",
                    field="residual",
                )
            ]
        if isinstance(given, Nothing):
            return []
        return self._bad_polygon(given)

    def _bad_polygon(self, given: shapely.Geometry) -> list[Problem]:
        """Check a residual at the door, and that it lies at the case's own ground."""
        faults = [
            Problem(fault.code, fault.message, fault.remedy, field="residual")
            for fault in check(np.array([given], dtype=object), [1], WEB_LIMITS, POLYGONS)
        ]
        if faults:
            return faults
        grounds = [to_shape(found.geom) for found in self.encroachments()]
        around = shapely.box(*shapely.total_bounds(np.array(grounds, dtype=object))).buffer(
            RESIDUAL_REACH_DEGREES
        )
        touches = shapely.intersects(given, np.array(grounds, dtype=object)).any()
        if touches and shapely.covers(around, given):
            return []
        return [
            Problem(
                "residual_elsewhere",
                "The residual polygon does not lie at the case's encroachments.",
                "Draw what is left on the case's ground, or say that nothing is left.",
                field="residual",
            )
        ]

    def _exceeds_tolerance(self, _step: Move) -> list[Problem]:
        standing = [found for found in self.encroachments() if found.standing is not None]
        left = float(self._residual_of(standing).occupied.area_m2.sum())
        allowed = self.policy.residual_tolerance_m2
        if left <= allowed:
            return []
        return [
            Problem(
                "residual_too_large",
                f"{left:.2f} m2 are still occupied; {allowed:.2f} m2 would be tolerated.",
                "Send the case back for clearing with the reason.",
                field="residual",
            )
        ]

    def _lacks_second_person(self, _step: Move) -> list[Problem]:
        inspection = self._last(State.INSPECTED)
        if inspection is None or person(inspection.actor) != person(self.request.actor):
            return []
        return [
            Problem(
                "same_person",
                f"{inspection.actor} inspected this case and cannot accept it too.",
                "Let a second person accept.",
                field="actor",
            )
        ]

    def _lacks_observation(self, step: Move) -> list[Problem]:
        return [
            Problem(
                "observation_missing",
                f"A case becomes {step.target} only by what is observed or withdrawn.",
                "Record or withdraw the observation and flag.",
                field="target",
            )
        ]


def person(actor: str) -> str:
    """Return the spelling by which one person is one, however the name was typed."""
    return unicodedata.normalize("NFKC", actor).strip().casefold()


def _not_allowed(case: Case, target: State) -> Problem:
    open_ways = ", ".join(step.target for step in moves_from(case.state)) or "nowhere"
    return Problem(
        "move_not_allowed",
        f"A case that is {case.state} does not become {target}.",
        f"From {case.state} it goes to: {open_ways}.",
        field="target",
    )


def _stored(geometry: shapely.Geometry) -> WKBElement:
    return from_shape(geometry, srid=STORAGE_SRID)
