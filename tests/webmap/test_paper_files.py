"""Papers as files: made once, the same for everybody, also for who may only read."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from cases.access import GRANTS, Permission, Role
from cases.models import DocumentFile
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.conftest import Web

AT_ONCE = 4


@pytest.fixture
def paper(web: Web) -> tuple[str, uuid.UUID]:
    """A paper that nobody has downloaded, and its place."""
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = make.community(session)
        run = make.campaign(session, place)
        case = make.case(session, make.household(session, place), run)
        return place.code, make.campaign_papers(session, place, run, case)["paper_id"]


def files(web: Web, paper_id: uuid.UUID) -> int:
    with web.database.session(EVERYWHERE) as session:
        kept = select(func.count()).where(DocumentFile.document_id == paper_id)
        return int(session.scalar(kept) or 0)


def test_many_who_ask_first_at_once_get_the_same_file(
    web: Web, paper: tuple[str, uuid.UUID]
) -> None:
    place, paper_id = paper
    assert Permission.DOCUMENT_ISSUE not in GRANTS[Role.PLANNER]
    clients = [web._logged_in(Role.PLANNER, place, "") for _ in range(AT_ONCE)]
    for kind in ("pdf", "docx"):
        address = f"/c/{place}/papers/{paper_id}.{kind}?in=en"
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(lambda one, at=address: one.get(at), clients))
        assert {one.status_code for one in answers} == {200}
        assert len({(one.data, one.headers["ETag"]) for one in answers}) == 1
        again = clients[0].get(address, headers={"If-None-Match": answers[0].headers["ETag"]})
        assert again.status_code == 304
    assert files(web, paper_id) == 2


def test_a_file_of_another_kind_or_language_is_not_there(
    web: Web, paper: tuple[str, uuid.UUID]
) -> None:
    place, paper_id = paper
    client = web.login(Role.PLANNER, place)
    for rest in (".exe", ".pdf?in=tlh"):
        assert client.get(f"/c/{place}/papers/{paper_id}{rest}").status_code == 404
    assert client.get(f"/c/{place}/papers/{uuid.uuid4()}.pdf").status_code == 404
    assert files(web, paper_id) == 0
