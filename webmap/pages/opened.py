"""The community that a page is about, within the transaction of its request."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from flask import abort
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.case_sheet import find_case
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

    def signed(self, form: Form) -> Signature:
        """Return the signature of the account, at the time that the form gives, now without."""
        at = form.moment("at", self.community)
        return Signature(self.viewer.actor, at, self.viewer.permissions)


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
) -> ResponseReturnValue:
    """Do what a form asks for and commit; refused, show the page with all that was typed.

    ``act`` ends in a redirect, and is run again where its transaction lost to another.
    """
    try:
        return submit_form(lambda session: act(open_place(session), Form.of_request()))
    except InputError as error:
        filled = Filled.again(error)
    return show(lambda opened: (again(opened, filled), 422))
