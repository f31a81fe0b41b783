"""Papers as files, for who may read their case or campaign."""

import uuid

from flask import Blueprint, Response, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from cases.access import Permission
from cases.meetings import issue_minutes
from cases.models import DocumentRecord, Meeting
from cases.papers.files import WRITERS, paper_file
from cases.papers.words import LANGUAGES
from webmap.forms import Filled, Form
from webmap.gates import gated
from webmap.languages import current_language
from webmap.pages.campaigns import campaign_page
from webmap.pages.opened import OpenedPlace, answer, show

paper_pages = Blueprint("papers", __name__)


@paper_pages.get("/c/<place>/papers/<uuid:paper_id>.<kind>")
@gated(Permission.CASE_READ)
def download(place: str, paper_id: uuid.UUID, kind: str) -> ResponseReturnValue:
    """Return a paper as PDF or docx, in the language of the page or the one asked for."""
    language = request.args.get("in", current_language())
    if kind not in WRITERS or language not in LANGUAGES:
        abort(404)

    def read(opened: OpenedPlace) -> ResponseReturnValue:
        record = opened.session.get(DocumentRecord, (opened.community.id, paper_id))
        if record is None or not opened.sees(record.case_id):
            abort(404)
        file = paper_file(opened.session, record, language, kind)
        opened.session.commit()
        response = Response(file.content, content_type=file.media_type)
        response.headers.set("Content-Disposition", "attachment", filename=file.name)
        response.headers["Cache-Control"] = "private, no-cache"
        response.set_etag(file.sha256.hex())
        return response.make_conditional(request)

    return show(read)


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
