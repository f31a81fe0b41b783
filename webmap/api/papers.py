"""Papers of a community: their list, one with its versions, its files, and its correction."""

import uuid
from typing import Any

from flask import Response, abort, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields
from marshmallow.validate import OneOf
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.correcting import correct_paper, correctable
from cases.documents import latest, number_of
from cases.models import DocumentRecord
from cases.paper_list import PaperFilter, files_of, find_paper, list_papers, versions_of
from cases.papers.files import MEDIA_TYPES, WRITERS
from cases.papers.words import LANGUAGES
from cases.workflow import Document
from layers.models import Community
from layers.places import lock_community
from webmap.api.blueprint import Blueprint
from webmap.api.campaigns import signed
from webmap.api.cases import SubmissionSchema
from webmap.api.community import asked_community, asking_viewer
from webmap.api.cursors import read_place, write_place
from webmap.api.etags import asked_versions, tag_version
from webmap.api.fields import Key, Language, Text, Word
from webmap.api.paging import PageQuerySchema, page_of
from webmap.api.schemas import FailureSchema, says, word
from webmap.api.submitting import submit
from webmap.errors import Stale
from webmap.gates import gated, place_session
from webmap.papers import send_paper

paper_api = Blueprint("papers", __name__, "Papers, numbered per community and year without gaps.")


class PaperFileSchema(Schema):
    """A file that was made of a paper."""

    language = fields.String(**says("Its language.", validate=OneOf(LANGUAGES)))
    format = fields.String(**says("Its format.", validate=OneOf(list(WRITERS))))
    sha256 = fields.String(**says("The SHA-256 of its bytes, in hex."))


class PaperSchema(Schema):
    """A paper in one version."""

    id = fields.UUID(**says("The identifier of this version."))
    number = fields.String(**says("Its number in the community and year, with its version."))
    kind = word(Document, "What it is.")
    version = fields.Integer(**says("1, and one more for each correction."))
    title = fields.String(**says("Its title."))
    issued_on = fields.Date(**says("When this version was issued."))
    issued_by = fields.String(**says("Whose account issued it."))
    campaign_id = fields.UUID(**says("The campaign that it belongs to.", allow_none=True))
    case_id = fields.UUID(**says("The case that it belongs to.", allow_none=True))
    files = fields.List(
        fields.Nested(PaperFileSchema),
        **says("The files that somebody has asked for; the others are made when asked for."),
    )


class WholePaperSchema(PaperSchema):
    """A paper with all that it says."""

    content = fields.Dict(
        keys=fields.String(), **says("Everything that the paper says; each kind has its own.")
    )
    correctable = fields.List(fields.String(), **says("The texts of it that can be corrected."))
    latest = fields.UUID(**says("The identifier of its latest version."))
    versions = fields.List(fields.UUID(), **says("All of its versions, the first one first."))


class PaperPageSchema(Schema):
    """A page of the papers of a community."""

    next = fields.String(
        **says("The address of the next page; null after the last.", allow_none=True)
    )
    papers = fields.List(
        fields.Nested(PaperSchema), **says("Each in its latest version, the newest first.")
    )


class PaperQuerySchema(PageQuerySchema):
    """Which papers, and where the page begins."""

    kind = fields.List(
        Word(Document, code="kind", noun="kind of paper"),
        load_default=[],
        metadata={"description": "Only these kinds; name it several times for several."},
    )
    campaign = Key(metadata={"description": "Only of this campaign and its cases."})
    case = Key(metadata={"description": "Only of this case."})


class FileQuerySchema(Schema):
    """In which language a file is wanted."""

    language = Language(
        LANGUAGES, load_default=LANGUAGES[0], metadata={"description": "In which language."}
    )


class CorrectionSchema(Schema):
    """What was written wrongly, as it should be, and why."""

    texts = fields.Dict(
        keys=fields.String(),
        values=Text(),
        required=True,
        metadata={"description": "The texts that change, by their names in `correctable`."},
    )
    reason = Text(required=True, metadata={"description": "Why; the new version says so."})


class StalePaperSchema(FailureSchema):
    """A correction of a paper that somebody else has corrected since it was read."""

    yours = fields.Dict(**says("The request as it was sent."))
    paper = fields.Nested(WholePaperSchema, **says("The paper as it is now."))


@paper_api.route("/communities/<place>/papers")
@paper_api.arguments(PaperQuerySchema, location="query")
@paper_api.response(200, PaperPageSchema)
@gated(Permission.CASE_READ)
def paper_list(asked: dict[str, Any], place: str) -> ResponseReturnValue:
    """Papers of a community, the newest first, a page at a time.

    Those of a case are listed to whoever sees the case.
    """
    of, cursor = f"papers of {place}", asked["cursor"]
    after = read_place(cursor, of, 2) if cursor else None
    wanted = PaperFilter(
        asking_viewer().sees, frozenset(asked["kind"]), asked.get("campaign"), asked.get("case")
    )
    with place_session() as session:
        community = asked_community(session)
        page = list_papers(
            session, community, wanted, asked["limit"], None if after is None else tuple(after)
        )
        told = [told_paper(session, one) for one in page.papers]
    following = None if page.following is None else write_place(of, *page.following)
    return page_of(following, papers=told)


@paper_api.route("/communities/<place>/papers/<uuid:paper_id>")
@paper_api.response(200, WholePaperSchema)
@gated(Permission.CASE_READ)
def whole_paper(place: str, paper_id: uuid.UUID) -> ResponseReturnValue:
    """One paper in one version, with all that it says.

    Its ETag begins with its version, which a correction sends back as `If-Match`.
    """
    with place_session() as session:
        record = _paper(session, asked_community(session), paper_id)
        told = _whole(session, record)
    return tag_version(jsonify(told), record.version)


@paper_api.route("/communities/<place>/papers/<uuid:paper_id>/file.pdf")
@paper_api.arguments(FileQuerySchema, location="query")
@paper_api.response(200, {"type": "string", "format": "binary"}, content_type=MEDIA_TYPES["pdf"])
@gated(Permission.CASE_READ)
def paper_pdf(asked: dict[str, Any], place: str, paper_id: uuid.UUID) -> ResponseReturnValue:
    """A paper as PDF, the same bytes each time; its ETag is its SHA-256."""
    return _file(paper_id, asked["language"], "pdf")


@paper_api.route("/communities/<place>/papers/<uuid:paper_id>/file.docx")
@paper_api.arguments(FileQuerySchema, location="query")
@paper_api.response(200, {"type": "string", "format": "binary"}, content_type=MEDIA_TYPES["docx"])
@gated(Permission.CASE_READ)
def paper_docx(asked: dict[str, Any], place: str, paper_id: uuid.UUID) -> ResponseReturnValue:
    """A paper as docx, the same bytes each time; its ETag is its SHA-256."""
    return _file(paper_id, asked["language"], "docx")


@paper_api.route("/communities/<place>/papers/<uuid:paper_id>/corrections", methods=["POST"])
@paper_api.arguments(SubmissionSchema, location="headers")
@paper_api.arguments(
    CorrectionSchema,
    example={"texts": {"agenda": "The score standard of 2022"}, "reason": "The year was missing."},
)
@paper_api.response(201, WholePaperSchema)
@paper_api.failure(412, StalePaperSchema)
@paper_api.versioned
@gated(Permission.DOCUMENT_ISSUE)
def new_correction(
    headers: dict[str, Any], asked: dict[str, Any], place: str, paper_id: uuid.UUID
) -> ResponseReturnValue:
    """Issue a paper again under its number, with texts corrected; the earlier version stays.

    Only what a person typed can be corrected. Ground, areas, days and votes come from the
    record: they are corrected there, and the paper is issued anew.
    """
    read = asked_versions()

    def work(session: Session) -> dict[str, Any]:
        community = asked_community(session)
        lock_community(session, community.id)
        record = _paper(session, community, paper_id)
        newest = latest(session, record)
        if newest.version not in read:
            raise Stale(yours=request.get_json(), paper=_whole(session, newest))
        made = correct_paper(session, community, newest, asked["texts"], asked["reason"], signed())
        return _whole(session, made)

    response = submit(headers.get("key"), work, 201)
    return tag_version(response, (response.json or {})["version"])


def told_paper(session: Session, record: DocumentRecord) -> dict[str, Any]:
    """Return a paper as JSON, without what it says."""
    return {
        "id": str(record.id),
        "number": number_of(record),
        "kind": record.kind,
        "version": record.version,
        "title": record.title,
        "issued_on": record.issued_on.isoformat(),
        "issued_by": record.issued_by,
        "campaign_id": record.campaign_id and str(record.campaign_id),
        "case_id": record.case_id and str(record.case_id),
        "files": [
            {"language": language, "format": format, "sha256": sha256.hex()}
            for language, format, sha256 in files_of(session, record)
        ],
    }


def _whole(session: Session, record: DocumentRecord) -> dict[str, Any]:
    versions = [str(one.id) for one in versions_of(session, record)]
    return told_paper(session, record) | {
        "content": record.data,
        "correctable": correctable(record),
        "latest": versions[-1],
        "versions": versions,
    }


def _paper(session: Session, community: Community, paper_id: uuid.UUID) -> DocumentRecord:
    """Return a paper that the account may see; any other is not there."""
    return find_paper(session, community, paper_id, asking_viewer().sees) or abort(404)


def _file(paper_id: uuid.UUID, language: str, format: str) -> Response:
    return send_paper(
        lambda session: _paper(session, asked_community(session), paper_id), language, format
    )
