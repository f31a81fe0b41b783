"""Parcels edited at the desk: what rests on their ground follows it."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import delete, select

from cases.edits.layers import LONGEST_REF, EditedLayer, Planned
from cases.edits.plans import Draw, Feature, Read, State, Step, Written, is_replaced, wrong
from cases.edits.records import (
    carry_records,
    forget,
    inseparable,
    links_of,
    looked_of,
    resting,
    set_links,
    set_looked,
)
from cases.protected import carried
from cases.signing import Signature
from gis.problems import Problem, Said
from layers.bulk import among
from layers.frames import frame, geometries, overlapping, wkb
from layers.imports.coverage import Ground
from layers.imports.looked import look_up_earlier
from layers.imports.overlaps import overlaps_between, overlaps_within
from layers.imports.relook import look_again
from layers.models import (
    STORAGE_SRID,
    Building,
    Parcel,
    ParcelKind,
    TitleBasis,
)
from layers.titles import RESTS_ON, unproven

COLUMNS = ("kind", "title_basis", "title_evidence", "title_disputed", "rms_m", "source")


class EditedParcels(EditedLayer):
    """Parcels with the households linked to them and the surveys that looked at them."""

    alike = ("kind", "title_basis", "title_disputed", "building_id")

    def refs(self) -> set[str]:
        """Return every ref of a parcel."""
        mine = Parcel.community_id == self.community.id
        return set(self.session.scalars(select(Parcel.ref).where(mine)))

    def read(self, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Feature]:
        """Return parcels as they are now."""
        rows = self.session.scalars(
            select(Parcel)
            .where(Parcel.community_id == self.community.id, among(Parcel.id, ids))
            .execution_options(populate_existing=True)
        ).all()
        links = links_of(self.session, self.community.id, ids)
        looked = looked_of(self.session, self.community.id, ids)
        return {one.id: _feature(one, links[one.id], looked[one.id]) for one in rows}

    def draw(self, at: int, change: Draw) -> Planned:
        """Plan a new parcel; its title is unknown until somebody says it, and by what evidence."""
        given, ref = change.attributes, str(change.attributes.get("ref") or "").strip()
        problems = self._ref_problems(at, ref)
        building = self._building(given.get("building"))
        if given.get("building") and building is None:
            message = Said("There is no building {ref}.", ref=given["building"])
            remedy = "Give the ref of one that is on the map."
            problems.append(wrong(at, "unknown_building", message, remedy, "building"))
        title = {
            "title_basis": str(given.get("title_basis") or TitleBasis.UNKNOWN),
            **{name: str(given.get(name) or "").strip() for name in RESTS_ON},
        }
        problems += _title_problems(at, title)
        if problems or change.shape is None:
            return [], problems
        self.taken.add(ref)
        attributes: dict[str, Any] = {
            "kind": str(given.get("parcel_kind") or ParcelKind.PUBLIC_GREEN),
            **title,
            "title_disputed": False,
            "rms_m": self.policy.sketch_rms_m if given.get("rms_m") is None else given["rms_m"],
            "building_id": building and str(building),
            "survey_id": None,
            "links": [],
            "looked": [],
        }
        return [Step(at, None, self.stated(ref, change.shape, attributes))], []

    def _ref_problems(self, at: int, ref: str) -> list[Problem]:
        if not ref:
            return [wrong(at, "ref_missing", "There is no ref.", "Give the ref.", "ref")]
        if len(ref) > LONGEST_REF:
            message = Said("This has {count} characters.", count=len(ref))
            remedy = Said("At most {most} fit.", most=LONGEST_REF)
            return [wrong(at, "too_long", message, remedy, "ref")]
        if ref in self.taken:
            message = Said("{ref} is there already.", ref=ref)
            return [wrong(at, "ref_taken", message, "Choose another.", "ref")]
        return []

    def _building(self, ref: object) -> uuid.UUID | None:
        return self.session.scalar(
            select(Building.id).where(
                Building.community_id == self.community.id, Building.ref == str(ref or "")
            )
        )

    def merged(self, features: Sequence[Feature]) -> Mapping[str, Any]:
        """Join the households and the evidence of all; looked at is what a survey saw whole."""
        every = [one.state.attributes for one in features]
        links: dict[str, Any] = {}
        for one in every:
            for link in one["links"]:
                links.setdefault(link["household_id"], link)
        days = [{row["survey_id"]: row["day"] for row in one["looked"]} for one in every]
        seen = set.intersection(*(set(one) for one in days))
        looked = [{"survey_id": key, "day": max(one[key] for one in days)} for key in sorted(seen)]
        rms = max(one["rms_m"] for one in every)
        joined = [links[key] for key in sorted(links)]
        proof = {name: _joined(one[name] for one in every) for name in RESTS_ON}
        return {**every[0], **proof, "rms_m": rms, "links": joined, "looked": looked}

    def judge(self, steps: Sequence[Step], is_undo: bool) -> list[Problem]:
        """Refuse to move ground from under a case, to lie on others, to leave a record alone."""
        return [
            *self._protected(steps),
            *self._resting(steps),
            *self._inseparable(steps),
            *self._overlaps(steps),
        ]

    def _protected(self, steps: Sequence[Step]) -> list[Problem]:
        """Refuse what an import is refused: another outline beneath a verified enclosure."""
        changed = {one.before.id: one.change for one in steps if one.before}
        remedy = "Settle the case first."
        return [
            wrong(
                changed[key],
                "parcel_protected",
                Said(
                    "Parcel {parcel} carries a verified enclosure of household {household}.",
                    parcel=parcel,
                    household=household,
                ),
                remedy,
            )
            for key, (parcel, household) in carried(
                self.session, self.community.id, list(changed)
            ).items()
        ]

    def _resting(self, steps: Sequence[Step]) -> list[Problem]:
        """Refuse to remove a parcel that a record names, where no other takes its place."""
        gone = {
            one.before.id: one
            for one in steps
            if one.before and one.after is None and not is_replaced(one, steps)
        }
        problems = []
        for key, ref in resting(self.session, self.community.id, list(gone)).items():
            # Not what it is: a tip is told in confidence.
            message = Said("Something on record rests on {ref}.", ref=ref)
            remedy = "Change its outline, or make it one with its neighbour."
            problems.append(wrong(gone[key].change, "rests", message, remedy))
        return problems

    def _inseparable(self, steps: Sequence[Step]) -> list[Problem]:
        problems = []
        for at in sorted({one.change for one in steps}):
            mine = [one for one in steps if one.change == at]
            if len(mine) > 1:
                ids = [one.before.id for one in mine if one.before]
                for refs in inseparable(self.session, self.community.id, ids):
                    message = Said(
                        "One enclosure is on record for {listed}.", listed=", ".join(refs)
                    )
                    remedy = "Leave these parcels apart."
                    problems.append(wrong(at, "inseparable", message, remedy, "rows"))
        return problems

    def _overlaps(self, steps: Sequence[Step]) -> list[Problem]:
        """Judge new outlines as an import does; parts and wholes take no new ground."""
        moved = [
            (one, one.after)
            for one in steps
            if one.after and sum(other.change == one.change for other in steps) == 1
        ]
        if not moved:
            return []
        shapes = np.array([after.shape for _step, after in moved], dtype=object)
        rms = np.array([after.attributes["rms_m"] for _step, after in moved], dtype=np.float64)
        mine = Ground(self.survey.to_survey(shapes), rms)
        found = [
            (one.first, one.area_m2, moved[one.second][1].ref)
            for one in overlaps_within(mine, self.policy.tolerances)
        ]
        others = self._others(shapes, [one.before.id for one in steps if one.before])
        if len(others):
            metric = self.survey.to_survey(geometries(others))
            theirs = Ground(metric, others["rms_m"].to_numpy(dtype=np.float64))
            found += [
                (one.first, one.area_m2, others["ref"][one.second])
                for one in overlaps_between(mine, theirs, self.policy.tolerances)
            ]
        remedy = "Draw along its edge; corners snap to those of neighbours."
        return [
            wrong(
                moved[at][0].change,
                "parcel_overlap",
                Said(
                    "{ref} lies on {other} by {area_m2:.2f} m2.",
                    ref=moved[at][1].ref,
                    other=ref,
                    area_m2=area,
                ),
                remedy,
                "shape",
            )
            for at, area, ref in found
        ]

    def _others(self, near: Any, replaced: Sequence[uuid.UUID]) -> Any:
        query = select(Parcel.id, Parcel.ref, Parcel.rms_m, wkb(Parcel.geom))
        query = query.where(Parcel.community_id == self.community.id)
        found = frame(self.session, overlapping(query, Parcel.geom, near)).drop_duplicates("id")
        return found[~found["id"].isin(list(replaced))].reset_index(drop=True)

    def drifted(self, now: Feature, then: Mapping[str, Any]) -> bool:
        """Tell whether the households of a parcel are others than an edit left it with."""
        return bool(now.state.attributes["links"] != then.get("links"))

    def write(self, steps: Sequence[Step], by: Signature) -> list[Written]:
        """Write parcels; links, coverage and records follow their ground."""
        ids = [self._write_one(step) for step in steps]
        self.session.flush()
        for at in {one.change for one in steps}:
            pairs = zip(steps, ids, strict=True)
            self._settle([(one, key) for one, key in pairs if one.change == at], by)
        ground = [one.before.state.shape for one in steps if one.before]
        ground += [one.after.shape for one in steps if one.after]
        look_again(self.session, self.community.id, np.array(ground, dtype=object))
        known = self.read([key for key in ids if key])
        return [
            Written(one, None if one.after is None else Read(key, known[key].version))
            for one, key in zip(steps, ids, strict=True)
        ]

    def _write_one(self, step: Step) -> uuid.UUID:
        if step.after is None:
            assert step.before is not None
            return step.before.id
        columns = _columns(step.after)
        if step.before is not None:
            parcel = self.session.get_one(Parcel, (self.community.id, step.before.id))
            for name, value in columns.items():
                setattr(parcel, name, value)
            return step.before.id
        key, version = step.as_new
        self.session.add(Parcel(community_id=self.community.id, id=key, version=version, **columns))
        return key

    def _settle(self, steps: Sequence[tuple[Step, uuid.UUID]], by: Signature) -> None:
        """Let what belongs to the parcels of one change follow their ground."""
        alone = len(steps) == 1
        heirs = {key: one.after.shape for one, key in steps if one.after}
        gone = [key for one, key in steps if one.after is None]
        if not alone and heirs:
            every = [key for _one, key in steps]
            carry_records(self.session, self.community, every, heirs, by)
        if alone and heirs:
            look_up_earlier(self.session, self.community, list(heirs), self.policy.of_imports)
        for one, key in steps:
            if one.after is not None:
                self._hang_on(one, key, one.after.attributes, is_alone=alone)
        if gone:
            forget(self.session, self.community.id, gone)
            self.session.execute(
                delete(Parcel)
                .where(Parcel.community_id == self.community.id, among(Parcel.id, gone))
                .execution_options(synchronize_session=False)
            )

    def _hang_on(
        self, step: Step, key: uuid.UUID, after: Mapping[str, Any], *, is_alone: bool
    ) -> None:
        """Give a parcel the households and surveys that it shall have.

        One whose outline alone has changed keeps its households. Its surveys were looked up
        anew, and one that is as it was is also known by those that saw it then.
        """
        before = step.before.state.attributes if step.before else {}
        if not (is_alone and step.before):
            set_links(self.session, self.community.id, key, before, after)
        if not is_alone:
            set_looked(self.session, self.community.id, key, before, after)
        elif step.restores:
            set_looked(self.session, self.community.id, key, {}, after)


def _title_problems(at: int, title: Mapping[str, str]) -> list[Problem]:
    """Hold a title that is drawn to what an import holds it to."""
    said = {
        "title_evidence": Problem(
            "title_unproven",
            "A title needs its evidence.",
            "Say by what it is proven, or leave the title unknown.",
        ),
        "source": Problem(
            "title_unproven",
            "A title needs the survey that it comes from.",
            "Say where the outline was measured, or leave the title unknown.",
        ),
    }
    return [replace(said[name], field=f"changes.{at}.{name}") for name in unproven(title)]


def _joined(texts: Iterable[str]) -> str:
    """Return different texts one after the other, none twice."""
    return "\n".join(dict.fromkeys(text for text in texts if text))


def _feature(parcel: Parcel, links: list[Any], looked: list[Any]) -> Feature:
    attributes = {
        **{name: getattr(parcel, name) for name in COLUMNS},
        "building_id": parcel.building_id and str(parcel.building_id),
        "survey_id": parcel.survey_id and str(parcel.survey_id),
        "links": links,
        "looked": looked,
    }
    shape = to_shape(parcel.geom)
    return Feature(
        parcel.id, str(parcel.version), State(parcel.ref, shape, parcel.area_m2, attributes)
    )


def _columns(state: State) -> dict[str, Any]:
    given = state.attributes
    return {
        **{name: given[name] for name in COLUMNS},
        "ref": state.ref,
        "kind": ParcelKind(given["kind"]),
        "title_basis": TitleBasis(given["title_basis"]),
        "building_id": given["building_id"] and uuid.UUID(given["building_id"]),
        "survey_id": given["survey_id"] and uuid.UUID(given["survey_id"]),
        "area_m2": state.area_m2,
        "geom": from_shape(state.shape, srid=STORAGE_SRID),
    }
