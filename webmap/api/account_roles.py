"""Roles that admins give and take: proposed, approved by a second person, ended."""

import uuid
from typing import Any

from flask import abort, jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from cases.account_history import Actor
from cases.administration import places_within
from cases.memberships import Reach, approval_problems, approve, grant, reach, revoke, waiting
from cases.models import Account, Membership
from layers.db import EVERYWHERE
from webmap.api.account_shapes import MembershipSchema, told_membership
from webmap.api.accounts import (
    MANAGES,
    ROLE,
    NewMembershipSchema,
    WholeAccountSchema,
    account_api,
    do,
    grant_form,
)
from webmap.api.schemas import ProblemSchema, says
from webmap.connections import current_database
from webmap.gates import current_actor, delicate, gated


class WaitingGrantSchema(Schema):
    """A role that waits for a second person."""

    id = fields.UUID(**says("The identifier of the account."))
    email = fields.String(**says("Its address."))
    name = fields.String(**says("Its name."))
    membership = fields.Nested(MembershipSchema, **says("The role."))
    hindrances = fields.List(
        fields.Nested(ProblemSchema), **says("Why the asking account may not approve it.")
    )


class GrantablePlaceSchema(Schema):
    """A place where the asking account may give roles."""

    code = fields.String(**says("Its code."))
    name = fields.String(**says("Its name."))


class GrantableSchema(Schema):
    """Where the asking account may give roles."""

    everywhere = fields.Boolean(**says("Whether also at no place, which is everywhere."))
    places = fields.List(
        fields.Nested(GrantablePlaceSchema), **says("Regions, then communities; the first 200.")
    )


@account_api.route("/accounts/waiting")
@account_api.response(200, WaitingGrantSchema(many=True))
@gated(MANAGES)
def waiting_grants() -> ResponseReturnValue:
    """Roles that wait for a second person, the oldest first."""
    actor = current_actor()
    with current_database().session(EVERYWHERE) as session:
        listed = [
            {
                "id": str(one.account.public_id),
                "email": one.account.email,
                "name": one.account.name,
                "membership": told_membership(one),
                "hindrances": [
                    why.as_json() for why in approval_problems(session, one.membership, actor)
                ],
            }
            for one in waiting(session, reach(session, actor))
        ]
    return jsonify(listed)


@account_api.route("/accounts/places")
@account_api.response(200, GrantableSchema)
@gated(MANAGES)
def grantable_places() -> ResponseReturnValue:
    """Places where the asking account may give roles."""
    with current_database().session(EVERYWHERE) as session:
        within = reach(session, current_actor())
        places = [{"code": code, "name": name} for code, name in places_within(session, within)]
    return jsonify(everywhere=within.everywhere, places=places)


@account_api.route("/accounts/<uuid:account_id>/memberships", methods=["POST"])
@account_api.arguments(NewMembershipSchema, example=ROLE)
@account_api.response(201, WholeAccountSchema)
@account_api.by_session
@delicate
@gated(MANAGES)
def new_membership(asked: dict[str, Any], account_id: uuid.UUID) -> ResponseReturnValue:
    """Give a role, or propose one of those that need a second person.

    A role is given once at a place: sent again this is refused as `granted`.
    """
    form = grant_form(asked)
    return do(account_id, lambda session, of, _within, actor: grant(session, of, form, actor), 201)


@account_api.route(
    "/accounts/<uuid:account_id>/memberships/<int:membership_id>/approval", methods=["PUT"]
)
@account_api.response(200, WholeAccountSchema)
@account_api.by_session
@delicate
@gated(MANAGES)
def approve_grant(account_id: uuid.UUID, membership_id: int) -> ResponseReturnValue:
    """Let a proposed role take effect, as the second person.

    What the same account has approved already stays as it is.
    """

    def act(session: Session, of: Account, _within: Reach, actor: Actor) -> None:
        found = _of(session, of, membership_id)
        if found.state != "in_force" or found.approved_by != actor.email:
            approve(session, found.id, actor)

    return do(account_id, act)


@account_api.route(
    "/accounts/<uuid:account_id>/memberships/<int:membership_id>", methods=["DELETE"]
)
@account_api.response(200, WholeAccountSchema)
@account_api.by_session
@delicate
@gated(MANAGES)
def revoke_grant(account_id: uuid.UUID, membership_id: int) -> ResponseReturnValue:
    """End a role, or withdraw a proposal; one that has ended stays as it is."""

    def act(session: Session, of: Account, _within: Reach, actor: Actor) -> None:
        found = _of(session, of, membership_id)
        if found.state != "revoked":
            revoke(session, found.id, actor)

    return do(account_id, act)


def _of(session: Session, account: Account, membership_id: int) -> Membership:
    """Return a membership of the account, as nobody changes it meanwhile; 404 for another's."""
    found = None
    if membership_id < 2**31:
        found = session.get(Membership, membership_id, with_for_update=True)
    return found if found is not None and found.account_id == account.id else abort(404)
