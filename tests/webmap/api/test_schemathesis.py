"""Schemathesis asks the API everything that its document allows and forbids.

The same questions each time, so that a failure comes again. Its fixture by which a schema may
come late reaches into pytest where there is nothing any more, so the document is made here,
without a database, and the place that it is tried on has fixed names.
"""

import io
import uuid
from collections.abc import Iterable
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from flask import Flask
from PIL import Image
from schemathesis.config import SchemathesisConfig
from sqlalchemy.orm import Session
from werkzeug.wsgi import ClosingIterator

from cases.access import Role
from cases.models import (
    AccessToken,
    Account,
    Case,
    Membership,
    Photograph,
    PhotographSubject,
)
from cases.people import ensure_account, named_account
from cases.photograph_files import PhotographFiles
from cases.pictures import read_picture
from cases.workflow import State
from layers.db import EVERYWHERE
from layers.models import Community
from tests import builders as make
from tests.webmap.conftest import Web, csrf_token
from webmap.api import init_api
from webmap.api.document import read_document

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PLACE = "S-1"
CASE, PARCEL, CAMPAIGN, PHOTOGRAPH = (uuid.UUID(int=number) for number in range(1, 5))
OBSERVATION = uuid.UUID(int=99)
NAMED = {
    name: uuid.UUID(int=number)
    for number, name in enumerate(
        (
            "meeting_id",
            "announcement_id",
            "paper_id",
            "lane_id",
            "tip_id",
            "site_id",
            "visit_id",
            "edit_id",
        ),
        5,
    )
}
ACCOUNT, TOKEN = uuid.UUID(int=101), uuid.UUID(int=102)
# Beyond what the rows of the other tests are numbered by.
MEMBERSHIP = 2_000_000_001
EXAMPLES = 25
UNBORN = "the-session"
# What the right form of a change may still meet: a record that does not allow it.
REFUSED = ["404", "412", "422", "428"]


def changes(name: str, *also: str) -> dict[str, Any]:
    """Return what an operation that changes something may answer.

    What has the right form may be of another version, or be what the record does not allow;
    what has a wrong one may be stopped by the version that it names, or by what it is about.
    What a secret could be guessed by may ``also`` have been asked too often.
    """
    return {
        "include-name": name,
        "checks": {
            # Without a session there is no token either, and its lack is seen first.
            "ignored_auth": {"enabled": False},
            "positive_data_acceptance": {"expected-statuses": ["200", "201", *REFUSED, *also]},
            "negative_data_rejection": {
                "expected-statuses": ["400", "405", "415", *REFUSED, *also]
            },
        },
    }


def uploads(name: str) -> dict[str, Any]:
    """Return what a step of an upload may answer: another version of tus is a 412."""
    told = changes(name)
    told["checks"]["missing_required_header"] = {"expected-statuses": ["412", "422"]}
    return told


def reads(name: str, *also: str) -> dict[str, Any]:
    """Return what a list that has a cursor may answer: a cursor is signed.

    What is a resident's may ``also`` not be there for who is none.
    """
    expected = ["200", "304", "422", *also]
    return {
        "include-name": name,
        "checks": {"positive_data_acceptance": {"expected-statuses": expected}},
    }


PATH = "/api/v1/communities/{place}"
LISTS = (
    # A text with NUL is none that PostgreSQL could look for.
    "/cases",
    "/cases/{case_id}/events",
    "/tips",
    "/field/submissions",
    # A building that is none of the community's.
    "/field/bundle",
    "/papers",
    "/edits",
    # A building may be none that is there.
    "/edits/features",
    "/campaigns/{campaign_id}/meetings",
    "/campaigns/{campaign_id}/announcements",
)
FOUND = "/field/submissions/{submission_id}"
ACTS = (
    "moves",
    "visits",
    "deadline",
    "objections",
    "objections/decision",
    "answer",
    "confirmation",
    "withdrawal",
    "patrols",
    "photographs",
    "declaration-link",
)
OWN_ACTS = ("declaration", "objections")
CHANGES = (
    *(f"POST {{}}/cases/{{case_id}}/{act}" for act in ACTS),
    "PUT {}/cases/{case_id}/assignment",
    "PUT {}/cases/{case_id}/difficulty",
    "POST {}/assignments",
    "POST {}/lanes",
    "PUT {}/lanes/{lane_id}",
    "DELETE {}/lanes/{lane_id}",
    "POST {}/observations",
    "POST {}/observations/{observation_id}/answer",
    "POST {}/observations/{observation_id}/withdrawal",
    "POST {}/sites",
    "POST {}/sites/{site_id}/state",
    "POST {}/edits",
    "POST {}/edits/{edit_id}/undo",
    "PUT {}/tips/{tip_id}",
    "PUT {}/field/submissions/{submission_id}",
    "POST {}/field/submissions/{submission_id}/acceptance",
    "POST {}/field/submissions/{submission_id}/merger",
    "POST {}/field/submissions/{submission_id}/return",
    "POST {}/tips/{tip_id}/check",
    "POST {}/campaigns",
    "PATCH {}/campaigns/{campaign_id}",
    "POST {}/campaigns/{campaign_id}/end",
    "POST {}/campaigns/{campaign_id}/meetings",
    "POST {}/campaigns/{campaign_id}/announcements",
    "POST {}/bodies",
    "POST {}/meetings/{meeting_id}/minutes",
    "POST {}/announcements/{announcement_id}/postings",
    "POST {}/papers/{paper_id}/corrections",
    "POST {}/visits/{visit_id}/record",
)
ACCOUNTS = "/api/v1/accounts"
ACCOUNT_CHANGES = (
    "POST {}",
    "PUT {}/{account_id}/state",
    "DELETE {}/{account_id}/factor",
    "POST {}/{account_id}/reset",
    "POST {}/{account_id}/memberships",
    "PUT {}/{account_id}/memberships/{membership_id}/approval",
    "DELETE {}/{account_id}/memberships/{membership_id}",
)
OWN = "/api/v1/account"
OWN_CHANGES = (
    "PATCH {}",
    "POST {}/factor",
    "PUT {}/factor",
    "DELETE {}/factor",
    "POST {}/recovery-codes",
    "POST {}/tokens",
    "DELETE {}/tokens/{token_id}",
)

CONFIG: dict[str, Any] = {
    "seed": 1,
    "generation": {
        "deterministic": True,
        "database": "none",
        "max-examples": EXAMPLES,
        "with-security-parameters": False,
    },
    "parameters": {
        "path.place": PLACE,
        "path.case_id": str(CASE),
        "path.parcel_id": str(PARCEL),
        "path.campaign_id": str(CAMPAIGN),
        "path.photograph_id": str(PHOTOGRAPH),
        "path.observation_id": str(OBSERVATION),
        "path.account_id": str(ACCOUNT),
        "path.membership_id": MEMBERSHIP,
        "path.token_id": str(TOKEN),
        **{f"path.{name}": str(key) for name, key in NAMED.items()},
    },
    "checks": {"missing_required_header": {"expected-statuses": ["428"]}},
    "operations": [
        *(changes(rest.replace("{}", PATH)) for rest in CHANGES),
        uploads(f"POST {PATH}/field/uploads"),
        uploads(f"PATCH {PATH}/field/uploads/{{upload_id}}"),
        *(changes(f"POST /api/v1/household/cases/{{case_id}}/{act}") for act in OWN_ACTS),
        *(changes(rest.replace("{}", ACCOUNTS)) for rest in ACCOUNT_CHANGES),
        *(changes(rest.replace("{}", OWN)) for rest in OWN_CHANGES),
        changes(f"POST {OWN}/confirmation", "429"),
        changes(f"PUT {OWN}/password", "429"),
        *(reads(f"GET {PATH}{rest}") for rest in LISTS),
        reads(f"GET {ACCOUNTS}"),
        # Submissions are made up here as clients do, so that most are not there.
        reads(f"GET {PATH}{FOUND}", "404"),
        reads(f"HEAD {PATH}/field/uploads/{{upload_id}}", "404", "412"),
        reads("GET /api/v1/places"),
        # A text with NUL is refused here as in lists.
        reads("GET /api/v1/places/{place}/status"),
        *(
            reads(f"GET /api/v1/household/papers/{{paper_id}}/file.{kind}", "404")
            for kind in ("pdf", "docx")
        ),
    ],
}


def document() -> dict[str, Any]:
    """Return the API's document as the application serves it."""
    app = Flask("webmap")
    init_api(app)
    with app.app_context():
        return read_document()


class Served:
    """The application and somebody's session, both there once the tests run."""

    app: Flask
    cookie: str
    token: str

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        sent = environ.get("HTTP_COOKIE", "")
        environ["HTTP_COOKIE"] = sent.replace(UNBORN, self.cookie)
        # Whoever asks here reads an answer and leaves the file behind it open.
        with closing(ClosingIterator(self.app(environ, start))) as answer:
            return [b"".join(answer)]


@schemathesis.serializer("application/offset+octet-stream")
def piece_of_a_file(_context: Any, value: Any) -> bytes:
    """Send a piece of a file as it is."""
    if isinstance(value, bytes):
        return value
    return str(getattr(value, "data", value)).encode()


served = Served()
schema = schemathesis.openapi.from_dict(document(), config=SchemathesisConfig.from_dict(CONFIG))
schema.app = served


@schema.auth()
class LoggedIn:
    """The cookie of somebody who has logged in, for which there is a word until then."""

    def get(self, case: Any, context: Any) -> str:
        return UNBORN

    def set(self, case: Any, cookie: str, context: Any) -> None:
        case.cookies = {**(case.cookies or {}), "commongreen": cookie}


@pytest.fixture(scope="module", autouse=True)
def worker(web: Web) -> None:
    """Serve a place with one of everything, and log in to it."""
    with web.database.session(EVERYWHERE) as inside, inside.begin():
        place = make.community(inside, code=PLACE, boundary=make.square(0, 0, 9))
        house = make.building(inside, place, make.square(0, 5))
        ground = make.parcel(inside, place, make.square(0, 4), id=PARCEL, building_id=house.id)
        who = make.household(inside, place, building_id=house.id)
        make.link(inside, ground, who)
        run = make.campaign(inside, place, id=CAMPAIGN)
        case = make.case(inside, who, run, id=CASE)
        make.campaign_papers(inside, place, run, case, **NAMED)
        make.event(inside, case, make.EARLY, State.SUSPECTED)
        seen = make.observation(inside, place, make.square(0, 4), id=OBSERVATION)
        make.encroachment(inside, seen, ground, case, make.square(0, 4))
        inside.add(photograph(web, place, case))
    # One account that may do everything here: refusals by role are for the walk of all routes.
    email = web.person(Role.INSPECTOR, PLACE)
    with web.database.session(EVERYWHERE) as inside, inside.begin():
        for role in (Role.SECRETARY, Role.PLANNER, Role.ADMIN):
            ensure_account(inside, email, name="", password="", role=role, place=PLACE)
        accounts(inside, place, named_account(inside, email))
    client = web.login(Role.INSPECTOR, PLACE)
    served.app, served.token = web.app, csrf_token(client, "/places")
    cookie = client.get_cookie("commongreen")
    assert cookie is not None
    served.cookie = cookie.value


def accounts(inside: Session, place: Community, mine: Account) -> None:
    """Add another account with a role that waits here, and a token of one's own."""
    theirs = Account(
        public_id=ACCOUNT, email="li@s.example", name="Li", password="", fs_uniquifier="li"
    )
    inside.add(theirs)
    inside.flush()
    inside.add(
        Membership(
            id=MEMBERSHIP,
            account_id=theirs.id,
            role=Role.SECRETARY,
            community_id=place.id,
            proposed_by="ana@s.example",
        )
    )
    inside.add(AccessToken(id=TOKEN, account_id=mine.id, name="QGIS", sha256=bytes(32)))


def photograph(web: Web, place: Community, case: Case) -> Photograph:
    """Return a photograph of a case whose file is there."""
    content = io.BytesIO()
    Image.new("RGB", (64, 48), "green").save(content, "PNG")
    picture = read_picture("a.png", content.getvalue())
    PhotographFiles(web.settings.photographs).keep(picture)
    return Photograph(
        community_id=place.id,
        id=PHOTOGRAPH,
        case_id=case.id,
        subject=PhotographSubject.BEFORE,
        sha256=picture.sha256,
        media_type=picture.media_type,
        width=picture.width,
        height=picture.height,
        size=len(picture.content),
        recorded_by="ana",
    )


@schema.parametrize()
def test_the_api_is_as_its_document_says(case: Any) -> None:
    case.call_and_validate(headers={"X-CSRFToken": served.token, "Accept-Encoding": "identity"})
