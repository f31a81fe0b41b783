"""Where an account may go from here: the tasks of a community, in the order of the work."""

from dataclasses import dataclass

from flask import Flask, current_app, g, request, url_for
from flask_babel import gettext

from cases.access import Permission
from webmap.gates import Access, current_access


@dataclass(frozen=True)
class Task:
    """A link of the navigation."""

    label: str
    address: str
    is_current: bool


def init_navigation(app: Flask) -> None:
    """Let templates ask for the tasks of the place that they show."""
    app.add_template_global(tasks)
    app.add_template_global(may_here)
    app.add_template_global(above)


def tasks() -> list[Task]:
    """Return what the account may do at the place of this request, nothing outside of one."""
    access: Access | None = g.get("access")
    if access is None:
        return []
    place = access.place
    if not place.is_community:
        return [
            _task(gettext("Map"), "pages.map_page", place.code),
            *_of_a_region(access),
        ]
    allowed = access.rights.permissions(place.id)
    return [
        _task(label, endpoint, place.code)
        for label, endpoint, permission in _all()
        if permission in allowed and endpoint in current_app.view_functions
    ]


def _of_a_region(access: Access) -> list[Task]:
    """Return what is told of all communities of a region together, beside its map."""
    if not access.rights.holds(Permission.CAMPAIGN_READ):
        return []
    return [_task(gettext("Lanes"), "lanes.lane_list", access.place.code)]


def may_here(permission: str) -> bool:
    """Tell a page whether whoever reads it has a permission at its place."""
    access = current_access()
    return Permission(permission) in access.rights.permissions(access.place.id)


def above(name: str) -> tuple[str, str]:
    """Return what stands above a page of a community: its map, or the list of places."""
    if may_here(Permission.MAP_READ):
        return name, url_for("pages.map_page", place=current_access().place.code)
    return gettext("Places"), url_for("pages.places")


def _all() -> list[tuple[str, str, Permission]]:
    """Return every task with the address it leads to and the permission to go there."""
    return [
        (gettext("Map"), "pages.map_page", Permission.MAP_READ),
        (gettext("Cases"), "cases.case_list", Permission.CASE_READ),
        (gettext("Submissions"), "submissions.submission_list", Permission.FIELD_READ),
        (gettext("Field"), "field.page", Permission.FIELD_CAPTURE),
        (gettext("My work"), "work.my_day", Permission.CAMPAIGN_READ),
        (gettext("Campaigns"), "campaigns.campaign_list", Permission.CAMPAIGN_READ),
        (gettext("Lanes"), "lanes.lane_list", Permission.CAMPAIGN_READ),
        (gettext("Tips"), "tips.tip_list", Permission.TIP_ADD),
        (gettext("Sites"), "sites.site_list", Permission.SITES_EDIT),
        (gettext("Edit"), "editor.page", Permission.GEOMETRY_EDIT),
    ]


def _task(label: str, endpoint: str, code: str) -> Task:
    """Return the link; every page of a noun counts as the task that leads to the noun."""
    blueprint = endpoint.split(".")[0]
    here = request.endpoint == endpoint or (blueprint != "pages" and request.blueprint == blueprint)
    # The phone's page is one for all places: it is kept on the phone under one address.
    address = url_for(endpoint) if blueprint == "field" else url_for(endpoint, place=code)
    return Task(label, address, here)
