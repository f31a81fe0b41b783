"""Campaigns: how they stand, their meetings and announcements, and who carries them."""

import uuid
from collections.abc import Mapping
from typing import Any, TypeVar

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from cases.access import Permission
from cases.announcements import (
    Notice,
    Posted,
    announce,
    announceable,
    announcements,
    post,
)
from cases.campaigns import (
    Plan,
    add_body,
    begin_campaign,
    bodies,
    campaigns,
    end_campaign,
    standing,
)
from cases.case_sheet import labels
from cases.deadlines import default_deadline
from cases.documents import number_of, papers, subject_of
from cases.ledger import today
from cases.meetings import Held, Vote, meetings, record_meeting
from cases.models import Announcement, BodyKind, Campaign, Channel, EntryKind, OrderOfWork
from webmap.forms import Filled, Form
from webmap.gates import gated
from webmap.pages.opened import OpenedPlace, answer, show

campaign_pages = Blueprint("campaigns", __name__)

MOST_RESOLUTIONS = 5
Value = TypeVar("Value")


@campaign_pages.get("/c/<place>/campaigns")
@gated(Permission.CAMPAIGN_READ)
def campaign_list(place: str) -> ResponseReturnValue:
    """List the campaigns of a community, and the bodies that carry them."""
    return show(_list)


@campaign_pages.post("/c/<place>/campaigns")
@gated(Permission.CAMPAIGN_EDIT)
def begin(place: str) -> ResponseReturnValue:
    """Begin a campaign."""

    def act(opened: OpenedPlace, form: Form) -> ResponseReturnValue:
        plan = Plan(
            form.text("ref", longest=64),
            form.text("name", longest=200),
            form.day("started_on") or today(opened.community),
            form.choice("order_of_work", OrderOfWork, needed=False) or OrderOfWork.EASY_FIRST,
        )
        by = opened.signed(form)
        form.check()
        made = begin_campaign(opened.session, opened.community, plan, by)
        return redirect(url_for("campaigns.campaign", place=place, campaign_id=made.id))

    return answer(act, _list)


@campaign_pages.post("/c/<place>/bodies")
@gated(Permission.CAMPAIGN_EDIT)
def new_body(place: str) -> ResponseReturnValue:
    """Add a body to the community."""

    def act(opened: OpenedPlace, form: Form) -> ResponseReturnValue:
        ref, name = form.text("ref", longest=64), form.text("name", longest=200)
        kind, by = form.choice("kind", BodyKind), opened.signed(form)
        add_body(opened.session, opened.community, ref, given(form, kind), name, by)
        return redirect(url_for("campaigns.campaign_list", place=place))

    return answer(act, _list)


@campaign_pages.get("/c/<place>/campaigns/<uuid:campaign_id>")
@gated(Permission.CAMPAIGN_READ)
def campaign(place: str, campaign_id: uuid.UUID) -> ResponseReturnValue:
    """Show one campaign."""
    return show(lambda opened: campaign_page(opened, campaign_id))


@campaign_pages.post("/c/<place>/campaigns/<uuid:campaign_id>/end")
@gated(Permission.CAMPAIGN_EDIT)
def end(place: str, campaign_id: uuid.UUID) -> ResponseReturnValue:
    """End a campaign."""

    def act(opened: OpenedPlace, form: Form) -> ResponseReturnValue:
        day, outcome = form.day("ended_on"), form.text("outcome")
        by, run = opened.signed(form), _find(opened, campaign_id)
        end_campaign(opened.session, opened.community, run, given(form, day), outcome, by)
        return _back(place, campaign_id)

    return answer(act, lambda opened, filled: campaign_page(opened, campaign_id, filled))


@campaign_pages.post("/c/<place>/campaigns/<uuid:campaign_id>/meetings")
@gated(Permission.CAMPAIGN_EDIT)
def new_meeting(place: str, campaign_id: uuid.UUID) -> ResponseReturnValue:
    """Record a joint meeting."""

    def act(opened: OpenedPlace, form: Form) -> ResponseReturnValue:
        day, agenda, people = form.day("held_on"), form.text("agenda"), _people(opened, form)
        where = form.text("place", needed=False, longest=200)
        minutes, votes = form.text("minutes", needed=False), _votes(form)
        run, by = _find(opened, campaign_id), opened.signed(form)
        held = Held(given(form, day), agenda, people, where, minutes, votes)
        record_meeting(opened.session, opened.community, run, held, by)
        return _back(place, campaign_id)

    return answer(act, lambda opened, filled: campaign_page(opened, campaign_id, filled))


@campaign_pages.post("/c/<place>/campaigns/<uuid:campaign_id>/announcements")
@gated(Permission.CASE_ANNOUNCE)
def new_announcement(place: str, campaign_id: uuid.UUID) -> ResponseReturnValue:
    """Issue an announcement."""

    def act(opened: OpenedPlace, form: Form) -> ResponseReturnValue:
        notice = Notice(
            form.key("issuer_id", needed=False),
            form.text("standard_version", needed=False, longest=64),
            form.text("objection_route", needed=False),
            form.text("wording", needed=False),
            form.several("cases"),
            form.day("deadline_on", needed=False),
        )
        run, by = _find(opened, campaign_id), opened.signed(form)
        form.check()
        announce(opened.session, opened.community, run, notice, by)
        return _back(place, campaign_id)

    return answer(act, lambda opened, filled: campaign_page(opened, campaign_id, filled))


@campaign_pages.post("/c/<place>/campaigns/<uuid:campaign_id>/postings/<uuid:announcement_id>")
@gated(Permission.CAMPAIGN_EDIT)
def new_posting(
    place: str, campaign_id: uuid.UUID, announcement_id: uuid.UUID
) -> ResponseReturnValue:
    """Record where an announcement was posted."""

    def act(opened: OpenedPlace, form: Form) -> ResponseReturnValue:
        made = opened.session.get(Announcement, (opened.community.id, announcement_id))
        if made is None or made.campaign_id != campaign_id:
            abort(404)
        channel, day = form.choice("channel", Channel), form.day("posted_on")
        where, proof = form.text("place", needed=False, longest=200), form.text("proof")
        by = opened.signed(form)
        form.check()
        posted = Posted(given(form, channel), where, given(form, day), proof)
        post(opened.session, opened.community, made, posted, by)
        return _back(place, campaign_id)

    return answer(act, lambda opened, filled: campaign_page(opened, campaign_id, filled))


def given(form: Form, value: Value | None) -> Value:
    """Return a value that the form must hold; raises every fault of the form without it."""
    form.check()
    assert value is not None
    return value


def _back(place: str, campaign_id: uuid.UUID) -> ResponseReturnValue:
    return redirect(url_for("campaigns.campaign", place=place, campaign_id=campaign_id))


def _find(opened: OpenedPlace, campaign_id: uuid.UUID) -> Campaign:
    found = opened.session.get(Campaign, (opened.community.id, campaign_id))
    return found if found is not None else abort(404)


def _people(opened: OpenedPlace, form: Form) -> Mapping[uuid.UUID, int]:
    """Return how many came of each body; an empty field is nobody."""
    numbers = {
        body.id: form.number(f"people-{body.id}", least=0, most=10_000, needed=False)
        for body in bodies(opened.session, opened.community)
    }
    return {body: number for body, number in numbers.items() if number}


def _votes(form: Form) -> list[Vote]:
    """Return the resolutions that were filled in."""
    votes = []
    for line in range(1, MOST_RESOLUTIONS + 1):
        wording = form.text(f"wording-{line}", needed=False)
        counted = [
            form.number(f"{name}-{line}", most=10_000, needed=False)
            for name in ("for", "against", "abstained")
        ]
        if wording or any(counted):
            votes.append(Vote(wording, *(number or 0 for number in counted)))
    return votes


def _list(opened: OpenedPlace, filled: Filled | None = None) -> str:
    found = campaigns(opened.session, opened.community)
    return render_template(
        "campaigns.html",
        community=opened.community,
        standings=[standing(opened.session, one) for one in found],
        bodies=bodies(opened.session, opened.community),
        body_kinds=list(BodyKind),
        orders=list(OrderOfWork),
        kinds=EntryKind,
        may_edit=Permission.CAMPAIGN_EDIT in opened.viewer.permissions,
        is_running=any(one.ended_on is None for one in found),
        today=today(opened.community),
        filled_of=_filled_of(filled),
    )


def campaign_page(opened: OpenedPlace, campaign_id: uuid.UUID, filled: Filled | None = None) -> str:
    """Return the page of a campaign; ``filled`` is the form that was refused."""
    run = _find(opened, campaign_id)
    session, community, allowed = opened.session, opened.community, opened.viewer.permissions
    carried_by = bodies(session, community)
    issued = papers(session, community, campaign_id=run.id)
    may_announce = Permission.CASE_ANNOUNCE in allowed and run.ended_on is None
    return render_template(
        "campaign.html",
        community=community,
        standing=standing(session, run),
        campaign=run,
        meetings=meetings(session, run),
        announcements=announcements(session, run),
        papers=[(number_of(one), one) for one in issued],
        paper_of={subject_of(one): one for one in issued},
        number_of=number_of,
        may_issue=Permission.DOCUMENT_ISSUE in allowed,
        announceable=labels(session, announceable(session, run)) if may_announce else [],
        bodies=carried_by,
        issuers=[(body.id, body.name) for body in carried_by],
        channels=list(Channel),
        kinds=EntryKind,
        resolutions=range(1, MOST_RESOLUTIONS + 1),
        may_edit=Permission.CAMPAIGN_EDIT in allowed,
        may_announce=may_announce,
        deadline_on=default_deadline(community, today(community)),
        today=today(community),
        filled_of=_filled_of(filled),
    )


def _filled_of(filled: Filled | None) -> Any:
    """Return how a template finds the form that was refused, by the name it sends."""
    return lambda name: filled if filled and filled.value("form") == name else Filled()
