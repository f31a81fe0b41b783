"""Papers: one with its versions and files, its correction, and the issuing of some."""

import uuid

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from cases.access import Permission
from cases.correcting import REASON, correct_paper, correctable
from cases.documents import latest, number_of
from cases.meetings import issue_minutes
from cases.models import Campaign, Case, DocumentRecord, Meeting, Visit
from cases.paper_list import files_of, versions_of
from cases.papers.files import WRITERS
from cases.papers.words import LANGUAGES
from cases.parcel_file import case_number
from cases.visit_records import issue_visit_record
from webmap.forms import Filled, Form
from webmap.gates import gated
from webmap.languages import current_language
from webmap.pages.campaigns import campaign_page
from webmap.pages.cases import open_case, show_case
from webmap.pages.opened import OpenedPlace, answer, open_place, show
from webmap.papers import send_paper

paper_pages = Blueprint("papers", __name__)


@paper_pages.get("/c/<place>/papers/<uuid:paper_id>.<kind>")
@gated(Permission.CASE_READ)
def download(place: str, paper_id: uuid.UUID, kind: str) -> ResponseReturnValue:
    """Return a paper as PDF or docx, in the language of the page or the one asked for."""
    language = request.args.get("in", current_language())
    if kind not in WRITERS or language not in LANGUAGES:
        abort(404)

    return send_paper(lambda session: _find(open_place(session), paper_id), language, kind)


@paper_pages.get("/c/<place>/papers/<uuid:paper_id>")
@gated(Permission.CASE_READ)
def paper(place: str, paper_id: uuid.UUID) -> ResponseReturnValue:
    """Show a paper in one version, with all of its versions."""
    return show(lambda opened: _page(opened, paper_id))


@paper_pages.post("/c/<place>/papers/<uuid:paper_id>/corrections")
@gated(Permission.DOCUMENT_ISSUE)
def correct(place: str, paper_id: uuid.UUID) -> ResponseReturnValue:
    """Issue a paper again with other texts, under its number, in a new version."""

    def act(opened: OpenedPlace, form: Form) -> ResponseReturnValue:
        record = _find(opened, paper_id)
        texts = {name: form.text(name, needed=False) for name in correctable(record)}
        reason = form.text(REASON)
        form.check()
        by = opened.signed(form)
        made = correct_paper(opened.session, opened.community, record, texts, reason, by)
        return redirect(url_for("papers.paper", place=place, paper_id=made.id))

    return answer(act, lambda opened, filled: _page(opened, paper_id, filled))


@paper_pages.post("/c/<place>/visits/<uuid:visit_id>/record")
@gated(Permission.CASE_VISIT)
def visit_record(place: str, visit_id: uuid.UUID) -> ResponseReturnValue:
    """Issue the record of a visit; the function asks who may."""

    def act(opened: OpenedPlace, form: Form) -> ResponseReturnValue:
        case_id = _case_of(opened, visit_id)
        issue_visit_record(opened.session, opened.community, visit_id, opened.signed(form))
        where = url_for("cases.case_page", place=place, case_id=case_id)
        return redirect(f"{where}#papers")

    def again(opened: OpenedPlace, filled: Filled) -> str:
        case_id = _case_of(opened, visit_id)
        return show_case(open_case(opened.session, case_id), filled)

    return answer(act, again)


@paper_pages.post("/c/<place>/meetings/<uuid:meeting_id>/minutes")
@gated(Permission.DOCUMENT_ISSUE)
def minutes(place: str, meeting_id: uuid.UUID) -> ResponseReturnValue:
    """Issue the minutes of a meeting."""

    def act(opened: OpenedPlace, form: Form) -> ResponseReturnValue:
        by = opened.signed(form)
        form.check()
        issued = issue_minutes(opened.session, opened.community, meeting_id, by)
        where = url_for("campaigns.campaign", place=place, campaign_id=issued.campaign_id)
        return redirect(f"{where}#papers")

    def again(opened: OpenedPlace, filled: Filled) -> str:
        meeting = opened.session.get(Meeting, (opened.community.id, meeting_id))
        return campaign_page(opened, meeting.campaign_id, filled) if meeting else abort(404)

    return answer(act, again)


def _find(opened: OpenedPlace, paper_id: uuid.UUID) -> DocumentRecord:
    """Return a paper that the account may see; any other is not there."""
    record = opened.session.get(DocumentRecord, (opened.community.id, paper_id))
    return record if record is not None and opened.sees(record.case_id) else abort(404)


def _case_of(opened: OpenedPlace, visit_id: uuid.UUID) -> uuid.UUID:
    """Return the case of a visit, where the account sees it."""
    visit = opened.session.get(Visit, (opened.community.id, visit_id))
    return visit.case_id if visit is not None and opened.sees(visit.case_id) else abort(404)


def _page(opened: OpenedPlace, paper_id: uuid.UUID, filled: Filled | None = None) -> str:
    session, record = opened.session, _find(opened, paper_id)
    newest = latest(session, record)
    may_correct = Permission.DOCUMENT_ISSUE in opened.viewer.permissions and newest is record
    return render_template(
        "paper.html",
        community=opened.community,
        paper=record,
        number=number_of(record),
        newest=newest,
        newest_number=number_of(newest),
        versions=[(number_of(one), one) for one in reversed(versions_of(session, record))],
        files=files_of(session, record),
        of=_belongs_to(opened, record),
        texts=correctable(record) if may_correct else [],
        filled=filled or Filled(),
    )


def _belongs_to(opened: OpenedPlace, record: DocumentRecord) -> tuple[str, str] | None:
    """Return the name and the address of what a paper belongs to."""
    session, community = opened.session, opened.community
    if record.campaign_id is None:
        return None
    campaign = session.get_one(Campaign, (community.id, record.campaign_id))
    if record.case_id is None:
        address = url_for("campaigns.campaign", place=community.code, campaign_id=campaign.id)
        return campaign.name, address
    case = session.get_one(Case, (community.id, record.case_id))
    of_case = session.get_one(Campaign, (community.id, case.campaign_id))
    number = case_number(community.code, of_case.started_on.year, case.number)
    return number, url_for("cases.case_page", place=community.code, case_id=case.id)
