"""What freed ground becomes: landscaping and charging piles, entered and brought forward."""

import uuid

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from geoalchemy2.shape import to_shape

from cases.access import Permission
from cases.lanes import mapped_buildings
from cases.sites import Plan, Progress, bring_forward, enter_site, later_states, list_sites
from cases.tips import green_parcels
from layers.models import Site, SiteKind, SiteState
from webmap.forms import Filled, Form
from webmap.gates import gated
from webmap.pages.drawn import feature, read_shape
from webmap.pages.opened import OpenedPlace, answer, show

sites = Blueprint("sites", __name__)


@sites.get("/c/<place>/sites")
@gated(Permission.MAP_READ)
def site_list(place: str) -> ResponseReturnValue:
    """Show the sites of a community."""
    return show(_page)


@sites.get("/c/<place>/sites/new")
@gated(Permission.SITES_EDIT)
def new_site(place: str) -> ResponseReturnValue:
    """Show the form of a new site."""
    return show(_form)


@sites.post("/c/<place>/sites/new")
@gated(Permission.SITES_EDIT)
def add(place: str) -> ResponseReturnValue:
    """Keep a new site."""

    def act(opened: OpenedPlace, form: Form) -> ResponseReturnValue:
        kind = form.choice("kind", SiteKind)
        state = form.choice("state", SiteState)
        plan = Plan(
            form.text("ref", needed=False),
            kind or SiteKind.LANDSCAPING,
            read_shape(form, "shape", "Point", "Polygon"),
            state or SiteState.PLANNED,
            form.text("name", needed=False),
            form.day("built_on", needed=False),
            form.number("heads", needed=False) or 0,
            form.decimal("power_w", 0, 1e9) or 0.0,
        )
        form.check()
        enter_site(opened.session, opened.community, plan, opened.signed(form))
        return redirect(url_for("sites.site_list", place=place))

    return answer(act, _form)


@sites.post("/c/<place>/sites/<uuid:site_id>")
@gated(Permission.SITES_EDIT)
def progress(place: str, site_id: uuid.UUID) -> ResponseReturnValue:
    """Bring a site to a later state."""

    def act(opened: OpenedPlace, form: Form) -> ResponseReturnValue:
        if opened.session.get(Site, (opened.community.id, site_id)) is None:
            abort(404)
        before, after = form.choice("before", SiteState), form.choice("after", SiteState)
        built_on = form.day("built_on", needed=False)
        form.check()
        assert before is not None
        assert after is not None
        step = Progress(before, after, built_on)
        bring_forward(opened.session, opened.community, site_id, step, opened.signed(form))
        return redirect(url_for("sites.site_list", place=place))

    return answer(act, lambda opened, filled: _page(opened, filled, site_id))


def _page(
    opened: OpenedPlace, filled: Filled | None = None, site_id: uuid.UUID | None = None
) -> str:
    """Return the list; ``filled`` is what was refused, of the site ``site_id``."""
    return render_template(
        "sites.html",
        community=opened.community,
        sites=list_sites(opened.session, opened.community),
        later=later_states,
        may_edit=Permission.SITES_EDIT in opened.viewer.permissions,
        filled_of=lambda key: filled if filled and key == site_id else Filled(),
    )


def _form(opened: OpenedPlace, filled: Filled | None = None) -> str:
    session, community = opened.session, opened.community
    known = [
        feature(one.id, to_shape(one.geom), ref=one.ref) for one in list_sites(session, community)
    ]
    return render_template(
        "site.html",
        community=community,
        filled=filled or Filled(),
        states=[SiteState.PLANNED, SiteState.APPROVED, SiteState.BUILT],
        buildings=[
            feature(one.id, one.outline, ref=one.ref)
            for one in mapped_buildings(session, community)
        ],
        parcels=[
            feature(one.id, one.outline, ref=one.ref) for one in green_parcels(session, community)
        ],
        sites=[one for one in known if one["geometry"]["type"] != "Point"],
        piles=[one for one in known if one["geometry"]["type"] == "Point"],
    )
