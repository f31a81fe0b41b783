"""Papers as files, for who may read their case or campaign."""

import uuid

from flask import Blueprint, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.meetings import issue_minutes
from cases.models import DocumentRecord, Meeting
from cases.papers.files import WRITERS
from cases.papers.words import LANGUAGES
from webmap.forms import Filled, Form
from webmap.gates import gated
from webmap.languages import current_language
from webmap.pages.campaigns import campaign_page
from webmap.pages.opened import OpenedPlace, answer, open_place
from webmap.papers import send_paper

paper_pages = Blueprint("papers", __name__)


@paper_pages.get("/c/<place>/papers/<uuid:paper_id>.<kind>")
@gated(Permission.CASE_READ)
def download(place: str, paper_id: uuid.UUID, kind: str) -> ResponseReturnValue:
    """Return a paper as PDF or docx, in the language of the page or the one asked for."""
    language = request.args.get("in", current_language())
    if kind not in WRITERS or language not in LANGUAGES:
        abort(404)

    def find(session: Session) -> DocumentRecord:
        opened = open_place(session)
        record = session.get(DocumentRecord, (opened.community.id, paper_id))
        return record if record is not None and opened.sees(record.case_id) else abort(404)

    return send_paper(find, language, kind)


@paper_pages.post("/c/<place>/meetings/<uuid:meeting_id>/minutes")
@gated(Permission.DOCUMENT_ISSUE)
def minutes(place: str, meeting_id: uuid.UUID) -> ResponseReturnValue:
    """Issue the minutes of a meeting."""

    def act(opened: OpenedPlace, form: Form) -> ResponseReturnValue:
        issued = issue_minutes(opened.session, opened.community, meeting_id, opened.signed(form))
        where = url_for("campaigns.campaign", place=place, campaign_id=issued.campaign_id)
        return redirect(f"{where}#papers")

    def again(opened: OpenedPlace, filled: Filled) -> str:
        meeting = opened.session.get(Meeting, (opened.community.id, meeting_id))
        return campaign_page(opened, meeting.campaign_id, filled) if meeting else abort(404)

    return answer(act, again)
