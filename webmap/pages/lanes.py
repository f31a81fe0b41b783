"""The lanes of a community: who looks after which buildings, on a plan and in a list."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases.access import Permission
from cases.assignment import Duty, workers
from cases.lane_overview import count_communities, lane_overviews
from cases.lane_versions import VERSION_LENGTH, lanes_version
from cases.lanes import (
    LaneForm,
    ListedLane,
    MappedBuilding,
    list_lanes,
    mapped_buildings,
    remove_lane,
    save_lane,
)
from webmap.forms import Filled, Form
from webmap.gates import current_access, gated, place_session
from webmap.pages.drawn import feature
from webmap.pages.opened import OpenedPlace, answer, show
from webmap.pages.places import PER_PAGE, Pager

lanes = Blueprint("lanes", __name__)

# Okabe and Ito's colours, and four more between them; lanes beyond begin anew.
COLOURS = (
    "#56b4e9",
    "#e69f00",
    "#009e73",
    "#f0e442",
    "#cc79a7",
    "#0072b2",
    "#d55e00",
    "#a6cee3",
    "#b2df8a",
    "#cab2d6",
    "#fdbf6f",
    "#b3b3b3",
)


@lanes.get("/c/<place>/lanes")
@gated(Permission.CAMPAIGN_READ)
def lane_list(place: str) -> ResponseReturnValue:
    """Show the lanes on the plan and in a list; of a region, how far its communities are."""
    return show(_list) if current_access().place.is_community else _region()


@lanes.get("/c/<place>/lanes/new")
@gated(Permission.LANES_EDIT)
def new_lane(place: str) -> ResponseReturnValue:
    """Show the form of a new lane."""
    return show(lambda opened: _form(opened, None, Filled()))


@lanes.post("/c/<place>/lanes/new")
@gated(Permission.LANES_EDIT)
def add_lane(place: str) -> ResponseReturnValue:
    """Make a lane."""
    return _save(None)


@lanes.get("/c/<place>/lanes/<uuid:lane_id>")
@gated(Permission.LANES_EDIT)
def lane(place: str, lane_id: uuid.UUID) -> ResponseReturnValue:
    """Show the form of a lane."""
    return show(lambda opened: _form(opened, lane_id, Filled()))


@lanes.post("/c/<place>/lanes/<uuid:lane_id>")
@gated(Permission.LANES_EDIT)
def change_lane(place: str, lane_id: uuid.UUID) -> ResponseReturnValue:
    """Change a lane."""
    return _save(lane_id)


@lanes.post("/c/<place>/lanes/<uuid:lane_id>/remove")
@gated(Permission.LANES_EDIT)
def drop_lane(place: str, lane_id: uuid.UUID) -> ResponseReturnValue:
    """Remove a lane."""

    def act(opened: OpenedPlace, form: Form) -> ResponseReturnValue:
        form.text("sure")
        by, read = opened.signed(form), form.text("version", longest=VERSION_LENGTH)
        form.check()
        remove_lane(opened.session, opened.community, lane_id, by, read)
        return redirect(url_for("lanes.lane_list", place=place))

    return answer(
        act,
        lambda opened, filled: _form(opened, lane_id, filled),
        lambda opened, filled, _error: _form(opened, lane_id, filled, is_stale=True),
    )


def _region() -> str:
    with place_session() as session:
        pager = Pager.of(count_communities(session), request.args.get("page", 1, type=int))
        return render_template(
            "lanes_of_region.html",
            place=current_access().place,
            communities=lane_overviews(session, PER_PAGE, pager.offset),
            pager=pager,
        )


def _list(opened: OpenedPlace) -> str:
    listed = list_lanes(opened.session, opened.community)
    colours = _colours(listed)
    buildings = mapped_buildings(opened.session, opened.community)
    return render_template(
        "lanes.html",
        community=opened.community,
        lanes=listed,
        in_short=in_short,
        colours=colours,
        left=[one.ref for one in buildings if one.lane_id is None],
        buildings=[_drawn(one, colours) for one in buildings],
        may_edit=Permission.LANES_EDIT in opened.viewer.permissions,
    )


def _save(lane_id: uuid.UUID | None) -> ResponseReturnValue:
    def act(opened: OpenedPlace, form: Form) -> ResponseReturnValue:
        by, (wanted, read) = opened.signed(form), _read(form)
        save_lane(opened.session, opened.community, lane_id, wanted, by, read)
        return redirect(url_for("lanes.lane_list", place=opened.community.code))

    def ticked() -> list[uuid.UUID]:
        return Form.of_request().several("buildings")

    return answer(
        act,
        lambda opened, filled: _form(opened, lane_id, filled, ticked()),
        lambda opened, filled, _error: _form(opened, lane_id, filled, ticked(), is_stale=True),
    )


def in_short(refs: Sequence[str]) -> str:
    """Return refs with runs of whole numbers drawn together: 1–13, 20, 5A."""
    runs: list[list[str]] = []
    for ref in refs:
        last = runs[-1][-1] if runs else ""
        if ref.isdecimal() and last.isdecimal() and int(ref) == int(last) + 1:
            runs[-1].append(ref)
        else:
            runs.append([ref])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def _read(form: Form) -> tuple[LaneForm, str]:
    """Return the lane as it was filled in, and the version of the lanes that the form shows."""
    read = form.text("version", longest=VERSION_LENGTH)
    wanted = LaneForm(
        form.text("ref", longest=64),
        form.text("name", needed=False, longest=200),
        form.number("housekeeper", needed=False, most=2**31 - 1),
        frozenset(form.several("buildings")),
    )
    form.check()
    return wanted, read


@dataclass(frozen=True)
class Conflict:
    """What a second editor must see: the lane as it was typed, and the lanes as they are now.

    ``now`` are the lane itself, unless it was removed, and those that have buildings of it.
    """

    ref: str
    name: str
    housekeeper: str
    buildings: list[str]
    now: list[ListedLane]


def _conflict(
    filled: Filled,
    lane_id: uuid.UUID | None,
    listed: Sequence[ListedLane],
    buildings: Sequence[MappedBuilding],
    ticked: Collection[uuid.UUID],
    keepers: Sequence[tuple[int, str]],
) -> Conflict:
    picked = [one for one in buildings if one.id in ticked]
    concerned = {lane_id, *(one.lane_id for one in picked)}
    names = {str(key): name for key, name in keepers}
    return Conflict(
        filled.value("ref"),
        filled.value("name"),
        names.get(filled.value("housekeeper"), ""),
        [one.ref for one in picked],
        [one for one in listed if one.id in concerned],
    )


def _form(
    opened: OpenedPlace,
    lane_id: uuid.UUID | None,
    filled: Filled,
    ticked: list[uuid.UUID] | None = None,
    *,
    is_stale: bool = False,
) -> str:
    """Return the form of a lane; one that was removed while it was open is a new one's."""
    session, community = opened.session, opened.community
    listed = list_lanes(session, community)
    shown = next((one for one in listed if one.id == lane_id), None)
    if lane_id is not None and shown is None and not is_stale:
        abort(404)
    colours = _colours(listed)
    others = {key: colour for key, colour in colours.items() if key != lane_id}
    buildings = mapped_buildings(session, community)
    mine = {one.id for one in buildings if one.lane_id == lane_id and lane_id is not None}
    chosen = set(ticked) if ticked is not None else mine
    refs: dict[uuid.UUID | None, str] = {one.id: one.ref for one in listed}
    keepers = [(one.id, one.name) for one in workers(session, community, Duty.HOUSEKEEPER)]
    return render_template(
        "lane.html",
        community=community,
        lane=shown,
        filled=filled,
        version=lanes_version(session, community),
        conflict=_conflict(filled, lane_id, listed, buildings, chosen, keepers)
        if is_stale
        else None,
        in_short=in_short,
        colour=colours.get(lane_id, COLOURS[len(listed) % len(COLOURS)]),
        keepers=keepers,
        buildings=buildings,
        ticked=chosen,
        other_lane={one.id: refs.get(one.lane_id) for one in buildings if one.id not in mine},
        drawn=[_drawn(one, others) for one in buildings],
    )


def _colours(listed: list[ListedLane]) -> dict[uuid.UUID | None, str]:
    return {one.id: COLOURS[at % len(COLOURS)] for at, one in enumerate(listed)}


def _drawn(one: MappedBuilding, colours: Mapping[uuid.UUID | None, str]) -> Mapping[str, Any]:
    colour = colours.get(one.lane_id)
    return feature(one.id, one.outline, ref=one.ref, centre=one.centre, color=colour)
