"""The pages of submissions: what a reviewer sees, decides, and what is refused with all typed."""

import datetime as dt
import json
import re
import sys
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from cases.access import Role
from cases.models import Account, FieldDecision, FieldSubmission, FieldVerdict, SubmissionKind
from layers.db import EVERYWHERE
from layers.models import Community, Household, Observation, ObservationStatus
from tests import builders as make
from tests.webmap.conftest import Web, csrf_token

HOSTILE = "{{7*7}}</script><b>${alert(1)}"


@dataclass(frozen=True)
class Desk:
    """A community of its own with a parcel and an observation, and who reviews there."""

    web: Web
    place: str
    seen: uuid.UUID
    inspector: str

    @property
    def client(self) -> FlaskClient:
        return self.web.login(Role.SECRETARY, self.place)

    def sent(self, **values: Any) -> uuid.UUID:
        with self.web.database.session(EVERYWHERE) as session, session.begin():
            near = session.scalars(select(Observation).where(Observation.id == self.seen)).one()
            given = {"recorded_by": self.inspector, "note": HOSTILE, **values}
            return make.submission(session, near, **given).id

    def at(self, key: uuid.UUID) -> str:
        return f"/c/{self.place}/submissions/{key}"

    def page(self, key: uuid.UUID) -> str:
        answer = self.client.get(f"{self.at(key)}?lang=en")
        assert answer.status_code == 200
        return answer.text

    def send(self, key: uuid.UUID, act: str, **fields: Any) -> TestResponse:
        form = {
            "csrf_token": csrf_token(self.client, "/places"),
            "resend_key": str(uuid.uuid4()),
            **fields,
        }
        return self.client.post(f"{self.at(key)}/{act}?lang=en", data=form)

    def verdict(self, key: uuid.UUID) -> FieldDecision | None:
        with self.web.database.session(EVERYWHERE) as session:
            wanted = select(FieldDecision).where(FieldDecision.submission_id == key)
            return session.scalars(wanted).first()


@pytest.fixture
def desk(web: Web) -> Desk:
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = make.community(session, boundary=make.square(0, 0, 9))
        house = make.building(session, place, make.square(0, 5), ref="12")
        ground = make.parcel(session, place, make.square(0, 4), ref="G1", building_id=house.id)
        make.link(session, ground, make.household(session, place, ref="12-1-101"))
        seen = make.observation(session, place, make.square(0.2, 4.2, 0.4), ref="O-1")
        code, key = place.code, seen.id
    return Desk(web, code, key, web.person(Role.INSPECTOR, code))


def test_what_waits_is_listed_with_its_outline(desk: Desk) -> None:
    key = desk.sent()
    empty = desk.client.get(f"/c/{desk.place}/submissions?state=merged&lang=en").text
    assert "Nothing has been merged yet." in empty
    page = desk.client.get(f"/c/{desk.place}/submissions?lang=en").text
    data = re.search(r'<script type="application/json" id="plan-data">(.*?)</script>', page, re.S)
    assert data
    assert [one["id"] for one in json.loads(data[1])["submissions"]] == [str(key)]
    work = desk.client.get(f"/c/{desk.place}/work?lang=en").text
    assert re.search(r"Submissions to review <strong>1<", work)


def test_people_are_named_and_counts_are_said_in_words(desk: Desk) -> None:
    with desk.web.database.session(EVERYWHERE) as session, session.begin():
        account = session.scalars(select(Account).where(Account.email == desk.inspector)).one()
        account.name = "Lin Xun"
    announced = [{"id": str(uuid.uuid4()), "sha256": "0" * 64}]
    key, other = desk.sent(announced=announced, structure_types=["fence", "shed"]), desk.sent()
    for page in (desk.client.get(f"/c/{desk.place}/submissions?lang=en").text, desk.page(other)):
        assert "Lin Xun" in page
        assert f">{desk.inspector}" not in page.replace(f'broken-up">{desk.inspector}', "")
    page = desk.page(key)
    assert "The phone still holds it. It sends it when it has a signal" in page
    chinese = desk.client.get(f"{desk.at(key)}?lang=zh_Hans").text
    assert re.search(r"<dd>\w+、\w+</dd>", chinese)
    desk.client.get("/places?lang=en")


def test_a_list_goes_on_where_a_page_ends(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["webmap.pages.submissions"], "PER_PAGE", 2)
    made = {str(desk.sent()) for _number in range(3)}
    read: set[str] = set()
    where: str | None = f"/c/{desk.place}/submissions"
    while where:
        page = desk.client.get(where).text
        read |= set(re.findall(r'data-submission="([^"]+)"', page))
        following = re.search(r'rel="next" href="([^"]+)"', page)
        where = following[1].replace("&amp;", "&") if following else None
    assert read == made


def test_the_page_lays_it_over_what_is_there(desk: Desk) -> None:
    key = desk.sent(phone_area_m2=70.0)
    page = desk.page(key)
    assert HOSTILE not in page
    assert "{{7*7}}&lt;/script&gt;" in page
    shapes = re.search(r'id="case-shapes">(.*?)</script>', page, re.S)
    assert shapes
    layers = {one["layer"] for one in json.loads(shapes[1])}
    assert {"building", "parcel", "observed", "submitted"} <= layers
    assert "differs" in page


def test_it_is_accepted_and_leads_to_what_it_became(desk: Desk) -> None:
    key = desk.sent()
    answer = desk.send(key, "acceptance", form="accept", structure_type="hedge", reason="seen")
    assert (answer.status_code, answer.location) == (302, desk.at(key))
    done = desk.verdict(key)
    assert done is not None
    assert done.verdict is FieldVerdict.ACCEPTED
    page = desk.page(key)
    assert f"/observations/{done.observation_id}" in page
    assert "Return to the inspector" not in page
    again = desk.send(key, "return", form="return", reason="late")
    assert again.status_code == 422
    assert "decided about already" in again.text


def test_a_doubtful_day_is_asked_for_and_what_was_typed_stays(desk: Desk) -> None:
    key = desk.sent(is_clock_doubtful=True)
    refused = desk.send(key, "acceptance", form="accept", reason=f"kept {HOSTILE}")
    assert refused.status_code == 422
    assert "nobody knows on which day" in refused.text
    assert "kept {{7*7}}&lt;/script&gt;" in refused.text
    day = dt.date(2022, 4, 1).isoformat()
    key, other = desk.sent(is_clock_doubtful=True), desk.sent()
    page = desk.page(other)
    assert 'id="accept-observed_on"' not in page
    assert 'id="merge-observed_on"' in page
    both = {"form": "merge", "with": str(key), "reason": "one fence"}
    assert desk.send(other, "merger", **both).status_code == 422
    assert desk.send(other, "merger", observed_on=day, **both).status_code == 302


def test_a_conflict_shows_both_and_asks_which_stands(desk: Desk) -> None:
    stale = {"corrects_id": desk.seen, "corrects_version": "0" * 16, "keep_both": True}
    key = desk.sent(**stale)
    page = desk.page(key)
    assert "neither overwrites the other" in page
    assert {'"now"', '"earlier"'} <= set(re.findall(r'"(?:now|earlier)"', page))
    assert desk.send(key, "acceptance", form="accept").status_code == 422
    done = desk.send(key, "acceptance", form="accept", overtaken="replace")
    assert done.status_code == 302
    with desk.web.database.session(EVERYWHERE) as session:
        before = session.scalars(select(Observation).where(Observation.id == desk.seen)).one()
        assert before.status is ObservationStatus.SUPERSEDED


def test_a_correction_names_what_it_corrects_and_by_how_much(desk: Desk) -> None:
    key = desk.sent(corrects_id=desk.seen, area_m2=42.5)
    page = desk.page(key)
    assert f'/observations/{desk.seen}">O-1</a>' in page
    assert "As it was read" in page
    assert "−7.50 <small>±" in page
    assert "As it stands now<" not in page
    assert desk.send(key, "acceptance", form="accept").status_code == 302
    done = desk.page(key)
    assert "−7.50 <small>±" in done
    assert "It takes nothing from common green." not in done
    assert drawn_layers(done, "now") == []


def test_a_correction_of_what_was_split_shows_every_part(desk: Desk) -> None:
    key = desk.sent(corrects_id=desk.seen, area_m2=42.5)
    with desk.web.database.session(EVERYWHERE) as session, session.begin():
        read = session.scalars(select(Observation).where(Observation.id == desk.seen)).one()
        read.status, read.ended_on = ObservationStatus.SUPERSEDED, read.observed_on
        place = session.get_one(Community, read.community_id)
        for number, area_m2 in enumerate((30.0, 14.0)):
            part = make.square(0.2 + number * 0.25, 4.2, 0.15)
            values = {"ref": f"O-1-{number}", "replaces_id": read.id, "area_m2": area_m2}
            make.observation(session, place, part, **values)
    page = desk.page(key)
    assert "was split since the inspector read it" in page
    assert sorted(drawn_layers(page, "now")) == ["O-1-0", "O-1-1"]
    assert drawn_layers(page, "earlier") == ["O-1"]
    assert "44.00 <small>±" in page
    assert "−1.50 <small>±" in page
    assert 'value="replace"' not in page


def drawn_layers(page: str, layer: str) -> list[str]:
    """Return the labels of what the map of a page draws in a layer."""
    shapes = re.search(r'id="case-shapes">(.*?)</script>', page, re.S)
    assert shapes
    return [one["label"] for one in json.loads(shapes[1]) if one["layer"] == layer]


def test_several_are_merged_from_one_of_them(desk: Desk) -> None:
    first, second = desk.sent(), desk.sent()
    refused = desk.send(first, "merger", form="merge")
    assert refused.status_code == 422
    done = desk.send(first, "merger", **{"form": "merge", "with": str(second), "reason": "one"})
    assert done.status_code == 302
    verdicts = [desk.verdict(one) for one in (first, second)]
    assert {one and one.verdict for one in verdicts} == {FieldVerdict.MERGED}


def test_clear_ground_is_shown_by_its_parcels(desk: Desk) -> None:
    with desk.web.database.session(EVERYWHERE) as session:
        place = session.scalars(select(Community).where(Community.code == desk.place)).one()
        home = make.household(session, place, ref="alone")
        session.commit()
        key = home.id
        linked = session.scalars(
            select(Household.id).where(
                Household.community_id == place.id, Household.ref == "12-1-101"
            )
        ).one()
    clear = {"kind": SubmissionKind.CLEAR, "geom": None, "area_m2": None}
    page = desk.page(desk.sent(household_id=key, **clear))
    assert "No parcel is linked to the household" in page
    page = desk.page(desk.sent(household_id=linked, **clear))
    assert "lie on these parcels: O-1" in page
    assert '"clear"' in page


def test_an_inspector_sees_the_own_and_decides_nothing(desk: Desk) -> None:
    key, others = desk.sent(), desk.sent(recorded_by="somebody@example.org")
    client = desk.web.login(Role.INSPECTOR, desk.place)
    page = client.get(f"/c/{desk.place}/submissions?lang=en").text
    assert str(key) in page
    assert str(others) not in page
    one = client.get(f"{desk.at(key)}?lang=en")
    assert "another person decides about it" in one.text
    assert client.get(desk.at(others)).status_code == 404
    form = {"csrf_token": csrf_token(client, "/places"), "reason": "mine"}
    assert client.post(f"{desk.at(key)}/return", data=form).status_code == 403
    with desk.web.database.session(EVERYWHERE) as session:
        assert session.scalars(select(FieldSubmission).where(FieldSubmission.id == key)).one()
    assert desk.verdict(key) is None
