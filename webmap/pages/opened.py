"""The community that a page is about, within the transaction of its request."""

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from flask import abort, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.case_sheet import find_case
from cases.casework import StaleVersion
from cases.lane_versions import StaleLanes
from cases.parcel_file import Viewer
from cases.signing import Signature
from gis.problems import InputError
from layers.models import Community
from webmap.api.community import asking_viewer
from webmap.forms import Filled, Form
from webmap.gates import current_access, place_session
from webmap.pages.submitting import submit_form


@dataclass(frozen=True)
class OpenedPlace:
    """A community, and who looks at it."""

    session: Session
    community: Community
    viewer: Viewer

    def sees(self, case_id: uuid.UUID | None) -> bool:
        """Return whether what belongs to a case may be shown.

        What belongs to none is the campaign's, and for those who read campaigns.
        """
        if case_id is None:
            return Permission.CAMPAIGN_READ in self.viewer.permissions
        return find_case(self.session, self.community, case_id, self.viewer) is not None

    def local(self, at: dt.datetime) -> dt.datetime:
        """Return an instant as the community dates it."""
        return local_time(self.community)(at)

    def signed(self, form: Form) -> Signature:
        """Return the signature of the account, at the time that the form gives, now without."""
        at = form.moment("at", self.community)
        return Signature(self.viewer.actor, at, self.viewer.permissions)


def local_time(community: Community) -> Callable[[dt.datetime], dt.datetime]:
    """Return what dates an instant as a community does."""
    zone = ZoneInfo(community.time_zone)
    return lambda at: at.astimezone(zone)


def open_place(session: Session) -> OpenedPlace:
    """Return the community of this request's address; a region has no such page."""
    access = current_access()
    if not access.place.is_community:
        abort(404)
    community = session.get_one(Community, access.place.id)
    return OpenedPlace(session, community, asking_viewer())


def show(page: Callable[[OpenedPlace], ResponseReturnValue]) -> ResponseReturnValue:
    """Return a page of the community."""
    with place_session() as session:
        return page(open_place(session))


def answer(
    act: Callable[[OpenedPlace, Form], ResponseReturnValue],
    again: Callable[[OpenedPlace, Filled], str],
    conflict: Callable[[OpenedPlace, Filled, Exception], str] | None = None,
    *,
    is_kept: bool = True,
) -> ResponseReturnValue:
    """Do what a form asks for and commit; refused, show the page with all that was typed.

    ``conflict`` shows both versions where somebody else was faster. ``act`` ends in a redirect,
    and is run again where its transaction lost to another. ``is_kept`` is as for
    :func:`webmap.pages.submitting.submit_form`.
    """
    try:
        return submit_form(
            lambda session: act(open_place(session), Form.of_request()), is_kept=is_kept
        )
    except InputError as error:
        filled = Filled.again(error)
    except (StaleLanes, StaleVersion) as error:
        if conflict is None:
            raise
        stale, typed = error, Filled(request.form)
        return show(lambda opened: (conflict(opened, typed, stale), 412))
    return show(lambda opened: (again(opened, filled), 422))
