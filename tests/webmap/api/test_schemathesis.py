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
from werkzeug.wsgi import ClosingIterator

from cases.access import Role
from cases.models import Case, Lane, Photograph, PhotographSubject, Tip
from cases.people import ensure_account
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
CASE, PARCEL, LANE, TIP, PHOTOGRAPH = (uuid.UUID(int=number) for number in range(1, 6))
EXAMPLES = 25
UNBORN = "a-session-to-come"

CONFIG = {
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
        "path.lane_id": str(LANE),
        "path.tip_id": str(TIP),
        "path.photograph_id": str(PHOTOGRAPH),
    },
    "checks": {"missing_required_header": {"expected-statuses": ["428"]}},
    "operations": [
        {
            # A change of the right form may be of another version, or one that cannot be made;
            # one of a wrong form may be stopped by the version that it names.
            "include-method": ["POST", "PUT", "DELETE"],
            "checks": {
                # Without a session there is no token either, and its lack is seen first.
                "ignored_auth": {"enabled": False},
                "positive_data_acceptance": {"expected-statuses": ["200", "412", "422", "428"]},
                "negative_data_rejection": {
                    "expected-statuses": ["400", "404", "405", "412", "415", "422", "428"]
                },
            },
        },
        {
            # A cursor is signed, and a text with NUL is none that PostgreSQL could look for.
            "include-path": [
                "/api/v1/communities/{place}/cases",
                "/api/v1/communities/{place}/cases/{case_id}/events",
                "/api/v1/communities/{place}/tips",
            ],
            "include-method": "GET",
            "checks": {"positive_data_acceptance": {"expected-statuses": ["200", "304", "422"]}},
        },
    ],
}


def document() -> dict[str, Any]:
    """Return the API's document as the application serves it."""
    app = Flask("webmap")
    init_api(app)
    with app.app_context():
        return read_document()


class Served:
    """The application and an inspector's session, both there once the tests run."""

    app: Flask
    cookie: str
    token: str

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        sent = environ.get("HTTP_COOKIE", "")
        environ["HTTP_COOKIE"] = sent.replace(UNBORN, self.cookie)
        # Whoever asks here reads an answer and leaves the file behind it open.
        with closing(ClosingIterator(self.app(environ, start))) as answer:
            return [b"".join(answer)]


served = Served()
schema = schemathesis.openapi.from_dict(document(), config=SchemathesisConfig.from_dict(CONFIG))
schema.app = served


@schema.auth()
class Session:
    """The cookie of somebody who has logged in, for which there is a word until then."""

    def get(self, case: Any, context: Any) -> str:
        return UNBORN

    def set(self, case: Any, cookie: str, context: Any) -> None:
        case.cookies = {**(case.cookies or {}), "commongreen": cookie}


@pytest.fixture(scope="module", autouse=True)
def somebody(web: Web) -> None:
    """Serve a place with one of each, and log in to it as inspector and secretary in one."""
    with web.database.session(EVERYWHERE) as inside, inside.begin():
        place = make.community(inside, code=PLACE, boundary=make.square(0, 0, 9))
        house = make.building(inside, place, make.square(0, 5))
        ground = make.parcel(inside, place, make.square(0, 4), id=PARCEL, building_id=house.id)
        who = make.household(inside, place, building_id=house.id)
        make.link(inside, ground, who)
        case = make.case(inside, who, make.campaign(inside, place), id=CASE)
        make.event(inside, case, make.EARLY, State.SUSPECTED)
        seen = make.observation(inside, place, make.square(0, 4))
        make.encroachment(inside, seen, ground, case, make.square(0, 4))
        key = {"community_id": place.id}
        inside.add_all(
            [
                Lane(**key, id=LANE, ref="1", name="Lane"),
                Tip(**key, id=TIP, received_on=make.EARLY, wording="behind building 3"),
                photograph(web, place, case),
            ]
        )
    email = web.person(Role.INSPECTOR, PLACE)
    with web.database.session(EVERYWHERE) as inside, inside.begin():
        ensure_account(inside, email, name="", password="", role=Role.SECRETARY, place=PLACE)
    client = web.login(Role.INSPECTOR, PLACE)
    served.app, served.token = web.app, csrf_token(client, "/places")
    cookie = client.get_cookie("commongreen")
    assert cookie is not None
    served.cookie = cookie.value


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
