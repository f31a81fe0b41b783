"""Papers: who sees which, their files, and their corrections."""

import hashlib
import io
import uuid
from typing import Any

import pytest
from docx import Document as read_docx
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from cases.access import Role
from cases.documents import Paper, issue
from cases.models import Case, DocumentRecord
from cases.workflow import Document
from layers.db import EVERYWHERE
from layers.models import Community
from tests import builders as make
from tests.webmap.api.test_campaigns import Secretary, codes, secretary
from tests.webmap.conftest import Web
from tests.webmap.test_campaign_pages import HOSTILE, Scene, scene

__all__ = ["scene", "secretary"]

MINUTES: dict[str, Any] = {
    "community": "Wenquan",
    "campaign": "Green again",
    "held_on": "2022-04-11",
    "place": "Hall",
    "agenda": "The standard",
    "minutes": HOSTILE,
    "attendance": [{"body": "Branch", "people": 12}],
    "resolutions": [],
}


@pytest.fixture
def papers(web: Web, scene: Scene) -> list[str]:
    """Minutes of the campaign, and then two papers of its case."""
    with web.database.session(EVERYWHERE) as session, session.begin():
        case = session.scalars(select(Case).where(Case.id == scene.case)).one()
        place = session.get_one(Community, case.community_id)
        run = scene.campaign
        minutes = Paper(Document.MINUTES, "M", make.EARLY, "bo", MINUTES, campaign_id=run)
        made = [issue(session, place, minutes)]
        for kind in (Document.CREDIT_CONTRACT, Document.DEADLINE_NOTICE):
            paper = Paper(kind, "P", make.EARLY, "bo", {}, case.id, run)
            made.append(issue(session, place, paper))
        return [str(one.id) for one in made]


def numbers(page: dict[str, Any]) -> list[str]:
    return [one["number"] for one in page["papers"]]


def test_papers_are_listed_filtered_and_paged(
    secretary: Secretary, scene: Scene, papers: list[str]
) -> None:
    whole = secretary.read("/papers")
    assert numbers(whole) == ["2022-003", "2022-002", "2022-001"]
    page = secretary.read("/papers", limit=2)
    rest = secretary.client.get(page["next"]).get_json()
    assert (numbers(page) + numbers(rest), rest["next"]) == (numbers(whole), None)
    assert numbers(secretary.read("/papers", kind="minutes")) == ["2022-001"]
    assert numbers(secretary.read("/papers", case=str(scene.case))) == ["2022-003", "2022-002"]
    assert len(numbers(secretary.read("/papers", campaign=str(scene.campaign)))) == 3
    assert numbers(secretary.read("/papers", case=str(uuid.uuid4()))) == []
    wrong = secretary.client.get(f"{secretary.here}/papers?kind=letter&case=x&limit=0&cursor=x")
    assert [one["field"] for one in wrong.get_json()["problems"]] == ["limit", "kind", "case"]
    assert secretary.client.get(f"{secretary.here}/papers?cursor=x").status_code == 422


def test_papers_of_a_case_are_seen_with_the_case(web: Web, scene: Scene, papers: list[str]) -> None:
    client = web.login(Role.LANE_HOUSEKEEPER, scene.place)
    keeper = Secretary(client, f"/api/v1/communities/{scene.place}")
    assert numbers(keeper.read("/papers")) == ["2022-001"]
    for rest in ("", "/file.pdf", "/file.docx"):
        assert client.get(f"{keeper.here}/papers/{papers[1]}{rest}").status_code == 404
        assert client.get(f"{keeper.here}/papers/{papers[0]}{rest}").status_code == 200
    web.give(scene.case, scene.place)
    assert len(numbers(keeper.read("/papers"))) == 3


@pytest.mark.parametrize("kind", ["pdf", "docx"])
def test_a_paper_is_downloaded_the_same_each_time(
    web: Web, scene: Scene, papers: list[str], kind: str
) -> None:
    client = web.login(Role.PLANNER, scene.place)
    here = f"/api/v1/communities/{scene.place}/papers/{papers[0]}"
    answers = [client.get(f"{here}/file.{kind}?language=en") for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 200]
    assert answers[0].data == answers[1].data
    sha256 = hashlib.sha256(answers[0].data).hexdigest()
    told = client.get(here).get_json()["files"]
    assert told == [{"language": "en", "format": kind, "sha256": sha256}]
    tag = answers[0].headers["ETag"]
    assert sha256 in tag
    again = client.get(f"{here}/file.{kind}?language=en", headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert client.get(f"{here}/file.{kind}?language=tlh").status_code == 422
    chinese = client.get(f"{here}/file.{kind}")
    assert chinese.data != answers[0].data


def text_of(answer: TestResponse) -> str:
    document = read_docx(io.BytesIO(answer.data))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([one.text for one in document.paragraphs] + cells)


def docx(client: FlaskClient, here: str, paper: str) -> str:
    return text_of(client.get(f"{here}/papers/{paper}/file.docx?language=en"))


def test_a_paper_is_corrected_in_a_new_version(secretary: Secretary, papers: list[str]) -> None:
    first = secretary.client.get(f"{secretary.here}/papers/{papers[0]}")
    assert first.headers["ETag"].startswith('"v1-')
    assert first.get_json()["correctable"] == ["place", "agenda", "minutes"]
    address, body = (
        f"/papers/{papers[0]}/corrections",
        {"texts": {"agenda": "The standard of 2022"}},
    )
    sent = {**body, "reason": "The year was missing."}
    assert secretary.send(address, sent).status_code == 428
    key = uuid.uuid4()
    both = [secretary.send(address, sent, read='"v1"', key=key) for _ in range(2)]
    assert [one.status_code for one in both] == [201, 201], both[0].text
    assert both[0].data == both[1].data
    made = both[0].get_json()
    assert (made["number"], made["version"]) == ("2022-001 v2", 2)
    assert made["content"]["attendance"] == MINUTES["attendance"]
    assert made["versions"] == [papers[0], made["id"]]
    old = secretary.read(f"/papers/{papers[0]}")
    assert (old["content"], old["latest"]) == (MINUTES, made["id"])
    assert numbers(secretary.read("/papers"))[-1] == "2022-001 v2"
    printed = docx(secretary.client, secretary.here, made["id"])
    assert "The standard of 2022" in printed
    assert "The year was missing." in printed
    assert "of 2022" not in docx(secretary.client, secretary.here, papers[0])
    late = secretary.send(address, {**sent, "texts": {"agenda": "x"}}, read='"v1"')
    assert (late.status_code, late.get_json()["paper"]["version"]) == (412, 2)


def test_every_fault_of_a_correction_is_named_at_once(
    web: Web, secretary: Secretary, papers: list[str]
) -> None:
    def correct(paper: str, texts: dict[str, str], reason: str = "") -> list[str]:
        body = {"texts": texts, "reason": reason}
        return codes(secretary.send(f"/papers/{paper}/corrections", body, read='"v1"'))

    wrong = correct(papers[0], {"attendance": "x", "agenda": ""})
    assert wrong == ["reason_missing", "not_correctable", "agenda_missing"]
    assert correct(papers[0], {"agenda": "The standard"}, "no") == ["nothing_changed"]
    assert correct(papers[0], {}, "no") == ["nothing_changed"]
    assert correct(papers[1], {"reason": "x"}, "no") == ["not_correctable"]
    with web.database.session(EVERYWHERE) as session:
        kept = select(DocumentRecord.version).where(DocumentRecord.id == uuid.UUID(papers[0]))
        assert session.scalars(kept).all() == [1]


def test_who_issues_no_papers_corrects_none(web: Web, scene: Scene, papers: list[str]) -> None:
    client = web.login(Role.INSPECTOR, scene.place)
    inspector = Secretary(client, f"/api/v1/communities/{scene.place}")
    answer = inspector.send(f"/papers/{papers[0]}/corrections", {}, read='"v1"')
    assert answer.status_code == 403
