"""What a move needs beside its permission, and what a request lacks of it."""

import datetime as dt
import unicodedata
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy import select

from cases.access import Permission
from cases.documents import wrong_paper
from cases.ground import Ground
from cases.ledger import Moment, time_problems
from cases.models import Encroachment
from cases.workflow import Addressee, Move, Requirement, State
from gis.problems import Problem
from gis.validity import POLYGONS, WEB_LIMITS, check
from layers.models import Parcel, ParcelKind, TitleBasis

LONGEST_TEXT = 2_000
# A re-survey may reach some 50 m beyond the ground that it measures.
RESIDUAL_REACH_DEGREES = 5e-4


@dataclass(frozen=True)
class Nothing:
    """A re-survey that found the ground clear."""


NOTHING_LEFT = Nothing()


@dataclass(frozen=True)
class Request:
    """What somebody asks of a case.

    ``residual`` is the polygon still occupied, in EPSG:4326 (x = longitude), or
    ``NOTHING_LEFT``; ``permissions`` of ``None`` are the operator's, who may all.
    ``addressee`` is to whom a refusal is referred; ``objection`` the one that its
    decision upholds, which alone may send a case back; ``announcement`` the poster that
    shows the case, which alone announces it.
    """

    target: State
    actor: str
    at: dt.datetime | None = None
    document: str = ""
    reason: str = ""
    residual: shapely.Geometry | Nothing | None = None
    version: int | None = None
    permissions: frozenset[Permission] | None = None
    addressee: Addressee = Addressee.AUTHORITY
    objection: uuid.UUID | None = None
    announcement: uuid.UUID | None = None


@dataclass(frozen=True)
class Requirements:
    """One request on one case, and everything that it lacks."""

    ground: Ground
    request: Request
    moment: Moment

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
            Requirement.CLOCK_RUNS: self._clock_stands,
            Requirement.DEADLINE_PASSED: self._is_before_deadline,
            Requirement.UPHELD_OBJECTION: self._lacks_objection,
            Requirement.ANNOUNCEMENT: self._lacks_announcement,
            Requirement.UNANNOUNCED_GROUND: self._is_all_announced,
            Requirement.GROUND_ANNOUNCED: self._is_unannounced,
            Requirement.PATROLS_DONE: self._lacks_patrols,
        }
        session, case = self.ground.session, self.ground.case
        found = [
            *lacks_permission(self.request.permissions, step.permission),
            *time_problems(session, case.community_id, case.id, self.moment.at),
            *self._text_problems(),
        ]
        for requirement in sorted(step.requires):
            found += checks[requirement](step)
        return found

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
        current = self.ground.encroachments()
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
        if all(found.cleared_on is None for found in self.ground.encroachments()):
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
        number = self.request.document
        if number.strip() and step.document is not None:
            case = self.ground.case
            return wrong_paper(self.ground.session, case, number, step.document, "document")
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
        doubtful = self.ground.session.scalars(
            select(Parcel.ref)
            .join(
                Encroachment,
                (Encroachment.community_id == Parcel.community_id)
                & (Encroachment.parcel_id == Parcel.id),
            )
            .where(
                Encroachment.community_id == self.ground.community.id,
                Encroachment.case_id == self.ground.case.id,
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
        grounds = [to_shape(found.geom) for found in self.ground.encroachments()]
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
        standing = [found for found in self.ground.encroachments() if found.standing is not None]
        left = float(self.ground.residual_of(standing).occupied.area_m2.sum())
        allowed = self.ground.policy.residual_tolerance_m2
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
        inspection = self.ground.last(State.INSPECTED)
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

    def _clock_stands(self, step: Move) -> list[Problem]:
        """Nobody is pressed while an objection is undecided."""
        since = self.ground.case.suspended_on
        if since is None:
            return []
        return [
            Problem(
                "clock_stands",
                f"An objection of {since} is undecided, so the case does not become {step.target}.",
                "Decide the objection first.",
                field="target",
            )
        ]

    def _is_before_deadline(self, _step: Move) -> list[Problem]:
        deadline = self.ground.case.deadline_on
        if deadline is not None and self.moment.day > deadline:
            return []
        if deadline is None:
            return [
                Problem(
                    "no_deadline",
                    "The household was never given a deadline.",
                    "Announce the case first.",
                    field="target",
                )
            ]
        return [
            Problem(
                "deadline_not_passed",
                f"The household has time until {deadline}.",
                "Refer the case once its deadline has passed.",
                field="target",
            )
        ]

    def _lacks_announcement(self, _step: Move) -> list[Problem]:
        if self.request.announcement is not None:
            return []
        return [
            Problem(
                "announcement_missing",
                "A case is announced by a poster with its map and its deadline alone.",
                "Issue an announcement of the campaign and choose the case there.",
                field="target",
            )
        ]

    def _is_all_announced(self, _step: Move) -> list[Problem]:
        if self.ground.unannounced_m2() > 0:
            return []
        return [
            Problem(
                "already_announced",
                "All ground of the case has been announced.",
                "Extend its deadline where the household needs more time.",
                field="target",
            )
        ]

    def _is_unannounced(self, _step: Move) -> list[Problem]:
        """The household was given time for what it was told of, and for nothing else."""
        left = self.ground.unannounced_m2()
        if left <= 0:
            return []
        return [
            Problem(
                "ground_unannounced",
                f"{left:.2f} m2 of the case have not been announced.",
                "Announce the case again, with all of its ground.",
                field="target",
            )
        ]

    def _lacks_patrols(self, _step: Move) -> list[Problem]:
        """Cleared ground is watched until the last day of the community's patrols."""
        patrolled = self.ground.patrolled()
        done = 0 if patrolled is None else patrolled[1]
        left = [days for days in self.ground.policy.patrol_days if days > done]
        if not left:
            return []
        return [
            Problem(
                "patrols_missing",
                f"The patrols after {', '.join(map(str, left))} days have not been made.",
                "Make the last of them; it serves for those that were missed.",
                field="target",
            )
        ]

    def _lacks_objection(self, step: Move) -> list[Problem]:
        if self.request.objection is not None:
            return []
        return [
            Problem(
                "objection_missing",
                f"A case goes back to {step.target} only by an objection that is upheld.",
                "Decide the objection.",
                field="target",
            )
        ]


def lacks_permission(
    allowed: frozenset[Permission] | None, permission: Permission
) -> list[Problem]:
    """Return the problem of somebody who may only what is ``allowed``; ``None`` may all."""
    if allowed is None or permission in allowed:
        return []
    return [
        Problem(
            "not_permitted",
            f"This account lacks the permission {permission}.",
            "Ask somebody whose role has it.",
            field="actor",
        )
    ]


def person(actor: str) -> str:
    """Return the spelling by which one person is one, however the name was typed."""
    return unicodedata.normalize("NFKC", actor).strip().casefold()
