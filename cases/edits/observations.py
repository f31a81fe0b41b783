"""Observations edited at the desk: a correction is a new row that replaces the old one."""

import datetime as dt
import hashlib
import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import exists, select

from cases.edits.layers import EditedLayer, Planned
from cases.edits.plans import Draw, Feature, Read, State, Step, Written, is_replaced, wrong
from cases.edits.verified import drawn_away, unconfirmed
from cases.ledger import Moment, today
from cases.lineage import successors
from cases.models import AnswerBasis, AreaEntry, Encroachment, Photograph
from cases.registry import find_household
from cases.requirements import LONGEST_TEXT
from cases.signing import Signature
from gis.problems import Problem, Said
from layers.bulk import among
from layers.models import (
    STORAGE_SRID,
    Observation,
    ObservationStatus,
    Purpose,
    StructureType,
)

_KEPT = ("purpose", "structure_type", "rms_m", "note")


class EditedObservations(EditedLayer):
    """What was seen on the ground and still speaks; what an inspection measured is not edited."""

    alike = ("purpose", "structure_type", "observed_on", "occupier_id")

    def refs(self) -> set[str]:
        """Return the refs of the observations that are open."""
        mine = Observation.community_id == self.community.id
        is_open = Observation.status == ObservationStatus.OPEN
        return set(self.session.scalars(select(Observation.ref).where(mine, is_open)))

    def read(self, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Feature]:
        """Return open observations; their version changes with what is decided about them."""
        rows = self.session.scalars(
            select(Observation)
            .where(
                Observation.community_id == self.community.id,
                among(Observation.id, ids),
                Observation.status == ObservationStatus.OPEN,
                Observation.purpose != Purpose.RESIDUAL,
            )
            .execution_options(populate_existing=True)
        ).all()
        versions = self._versions([one.id for one in rows])
        return {one.id: _feature(one, versions[one.id]) for one in rows}

    def _versions(self, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
        """Return what changes with everything that somebody decides about an observation."""
        rows = self.session.execute(
            select(
                Encroachment.observation_id,
                Encroachment.id,
                Encroachment.household_id,
                Encroachment.verified_on,
                Encroachment.cleared_on,
            )
            .where(
                Encroachment.community_id == self.community.id,
                among(Encroachment.observation_id, ids),
                Encroachment.superseded_on.is_(None),
                Encroachment.verified_on.is_not(None)
                | (Encroachment.answer_basis == AnswerBasis.PERSON),
            )
            .order_by(Encroachment.id)
        )
        told: defaultdict[uuid.UUID, list[Any]] = defaultdict(list)
        for row in rows:
            told[row.observation_id].append(tuple(row)[1:])
        return {key: hashlib.sha256(f"{key}{told[key]!r}".encode()).hexdigest()[:16] for key in ids}

    def now_at(self, row: uuid.UUID) -> Sequence[Feature]:
        """Return the observation, or those that have replaced it since."""
        seen = self.session.get(Observation, (self.community.id, row))
        if seen is None:
            return []
        return list(self.read([one.id for one in successors(self.session, seen)]).values())

    def draw(self, at: int, change: Draw) -> Planned:
        """Plan a new observation of today, or of the day that is given."""
        given, problems = change.attributes, []
        day = given.get("observed_on") or today(self.community)
        household = str(given.get("household") or "").strip()
        home = find_household(self.session, self.community, household) if household else None
        if household and home is None:
            message = Said("There is no household {ref}.", ref=household)
            remedy = "Give the ref of one that is there."
            problems.append(wrong(at, "unknown_household", message, remedy, "household"))
        if day > today(self.community):
            message, remedy = Said("{day} is still to come.", day=day), "Give the day it was seen."
            problems.append(wrong(at, "wrong_time", message, remedy, "observed_on"))
        note = str(given.get("note") or "").strip()
        if len(note) > LONGEST_TEXT:
            message = Said(
                "The note has more than {longest_text} characters.", longest_text=LONGEST_TEXT
            )
            problems.append(wrong(at, "too_long", message, "Shorten it.", "note"))
        if problems or change.shape is None:
            return [], problems
        attributes = {
            "purpose": Purpose.BASELINE_SURVEY.value,
            "structure_type": str(given.get("structure_type") or StructureType.OTHER),
            "rms_m": self.policy.sketch_rms_m if given.get("rms_m") is None else given["rms_m"],
            "note": note,
            "occupier_id": home and str(home.id),
            "observed_on": day.isoformat(),
            "survey_id": None,
        }
        ref = f"D-{uuid.uuid4().hex[:12]}"
        return [Step(at, None, self.stated(ref, change.shape, attributes))], []

    def merged(self, features: Sequence[Feature]) -> dict[str, Any]:
        """Know the whole as exactly as its worst part, and keep every note."""
        every = [one.state.attributes for one in features]
        notes = dict.fromkeys(one["note"] for one in every if one["note"])
        note = "\n".join(notes)[:LONGEST_TEXT]
        return {**every[0], "rms_m": max(one["rms_m"] for one in every), "note": note}

    def judge(self, steps: Sequence[Step], is_undo: bool) -> list[Problem]:
        """Refuse to remove what a case rests on; whoever verifies withdraws that."""
        gone = {
            one.before.id: one
            for one in steps
            if one.before and one.after is None and not is_replaced(one, steps)
        }
        if is_undo:
            return []
        remedy = "Correct its outline, or ask an inspector to withdraw it."
        removed = [
            wrong(
                gone[key].change,
                "rests",
                Said("A case rests on {ref}.", ref=_ref(gone[key])),
                remedy,
            )
            for key in self._in_cases(list(gone))
        ]
        return removed + drawn_away(self.session, self.community.id, steps)

    def unconfirmed(self, steps: Sequence[Step], confirmed: Collection[int]) -> list[Problem]:
        """Ask before what was verified is suspected again."""
        return unconfirmed(self.session, self.community, steps, confirmed)

    def built_upon(self, features: Sequence[Feature]) -> list[Problem]:
        """Return which observations were verified or photographed since they were made."""
        ids = [one.id for one in features]
        verified = select(Encroachment.observation_id).where(
            Encroachment.community_id == self.community.id,
            among(Encroachment.observation_id, ids),
            Encroachment.verified_on.is_not(None),
        )
        photographed = select(Photograph.observation_id).where(
            Photograph.community_id == self.community.id, among(Photograph.observation_id, ids)
        )
        upon = set(self.session.scalars(verified.union(photographed)))
        remedy = "Draw what it should be instead."
        return [
            Problem(
                "built_upon",
                Said("{ref} was verified or photographed since.", ref=one.state.ref),
                remedy,
                field="changes",
            )
            for one in features
            if one.id in upon
        ]

    def _in_cases(self, ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
        tables = (Encroachment, AreaEntry, Photograph)
        named = [
            exists().where(
                table.community_id == self.community.id,
                table.observation_id == Observation.id,
                table.case_id.is_not(None),
            )
            for table in tables
        ]
        return list(
            self.session.scalars(
                select(Observation.id).where(
                    Observation.community_id == self.community.id,
                    among(Observation.id, ids),
                    named[0] | named[1] | named[2],
                )
            )
        )

    def write(self, steps: Sequence[Step], by: Signature) -> list[Written]:
        """End the rows before, and write those after as their replacements."""
        for step in steps:
            if step.before is not None:
                self._end(step, is_replaced(step, steps), by)
        # An open ref is free again only when its row has ended.
        self.session.flush()
        ids = [self._insert(step, steps) if step.after else None for step in steps]
        self.session.flush()
        known = self.read([key for key in ids if key])
        return [
            Written(one, Read(key, known[key].version) if key else None)
            for one, key in zip(steps, ids, strict=True)
        ]

    def _end(self, step: Step, is_replaced: bool, by: Signature) -> None:
        """End an observation: replaced as by an import, or withdrawn today."""
        assert step.before is not None
        seen = self.session.get_one(Observation, (self.community.id, step.before.id))
        if is_replaced:
            seen.status, seen.ended_on = ObservationStatus.SUPERSEDED, seen.observed_on
        else:
            day = Moment.of(self.community, by.at).day
            seen.status, seen.ended_on = ObservationStatus.WITHDRAWN, max(day, seen.observed_on)

    def _insert(self, step: Step, steps: Sequence[Step]) -> uuid.UUID:
        assert step.after is not None
        before = step.before or next(
            (one.before for one in steps if one.change == step.change and one.before), None
        )
        replaces = before.id if before else step.restores and step.restores.id
        seen = Observation(
            community_id=self.community.id,
            id=uuid.uuid4(),
            replaces_id=replaces,
            **_columns(step.after),
        )
        was = step.restores.id if step.restores else replaces
        if was:
            # The day is kept, so is the place among those of that day.
            seen.entered = self.session.get_one(Observation, (self.community.id, was)).entered
        self.session.add(seen)
        return seen.id


def _ref(step: Step) -> str:
    assert step.before is not None
    return step.before.state.ref


def _feature(seen: Observation, version: str) -> Feature:
    attributes = {
        **{name: getattr(seen, name) for name in _KEPT},
        "occupier_id": seen.occupier_id and str(seen.occupier_id),
        "observed_on": seen.observed_on.isoformat(),
        "survey_id": seen.survey_id and str(seen.survey_id),
    }
    return Feature(seen.id, version, State(seen.ref, to_shape(seen.geom), seen.area_m2, attributes))


def _columns(state: State) -> dict[str, Any]:
    given = state.attributes
    return {
        "ref": state.ref,
        "purpose": Purpose(given["purpose"]),
        "structure_type": StructureType(given["structure_type"]),
        "rms_m": given["rms_m"],
        "note": given["note"],
        "occupier_id": given["occupier_id"] and uuid.UUID(given["occupier_id"]),
        "observed_on": dt.date.fromisoformat(given["observed_on"]),
        "survey_id": given["survey_id"] and uuid.UUID(given["survey_id"]),
        "area_m2": state.area_m2,
        "geom": from_shape(state.shape, srid=STORAGE_SRID),
    }
