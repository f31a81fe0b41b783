"""The page of a paper: its versions, its correction, and who may issue what."""

import re
import uuid

import pytest
from sqlalchemy import func, select

from cases.access import Role
from cases.documents import number_of
from cases.models import Case, DocumentRecord, Meeting, Visit, VisitOutcome
from cases.workflow import Document
from layers.db import EVERYWHERE
from tests import builders as make
from tests.webmap.conftest import Web
from tests.webmap.test_campaign_pages import HOSTILE, Scene, scene, send

__all__ = ["scene"]


@pytest.fixture
def meeting(web: Web, scene: Scene) -> str:
    """Return the address at which the minutes of a meeting are issued."""
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = session.scalars(select(Case.community_id).where(Case.id == scene.case)).one()
        held = Meeting(
            community_id=place,
            campaign_id=scene.campaign,
            number=1,
            held_on=make.EARLY,
            agenda="Standart",
            recorded_by="ana",
        )
        made = make.add(session, held)
        return f"/c/{scene.place}/meetings/{made.id}/minutes"


def visits(web: Web, scene: Scene, actor: str) -> str:
    """Return the address at which the record of a visit is issued that ``actor`` made."""
    with web.database.session(EVERYWHERE) as session, session.begin():
        place = session.scalars(select(Case.community_id).where(Case.id == scene.case)).one()
        made = Visit(
            community_id=place,
            id=uuid.uuid4(),
            case_id=scene.case,
            visited_on=make.EARLY,
            actor=actor,
            outcome=VisitOutcome.UNDECIDED,
            note=HOSTILE,
        )
        make.add(session, made)
        return f"/c/{scene.place}/visits/{made.id}/record"


def issued(web: Web, scene: Scene, kind: Document) -> list[DocumentRecord]:
    with web.database.session(EVERYWHERE) as session:
        rows = session.scalars(
            select(DocumentRecord)
            .where(DocumentRecord.campaign_id == scene.campaign, DocumentRecord.kind == kind)
            .order_by(DocumentRecord.version)
        )
        return list(rows)


def test_minutes_are_corrected_in_a_new_version_and_the_old_one_stays(
    web: Web, scene: Scene, meeting: str
) -> None:
    client = web.login(Role.SECRETARY, scene.place)
    assert send(client, meeting).status_code == 302
    (first,) = issued(web, scene, Document.MINUTES)
    here = f"/c/{scene.place}/papers/{first.id}"
    old_file = client.get(f"{here}.docx").data
    page = client.get(f"{here}?lang=en").text
    assert "Issue the corrected version" in page
    assert re.search(r"SHA-256 [0-9a-f]{64}", page)
    refused = send(client, f"{here}/corrections", agenda="Standard", place="Hall", minutes="")
    assert refused.status_code == 422
    assert 'value="Hall"' in refused.text
    fixed = {"agenda": "Standard", "place": "", "minutes": HOSTILE}
    answer = send(client, f"{here}/corrections", correction="A letter was wrong.", **fixed)
    assert answer.status_code == 302
    first, second = issued(web, scene, Document.MINUTES)
    assert (first.data["agenda"], second.data["agenda"]) == ("Standart", "Standard")
    assert number_of(second) == f"{number_of(first)} v2"
    old = client.get(f"{here}?lang=en").text
    assert "This version was superseded" in old
    assert "Issue the corrected version" not in old
    assert client.get(f"{here}.docx").data == old_file
    new = client.get(f"/c/{scene.place}/papers/{second.id}?lang=en").text
    for said in ("A letter was wrong.", "superseded", number_of(first), number_of(second)):
        assert said in new
    assert HOSTILE not in new
    listed = client.get(f"/c/{scene.place}/campaigns/{scene.campaign}?lang=en").text
    assert f">{number_of(second)}</a> <small" in listed
    stale = send(client, f"{here}/corrections", correction="Again.", agenda="x", place="")
    assert stale.status_code == 422
    assert "has been corrected since" in stale.text
    assert len(issued(web, scene, Document.MINUTES)) == 2


def test_minutes_are_refused_the_second_time_with_their_number(
    web: Web, scene: Scene, meeting: str
) -> None:
    client = web.login(Role.SECRETARY, scene.place)
    name = f"minutes-{meeting.split('/')[-2]}"
    assert send(client, meeting, form=name).status_code == 302
    answer = send(client, meeting, form=name)
    assert answer.status_code == 422
    (first,) = issued(web, scene, Document.MINUTES)
    assert f"This paper is issued already, as {number_of(first)}." in answer.text
    assert "Issue the minutes" not in answer.text


def test_a_housekeeper_issues_the_record_of_own_visits_and_nothing_else(
    web: Web, scene: Scene, meeting: str
) -> None:
    web.give(scene.case, scene.place)
    client = web.login(Role.LANE_HOUSEKEEPER, scene.place)
    own = visits(web, scene, web.person(Role.LANE_HOUSEKEEPER, scene.place))
    others = visits(web, scene, "zhao@example.org")
    case = f"/c/{scene.place}/cases/{scene.case}"
    assert client.get(f"{case}?lang=en").text.count("Issue the record of this visit") == 1
    assert send(client, own).status_code == 302
    assert send(client, own).status_code == 422
    refused = send(client, others)
    assert (refused.status_code, len(issued(web, scene, Document.VISIT_RECORD))) == (422, 1)
    (record,) = issued(web, scene, Document.VISIT_RECORD)
    shown = client.get(f"{case}?lang=en").text
    assert "Issue the record of this visit" not in shown
    paper = f"/c/{scene.place}/papers/{record.id}"
    assert f'href="{paper}"' in shown
    assert client.get(paper).status_code == 200
    assert send(client, f"{paper}/corrections", correction="x", note="y").status_code == 403
    assert send(client, meeting).status_code == 403
    with web.database.session(EVERYWHERE) as session:
        held = select(func.count()).where(DocumentRecord.campaign_id == scene.campaign)
        assert session.scalar(held) == 1


@pytest.mark.parametrize("role", [Role.INSPECTOR, Role.PLANNER])
def test_others_read_papers_and_issue_none(
    web: Web, scene: Scene, meeting: str, role: Role
) -> None:
    secretary = web.login(Role.SECRETARY, scene.place)
    record = visits(web, scene, "zhao@example.org")
    assert send(secretary, record).status_code == 302
    assert send(secretary, meeting).status_code == 302
    (minutes,) = issued(web, scene, Document.MINUTES)
    client = web.login(role, scene.place)
    page = client.get(f"/c/{scene.place}/papers/{minutes.id}?lang=en")
    assert (page.status_code, "Issue the corrected" in page.text) == (200, False)
    for address in (record, meeting, f"/c/{scene.place}/papers/{minutes.id}/corrections"):
        assert send(client, address).status_code == 403
