"""The application on a database of the module's own, and people who log in to it."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from cases.access import Role
from cases.models import Account, Case
from cases.people import ensure_account
from cases.workflow import State
from layers.config import Settings
from layers.db import EVERYWHERE, Database
from layers.migrate import open_database
from layers.models import Resident
from tests import builders as make
from webmap.app import create_app
from webmap.connections import Connections

PASSWORD = "correct horse 7"
# A resident's name, which no answer may hold.
NAME = "不应出现的姓名"


@dataclass(frozen=True)
class Web:
    """The application, and the database under it as the operator sees it."""

    app: Flask
    database: Database
    settings: Settings
    clients: dict[tuple[Role, str | None, str], FlaskClient] = field(default_factory=dict)

    def client(self) -> FlaskClient:
        return self.app.test_client()

    def person(self, role: Role, place: str | None = None, name: str = "") -> str:
        """Return the address of an account with ``role``, made at its first use."""
        email = f"{name or role}.{place or 'everywhere'}@example.org"
        with self.database.session(EVERYWHERE) as session, session.begin():
            ensure_account(session, email, name=email, password=PASSWORD, role=role, place=place)
        return email

    def give(self, case: uuid.UUID, place: str) -> None:
        """Let a case be the lane housekeeper's of ``place``, who would not see it otherwise."""
        email = self.person(Role.LANE_HOUSEKEEPER, place)
        with self.database.session(EVERYWHERE) as session, session.begin():
            found = session.scalars(select(Case).where(Case.id == case)).one()
            account = session.scalars(select(Account).where(Account.email == email)).one()
            found.housekeeper_id = account.id

    def login(self, role: Role, place: str | None = None, name: str = "") -> FlaskClient:
        """Return a client that has logged in as somebody with ``role``; the same each time."""
        key = (role, place, name)
        if key not in self.clients:
            self.clients[key] = self._logged_in(role, place, name)
        return self.clients[key]

    def _logged_in(self, role: Role, place: str | None, name: str) -> FlaskClient:
        client = self.client()
        answer = log_in(client, self.person(role, place, name))
        assert answer.status_code == 302, answer.text
        return client


def csrf_token(client: FlaskClient, address: str = "/login") -> str:
    """Return the token that a page hands to its scripts."""
    found = re.search(r'name="csrf-token" content="([^"]+)"', client.get(address).text)
    assert found, "the page has no token"
    return found.group(1)


def log_in(client: FlaskClient, email: str, password: str = PASSWORD) -> TestResponse:
    """Send the login form as a browser does."""
    form = {"email": email, "password": password, "csrf_token": csrf_token(client)}
    return client.post("/login", data=form)


def web_settings(settings: Settings, folder: Path) -> Settings:
    """Return settings with key and photographs of their own, without factors and limits."""
    return replace(
        settings,
        secret_key_file=folder / "secret_key",
        photograph_folder=folder / "photographs",
        second_factor_roles=(),
        writes_per_account=0,
        writes_per_address=0,
    )


@pytest.fixture(scope="module")
def web(committed: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    settings = web_settings(committed, tmp_path_factory.mktemp("web"))
    app = create_app(settings)
    database = open_database(settings)
    yield Web(app, database, settings)
    connections = app.extensions["commongreen"]
    assert isinstance(connections, Connections)
    connections.close()
    database.engine.dispose()


@dataclass(frozen=True)
class Story:
    """Two communities of one town and one elsewhere, each with a case."""

    town: str
    here: str
    neighbour: str
    elsewhere: str
    parcel: uuid.UUID
    case: uuid.UUID
    case_elsewhere: uuid.UUID


@pytest.fixture(scope="module")
def story(web: Web) -> Story:
    with web.database.session(EVERYWHERE) as session, session.begin():
        town = make.region(session)
        places = [
            make.community(
                session, name="温泉花园", region_id=town.id, boundary=make.square(0, 0, 9)
            ),
            make.community(session, region_id=town.id, boundary=make.square(9, 0, 9)),
            make.community(session, boundary=make.square(18, 0, 9)),
        ]
        made = []
        for number, place in enumerate(places):
            house = make.building(session, place, make.square(9 * number, 5), ref="12")
            ground = make.parcel(
                session, place, make.square(9 * number, 4), ref="G1", building_id=house.id
            )
            make.parcel(session, place, make.square(9 * number + 2, 4), ref="G2")
            who = make.household(session, place, ref="12-1-101", building_id=house.id)
            session.add(
                Resident(community_id=place.id, household_id=who.id, name=NAME, role="owner")
            )
            make.link(session, ground, who)
            survey = make.survey(session, place)
            make.looked(session, ground, survey)
            case = make.case(session, who, make.campaign(session, place), number=7)
            make.event(session, case, make.EARLY, State.SUSPECTED, actor="survey@example.org")
            seen = make.observation(session, place, make.square(9 * number, 4), survey_id=survey.id)
            make.encroachment(session, seen, ground, case, make.square(9 * number, 4))
            make.finding(session, seen, ground)
            make.site(session, place, make.point(9 * number + 5, 2))
            made.append((place.code, ground.id, case.id))
        town_code = town.code
    return Story(town_code, made[0][0], made[1][0], made[2][0], made[0][1], made[0][2], made[2][2])
