"""Sites edited at the desk: planned anywhere, built only on ground that is free."""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import shapely
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import delete, select

from cases.edits.layers import EditedLayer, Planned
from cases.edits.plans import Draw, Feature, Read, State, Step, Written, is_replaced, wrong
from cases.signing import Signature
from cases.sites import Plan, ground_problems, site_problems
from gis.problems import Problem, Said
from gis.validity import POINTS, POLYGONS
from layers.bulk import among
from layers.models import STORAGE_SRID, Site, SiteKind, SiteState


class EditedSites(EditedLayer):
    """Landscaping and charging piles."""

    kinds = POINTS | POLYGONS
    alike = ("kind", "state", "built_on")

    def refs(self) -> set[str]:
        """Return every ref of a site."""
        return set(
            self.session.scalars(select(Site.ref).where(Site.community_id == self.community.id))
        )

    def read(self, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Feature]:
        """Return sites as they are now."""
        rows = self.session.scalars(
            select(Site)
            .where(Site.community_id == self.community.id, among(Site.id, ids))
            .execution_options(populate_existing=True)
        )
        return {one.id: _feature(one) for one in rows}

    def draw(self, at: int, change: Draw) -> Planned:
        """Plan a new site; it is planned until somebody brings it forward."""
        given = change.attributes
        new = Plan(
            str(given.get("ref") or ""),
            SiteKind(given.get("site_kind") or SiteKind.LANDSCAPING),
            change.shape,
            SiteState.PLANNED,
            str(given.get("name") or ""),
            None,
            int(given.get("heads") or 0),
            float(given.get("power_w") or 0),
        )
        found = site_problems(self.session, self.community, new)
        problems = [
            wrong(at, one.code, one.message, one.remedy, str(one.field or "")) for one in found
        ]
        if new.ref.strip() in self.taken and not any(one.code == "ref_taken" for one in problems):
            message = Said("{ref} is there already.", ref=new.ref.strip())
            problems.append(wrong(at, "ref_taken", message, "Choose another.", "ref"))
        if problems or change.shape is None:
            return [], problems
        self.taken.add(new.ref.strip())
        attributes = {
            "kind": new.kind,
            "state": new.state,
            "name": new.name.strip(),
            "built_on": None,
            "heads": new.heads,
            "power_w": new.power_w,
            "survey_id": None,
        }
        return [Step(at, None, self.stated(new.ref.strip(), change.shape, attributes))], []

    def merged(self, features: Sequence[Feature]) -> Mapping[str, Any]:
        """Add up the charging heads and the power of piles that become one."""
        every = [one.state.attributes for one in features]
        return {
            **every[0],
            "heads": sum(one["heads"] for one in every),
            "power_w": sum(one["power_w"] for one in every),
        }

    def part(self, feature: Feature) -> Mapping[str, Any]:
        """Leave the heads of a pile with its largest part."""
        return {**feature.state.attributes, "heads": 0, "power_w": 0.0}

    def judge(self, steps: Sequence[Step], is_undo: bool) -> list[Problem]:
        """Refuse landscaping on occupied ground, and to take away what was decided or built."""
        problems = []
        for step in steps:
            if step.after is None and not is_replaced(step, steps) and not is_undo:
                problems += self._standing(step)
            elif step.after is not None:
                problems += self._on_ground(step, step.after)
        return problems

    def _standing(self, step: Step) -> list[Problem]:
        assert step.before is not None
        state, ref = step.before.state.attributes["state"], step.before.state.ref
        if state == SiteState.PLANNED:
            return []
        message = Said("{ref} is {state}, and in the record.", ref=ref, state=state)
        remedy = "Say on the page of the sites that it was removed."
        return [wrong(step.change, "rests", message, remedy)]

    def _on_ground(self, step: Step, after: State) -> list[Problem]:
        kind, state = after.attributes["kind"], after.attributes["state"]
        if kind == SiteKind.LANDSCAPING and after.shape.geom_type == "Point":
            message, remedy = "Landscaping is an area.", "Draw its outline."
            return [wrong(step.change, "shape_kind", message, remedy, "shape")]
        if kind == SiteKind.CHARGING_PILE and after.attributes["heads"] <= 0:
            message, remedy = "A charging pile has charging heads.", "Enter the other pile anew."
            return [wrong(step.change, "heads", message, remedy, "line")]
        if state != SiteState.BUILT:
            return []
        if step.before is not None and shapely.covers(step.before.state.shape, after.shape):
            return []
        return [
            wrong(step.change, one.code, one.message, one.remedy, "shape")
            for one in ground_problems(self.session, self.community, after.shape)
        ]

    def write(self, steps: Sequence[Step], by: Signature) -> list[Written]:
        """Write sites; one that comes back has its identifier again."""
        written = [self._write_one(step) for step in steps]
        self.session.flush()
        known = self.read([one.after.id for one in written if one.after])
        return [
            Written(one.step, one.after and Read(one.after.id, known[one.after.id].version))
            for one in written
        ]

    def _write_one(self, step: Step) -> Written:
        key = step.before.id if step.before else None
        if step.after is None:
            self.session.execute(
                delete(Site).where(Site.community_id == self.community.id, Site.id == key)
            )
            return Written(step, None)
        columns = _columns(step.after)
        if key is not None:
            site = self.session.get_one(Site, (self.community.id, key))
            for name, value in columns.items():
                setattr(site, name, value)
            return Written(step, Read(key, ""))
        key, version = step.as_new
        self.session.add(Site(community_id=self.community.id, id=key, version=version, **columns))
        return Written(step, Read(key, ""))


def _feature(site: Site) -> Feature:
    attributes = {
        "kind": site.kind,
        "state": site.state,
        "name": site.name,
        "built_on": site.built_on and site.built_on.isoformat(),
        "heads": site.heads,
        "power_w": site.power_w,
        "survey_id": site.survey_id and str(site.survey_id),
    }
    return Feature(
        site.id, str(site.version), State(site.ref, to_shape(site.geom), site.area_m2, attributes)
    )


def _columns(state: State) -> dict[str, Any]:
    given, built_on = state.attributes, state.attributes["built_on"]
    return {
        "ref": state.ref,
        "kind": SiteKind(given["kind"]),
        "state": SiteState(given["state"]),
        "name": given["name"],
        "built_on": built_on and dt.date.fromisoformat(built_on),
        "heads": given["heads"],
        "power_w": given["power_w"],
        "survey_id": given["survey_id"] and uuid.UUID(given["survey_id"]),
        "area_m2": state.area_m2,
        "geom": from_shape(state.shape, srid=STORAGE_SRID),
    }
