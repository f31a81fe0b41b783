"""The community that a request is about, and who asks."""

from flask import abort
from flask_login import current_user
from sqlalchemy.orm import Session

from cases.parcel_file import Viewer
from cases.visibility import visible_cases, visible_households
from layers.models import Community
from webmap.gates import current_access


def asked_community(session: Session) -> Community:
    """Return the community of the address; a region has no cases of its own: 404."""
    place = current_access().place
    return session.get_one(Community, place.id) if place.is_community else abort(404)


def asking_viewer() -> Viewer:
    """Return who asks, what they may in the community of the address, and what they see."""
    access = current_access()
    allowed = access.rights.permissions(access.place.id)
    mine, account_id = access.rights, current_user.id
    return Viewer(
        current_user.email,
        allowed,
        visible_cases(mine, account_id),
        visible_households(mine, account_id),
    )
