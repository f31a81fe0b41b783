"""The pages: where somebody goes after logging in, the list of places, the map."""

from dataclasses import dataclass, field
from typing import Any, Self

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Permission, Role
from cases.figures import figures
from cases.map_data import count_statuses
from cases.people import Rights, home_place, limit, rights
from cases.workflow import Status
from layers.db import EVERYWHERE
from layers.features import (
    ListedPlace,
    count_communities,
    list_communities,
    list_regions,
    map_place,
    today,
)
from layers.models import Community
from webmap.connections import current_database, current_settings
from webmap.gates import Open, current_access, current_rights, gated, place_session
from webmap.languages import current_language
from webmap.map_words import load_words
from webmap.security import csp_nonce

pages = Blueprint("pages", __name__)

PER_PAGE = 24
LONGEST_SEARCH = 100


@dataclass(frozen=True)
class Pager:
    """Where a list stands that does not fit on one page."""

    number: int
    page: int
    last: int

    @classmethod
    def of(cls, number: int, asked: int) -> Self:
        """Return the page asked for, or the nearest that there is."""
        last = max(1, -(-number // PER_PAGE))
        return cls(number, min(max(asked, 1), last), last)

    @property
    def offset(self) -> int:
        """Return how many lines come before the page."""
        return (self.page - 1) * PER_PAGE


@dataclass(frozen=True)
class Card:
    """A community in the list: its parcels by status and its figures, where they may be seen."""

    place: ListedPlace
    has_map: bool
    has_cases: bool
    statuses: dict[Status, int] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)


@pages.get("/")
@gated(Open.PUBLIC)
def home() -> ResponseReturnValue:
    """Lead to the login, to the map of the account's only place, or to the list of places."""
    if not current_user.is_authenticated:
        return redirect(url_for("security.login"))
    with current_database().session(EVERYWHERE) as session:
        code = home_place(session, current_user.id)
    if code is not None:
        return redirect(url_for("pages.map_page", place=code))
    if current_rights().roles == {Role.RESIDENT}:
        return redirect(url_for("declarations.own"))
    return redirect(url_for("pages.places"))


@pages.get("/places")
@gated(Open.LOGGED_IN)
def places() -> ResponseReturnValue:
    """List the communities of the account, and the regions above those with a map."""
    text = request.args.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH]
    database = current_database()
    with database.session(EVERYWHERE) as session:
        mine = rights(session, current_user.id)
    with database.session(mine.scope()) as session:
        number = count_communities(session, text)
        pager = Pager.of(number, request.args.get("page", 1, type=int))
        shown = list_communities(session, text, limit=PER_PAGE, offset=pager.offset)
    with database.session(mine.scope(Permission.MAP_READ)) as session:
        regions = [] if text else list_regions(session)
    return render_template(
        "places.html",
        cards=_cards(mine, shown),
        regions=regions,
        pager=pager,
        text=text,
        words=load_words(current_language()),
    )


@pages.get("/map/<place>")
@gated(Permission.MAP_READ)
def map_page(place: str) -> ResponseReturnValue:
    """Show the map of a community or a region."""
    # Folium takes a second to import, which only a worker that draws a map pays.
    from webmap.shell import render_map_page

    with place_session() as session:
        shown = map_place(session, current_access().place)
    return render_map_page(
        shown, current_language(), csp_nonce(), generate_csrf(), current_settings().base_maps
    )


def _cards(mine: Rights, shown: list[ListedPlace]) -> list[Card]:
    """Return what may be said of each community, as of today."""
    wanted = [place.id for place in shown]
    mapped = limit(mine.scope(Permission.MAP_READ), wanted)
    read = limit(mine.scope(Permission.CASE_READ), wanted)
    counted = limit(mine.scope(Permission.FIGURES_READ), wanted)
    database = current_database()
    with database.session(mapped) as session:
        statuses = count_statuses(session, today([]), mapped.communities)
    with database.session(counted) as session:
        sums = _figures(session)
    return [
        Card(
            place,
            place.id in mapped.communities,
            place.id in read.communities,
            statuses.get(place.id, {}),
            sums.get(place.code, {}),
        )
        for place in shown
    ]


def _figures(session: Session) -> dict[str, dict[str, Any]]:
    """Return the figures of each community that the session sees, by code."""
    communities = session.scalars(select(Community).order_by(Community.id)).all()
    found = figures(session, communities, today(communities))
    return {row["community"]: row for row in found.get("by_community", [found])}
