"""The pages of administrators: accounts, their roles, what waits for a second person."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from cases.access import TWO_PERSON_ROLES, Permission, Role
from cases.account_history import Actor, history
from cases.administration import (
    count_seen,
    find_seen,
    is_managed,
    list_seen,
    managed,
    places_within,
    record_reset,
    remove_factor,
)
from cases.memberships import (
    GrantForm,
    Reach,
    approval_problems,
    approve,
    grant,
    memberships,
    reach,
    revoke,
    waiting,
)
from cases.models import Account, Membership
from cases.people import disable_account, enable_account, open_account
from gis.problems import InputError, Problem
from layers.db import EVERYWHERE
from webmap.account_pages import ask_again
from webmap.account_words import act_words, detail_words, problem_words, role_words
from webmap.accounts import reset_link
from webmap.connections import current_database
from webmap.gates import Anywhere, current_actor, gated
from webmap.pages.places import LONGEST_SEARCH, PER_PAGE, Pager

admin = Blueprint("admin", __name__, url_prefix="/accounts")

MANAGES = Anywhere(Permission.ACCOUNTS_MANAGE)
LAST = 30
Act = Callable[[Session, Account, Reach, Actor], Any]


@admin.get("")
@gated(MANAGES)
def accounts() -> ResponseReturnValue:
    """List the accounts of the own places."""
    return _list_page()


@admin.post("")
@gated(MANAGES)
def add_account() -> ResponseReturnValue:
    """Open an account with its first role, and show the link by which its owner gets in."""
    if (again := ask_again(url_for("admin.accounts"))) is not None:
        return again
    actor = current_actor()
    form = {name: request.form.get(name, "").strip() for name in ("email", "name")}
    try:
        with current_database().session(EVERYWHERE) as session, session.begin():
            made = open_account(session, form["email"], name=form["name"], actor=actor)
            grant(session, made, _grant_form(), actor)
            record_reset(session, made, actor)
    except InputError as error:
        return _list_page(problems=error.problems), 422
    return _account_page(made.public_id, link=reset_link(made.email))


@admin.get("/waiting")
@gated(MANAGES)
def approvals() -> ResponseReturnValue:
    """List the grants that wait for a second person."""
    actor = current_actor()
    with current_database().session(EVERYWHERE) as session:
        listed = waiting(session, reach(session, actor))
        return render_template(
            "account/waiting.html",
            granted=listed,
            hindrances=_hindrances(session, [one.membership for one in listed], actor),
            roles=role_words(),
        )


@admin.get("/<uuid:account_id>")
@gated(MANAGES)
def one_account(account_id: uuid.UUID) -> ResponseReturnValue:
    """Show one account."""
    return _account_page(account_id)


@admin.post("/<uuid:account_id>/memberships")
@gated(MANAGES)
def add_membership(account_id: uuid.UUID) -> ResponseReturnValue:
    """Give a role, or propose one of those that need a second person."""
    return _do(
        account_id,
        lambda session, of, _within, actor: grant(session, of, _grant_form(), actor),
        gettext("The role has been given, or waits for a second person."),
    )


@admin.post("/<uuid:account_id>/memberships/<int:membership_id>/approve")
@gated(MANAGES)
def approve_membership(account_id: uuid.UUID, membership_id: int) -> ResponseReturnValue:
    """Let a proposed role take effect, as the second person."""
    return _do(
        account_id,
        lambda session, of, _within, actor: approve(
            session, _of(session, of, membership_id), actor
        ),
        gettext("The role is in force."),
    )


@admin.post("/<uuid:account_id>/memberships/<int:membership_id>/revoke")
@gated(MANAGES)
def revoke_membership(account_id: uuid.UUID, membership_id: int) -> ResponseReturnValue:
    """End a role, or withdraw a proposal."""
    return _do(
        account_id,
        lambda session, of, _within, actor: revoke(session, _of(session, of, membership_id), actor),
        gettext("The role has ended."),
    )


@admin.post("/<uuid:account_id>/close")
@gated(MANAGES)
def close_account(account_id: uuid.UUID) -> ResponseReturnValue:
    """Close an account."""
    return _do(
        account_id,
        lambda session, of, within, actor: disable_account(
            session, managed(session, of, within, actor).email, actor
        ),
        gettext("The account is closed."),
    )


@admin.post("/<uuid:account_id>/open")
@gated(MANAGES)
def reopen_account(account_id: uuid.UUID) -> ResponseReturnValue:
    """Open a closed account again."""
    return _do(
        account_id,
        lambda session, of, within, actor: enable_account(
            session, managed(session, of, within, actor).email, actor
        ),
        gettext("The account is open again."),
    )


@admin.post("/<uuid:account_id>/factor")
@gated(MANAGES)
def drop_factor(account_id: uuid.UUID) -> ResponseReturnValue:
    """Remove a second factor that is lost."""
    return _do(
        account_id,
        lambda session, of, within, actor: remove_factor(
            session, managed(session, of, within, actor), actor
        ),
        gettext("The second factor has been removed."),
    )


@admin.post("/<uuid:account_id>/reset")
@gated(MANAGES)
def issue_reset(account_id: uuid.UUID) -> ResponseReturnValue:
    """Show once the link by which the owner sets a new password."""
    if (again := ask_again(url_for("admin.one_account", account_id=account_id))) is not None:
        return again
    actor = current_actor()
    try:
        with current_database().session(EVERYWHERE) as session, session.begin():
            within = reach(session, actor)
            of = managed(session, _seen(session, within, account_id), within, actor)
            record_reset(session, of, actor)
    except InputError as error:
        return _account_page(account_id, problems=error.problems), 422
    return _account_page(account_id, link=reset_link(of.email))


def _do(account_id: uuid.UUID, act: Act, done: str) -> ResponseReturnValue:
    """Do one thing to an account in one transaction, and come back to its page."""
    back = url_for("admin.one_account", account_id=account_id)
    if (again := ask_again(back)) is not None:
        return again
    actor = current_actor()
    try:
        with current_database().session(EVERYWHERE) as session, session.begin():
            within = reach(session, actor)
            act(session, _seen(session, within, account_id), within, actor)
    except InputError as error:
        return _account_page(account_id, problems=error.problems), 422
    flash(done)
    return redirect(back)


def _seen(session: Session, within: Reach, account_id: uuid.UUID) -> Account:
    return find_seen(session, within, account_id) or abort(404)


def _of(session: Session, account: Account, membership_id: int) -> int:
    """Return the number of a membership that is the account's; 404 for another's."""
    found = session.get(Membership, membership_id) if membership_id < 2**31 else None
    return membership_id if found and found.account_id == account.id else abort(404)


def _grant_form() -> GrantForm:
    role = request.form.get("role", "")
    if role not in list(Role):
        message, remedy = f"{role!r} is no role.", f"Choose one of {', '.join(Role)}."
        raise InputError([Problem("role", message, remedy, field="role")])
    texts = {
        name: request.form.get(name, "").replace("\x00", "").strip()
        for name in ("place", "household")
    }
    return GrantForm(Role(role), texts["place"] or None, texts["household"] or None)


def _list_page(problems: list[Problem] | None = None) -> str:
    text = request.args.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH]
    with current_database().session(EVERYWHERE) as session:
        within = reach(session, current_actor())
        pager = Pager.of(count_seen(session, within, text), request.args.get("page", 1, type=int))
        return render_template(
            "account/list.html",
            listed=list_seen(session, within, text, limit=PER_PAGE, offset=pager.offset),
            waiting=len(waiting(session, within)),
            pager=pager,
            text=text,
            **_form_words(session, within, problems),
        )


def _account_page(
    account_id: uuid.UUID, problems: list[Problem] | None = None, link: str | None = None
) -> str:
    actor = current_actor()
    with current_database().session(EVERYWHERE) as session:
        within = reach(session, actor)
        of = _seen(session, within, account_id)
        granted = memberships(session, (Membership.account_id == of.id) & within.memberships())
        is_managed_here = is_managed(session, of, within, actor)
        return render_template(
            "account/one.html",
            of=of,
            granted=granted,
            hindrances=_hindrances(session, [one.membership for one in granted], actor),
            managed=is_managed_here,
            entries=history(session, of.id, limit=LAST) if is_managed_here else [],
            link=link,
            acts=act_words(),
            detail=detail_words,
            **_form_words(session, within, problems),
        )


def _form_words(session: Session, within: Reach, problems: list[Problem] | None) -> dict[str, Any]:
    return {
        "roles": role_words(),
        "two_person_roles": TWO_PERSON_ROLES,
        "places": places_within(session, within),
        "everywhere": within.everywhere,
        "problems": [problem_words(one) for one in problems or ()],
        "typed": request.form,
    }


def _hindrances(session: Session, listed: list[Membership], actor: Actor) -> dict[int, str]:
    """Return why the reader may not approve each of the grants that wait; empty where they may."""
    return {
        one.id: " ".join(problem_words(why) for why in approval_problems(session, one, actor))
        for one in listed
        if one.state == "waiting"
    }
