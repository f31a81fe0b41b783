"""Tips by the API: kept without any trace of who sent them, read by those who check."""

import uuid

import pytest
from sqlalchemy import select

from cases.access import Role
from cases.models import Idempotency, Tip
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.api.sending import Sender, codes
from tests.webmap.conftest import Web

WORDING = "A new fence behind building 12."


@pytest.fixture
def place(web: Web) -> str:
    with web.database.session(EVERYWHERE) as session, session.begin():
        made = make.community(session)
        make.parcel(session, made, ref="G1")
        return made.code


def test_a_tip_is_kept_once_and_nobody_knows_who_sent_it(web: Web, place: str) -> None:
    keeper = Sender.of(web, Role.LANE_HOUSEKEEPER, place)
    key = uuid.uuid4()
    body = {"wording": WORDING, "parcel": "G1"}
    for _ in range(2):
        answer = keeper.send("PUT", f"tips/{key}", body, key=uuid.uuid4())
        assert answer.get_json() == {"id": str(key)}
    other = keeper.send("PUT", f"tips/{key}", {"wording": "Another."})
    assert codes(other) == ["key_reused"]
    assert WORDING not in other.text
    assert keeper.client.get(keeper.at("tips")).status_code == 403
    with web.database.session(EVERYWHERE) as session:
        (tip,) = session.scalars(select(Tip).where(Tip.id == key))
        assert tip.wording == WORDING
        rows = select(Idempotency).where(Idempotency.community_id == tip.community_id)
        assert session.scalars(rows).all() == []


def test_a_tip_names_all_its_faults(web: Web, place: str) -> None:
    keeper = Sender.of(web, Role.LANE_HOUSEKEEPER, place)
    answer = keeper.send("PUT", f"tips/{uuid.uuid4()}", {"wording": " ", "parcel": "G9"})
    assert codes(answer) == ["wording_missing", "unknown_parcel"]


def test_a_tip_is_checked_once(web: Web, place: str) -> None:
    inspector = Sender.of(web, Role.INSPECTOR, place)
    key = uuid.uuid4()
    inspector.send("PUT", f"tips/{key}", {"wording": WORDING})
    silent = inspector.send("POST", f"tips/{key}/check", {"outcome": "dismissed"})
    assert codes(silent) == ["note_missing"]
    looked = {"outcome": "dismissed", "note": "It is the old hedge."}
    answer = inspector.send("POST", f"tips/{key}/check", looked)
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["state"] == "dismissed"
    assert codes(inspector.send("POST", f"tips/{key}/check", looked)) == ["tip_checked"]
    assert inspector.send("POST", f"tips/{uuid.uuid4()}/check", looked).status_code == 404


def test_tips_lead_from_page_to_page_those_that_wait_first(web: Web, place: str) -> None:
    inspector = Sender.of(web, Role.INSPECTOR, place)
    keys = [str(uuid.uuid4()) for _ in range(5)]
    for key in keys:
        inspector.send("PUT", f"tips/{key}", {"wording": WORDING})
    inspector.send("POST", f"tips/{keys[0]}/check", {"outcome": "confirmed"})
    page = inspector.get("tips", limit=2)
    seen = [one["id"] for one in page["tips"]]
    while page["next"] is not None:
        page = inspector.get(page["next"])
        seen += [one["id"] for one in page["tips"]]
    assert sorted(seen) == sorted(keys)
    assert seen[-1] == keys[0]
