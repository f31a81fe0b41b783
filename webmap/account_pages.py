"""The page of one's own account: name, language, password, second factor, tokens, history."""

import datetime as dt
import uuid

from flask import (
    Blueprint,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_login import current_user
from sqlalchemy.orm import Session

from cases.account_history import AccountAct, history
from cases.memberships import memberships
from cases.models import Account, Membership
from cases.people import rename_account
from cases.tokens import TokenForm, make_token, revoke_token, standing_tokens
from gis.problems import InputError, Problem, Said
from layers.db import EVERYWHERE
from webmap.account_words import act_words, detail_words, problem_words, role_words
from webmap.connections import current_database
from webmap.factors import needs_factor
from webmap.gates import Open, current_actor, gated, is_fresh
from webmap.languages import LANGUAGES, remember_language

account = Blueprint("account", __name__)

LAST = 10


@account.get("/account")
@gated(Open.LOGGED_IN)
def own() -> ResponseReturnValue:
    """Show the own account."""
    return _page()


@account.post("/account/profile")
@gated(Open.LOGGED_IN)
def save_profile() -> ResponseReturnValue:
    """Take another name or language."""
    language = request.form.get("language", "")
    try:
        with current_database().session(EVERYWHERE) as session, session.begin():
            mine = session.get_one(Account, current_user.id)
            rename_account(session, mine, request.form.get("name", ""), current_actor())
            mine.language = language if language in LANGUAGES else ""
    except InputError as error:
        return _page(problems=error.problems), 422
    response = make_response(redirect(url_for("account.own")))
    if language in LANGUAGES:
        remember_language(response, language)
    flash(gettext("Saved."))
    return response


@account.post("/account/tokens")
@gated(Open.LOGGED_IN)
def add_token() -> ResponseReturnValue:
    """Make an access token and show it this once."""
    if (again := ask_again(url_for("account.own"))) is not None:
        return again
    try:
        form = _token_form()
        with current_database().session(EVERYWHERE) as session, session.begin():
            mine = session.get_one(Account, current_user.id)
            secret = make_token(session, mine, form, current_actor())
    except InputError as error:
        return _page(problems=error.problems), 422
    return _page(secret=secret, secret_name=form.name)


@account.post("/account/tokens/<uuid:token_id>/revoke")
@gated(Open.LOGGED_IN)
def end_token(token_id: uuid.UUID) -> ResponseReturnValue:
    """End one of the own tokens."""
    try:
        with current_database().session(EVERYWHERE) as session, session.begin():
            mine = session.get_one(Account, current_user.id)
            revoke_token(session, mine, token_id, current_actor())
    except InputError as error:
        return _page(problems=error.problems), 422
    flash(gettext("The token opens nothing any more."))
    return redirect(url_for("account.own"))


def ask_again(back: str) -> ResponseReturnValue | None:
    """Lead to the password's page before something delicate, unless it was given just now."""
    if is_fresh():
        return None
    return redirect(url_for("security.verify", next=back))


def _token_form() -> TokenForm:
    text = request.form.get("expires", "").strip()
    try:
        expires = dt.date.fromisoformat(text) if text else None
    except ValueError:
        remedy = "Write it as 2027-06-30."
        fault = Problem("expires", Said("{text!r} is no day.", text=text), remedy, field="expires")
        raise InputError([fault]) from None
    return TokenForm(request.form.get("name", ""), expires, "may_write" in request.form)


def _page(
    problems: list[Problem] | None = None, secret: str | None = None, secret_name: str = ""
) -> str:
    with current_database().session(EVERYWHERE) as session:
        mine = session.get_one(Account, current_user.id)
        return render_template(
            "account/own.html",
            mine=mine,
            tokens=standing_tokens(session, mine.id),
            granted=_granted(session, mine),
            logins=history(session, mine.id, limit=LAST, only=AccountAct.LOGGED_IN),
            entries=history(session, mine.id, limit=2 * LAST),
            codes_left=len(mine.mf_recovery_codes or ()),
            factor_needed=needs_factor(mine),
            languages=LANGUAGES,
            problems=[problem_words(one) for one in problems or ()],
            secret=secret,
            secret_name=secret_name,
            roles=role_words(),
            acts=act_words(),
            detail=detail_words,
        )


def _granted(session: Session, mine: Account) -> object:
    standing = (Membership.account_id == mine.id) & Membership.revoked_at.is_(None)
    return memberships(session, standing)
