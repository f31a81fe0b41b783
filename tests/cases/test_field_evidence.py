"""Photographs from the field: with their submission, its observation and its case, as one row."""

import datetime as dt
import uuid
from typing import Any

import pytest
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import false, func, select, true

from cases.access import GRANTS, Role
from cases.field.areas import field_buildings
from cases.field.bundle import bundle
from cases.field.carried import count_photographs, submissions_of
from cases.field.evidence import (
    observation_photographs,
    sees_evidence,
    submission_evidence,
)
from cases.field.reading import Wanted, list_submissions
from cases.field.reviewing import Acceptance, accept, send_back
from cases.field.taken import field_photographs
from cases.models import Case, Encroachment, FieldSubmission, Photograph, PhotographOriginal
from cases.parcel_file import Viewer
from cases.photographs import photographs
from layers.models import STORAGE_SRID, Observation
from tests import builders
from tests.cases.conftest import Scene
from tests.cases.test_field_reviewing import REVIEWER, send

NOW = dt.datetime(2022, 4, 4, tzinfo=dt.UTC)


def announced(*keys: uuid.UUID, **more: Any) -> list[dict[str, Any]]:
    return [
        {"id": str(key), "sha256": "00" * 32, "original_sha256": None, "sends_original": False}
        | more
        for key in keys
    ]


def shot(scene: Scene, sent: FieldSubmission, key: uuid.UUID, minute: int = 0) -> Photograph:
    place = from_shape(to_shape(sent.geom).centroid, srid=STORAGE_SRID)  # type: ignore[arg-type]
    at = dt.datetime(2022, 4, 3, 1, minute, tzinfo=dt.UTC)
    return builders.field_photograph(
        scene.session, sent, id=key, taken_at=at, geom=place, accuracy_m=3.0
    )


def accepted(scene: Scene, sent: FieldSubmission) -> tuple[Observation, Case | None]:
    done = accept(scene.session, scene.community, sent.id, Acceptance(), REVIEWER)
    assert done.observation is not None
    found = scene.session.scalars(
        select(Case)
        .join(Encroachment, Encroachment.case_id == Case.id)
        .where(Encroachment.observation_id == done.observation.id)
    ).one_or_none()
    return done.observation, found


def test_what_has_arrived_is_told_from_what_has_not(scene: Scene) -> None:
    first, second, third = (uuid.uuid4() for _ in range(3))
    listed = announced(first, second) + announced(third, sends_original=True)
    sent = send(scene, 2, announced=listed)
    shot(scene, sent, third, minute=5)
    shot(scene, sent, first, minute=7)
    found = submission_evidence(scene.session, scene.community, sent)
    assert [one.row.id for one in found.shown] == [third, first]
    assert [one["id"] for one in found.missing] == [str(second)]
    assert (found.announced, found.missing_originals) == (3, 1)
    assert found.shown[0].taken is not None
    assert found.shown[0].taken.hour == 9
    original = PhotographOriginal(
        community_id=scene.community.id,
        photograph_id=third,
        sha256=bytes([1]) * 32,
        media_type="image/jpeg",
        width=10,
        height=10,
        size=9,
    )
    builders.add(scene.session, original)
    found = submission_evidence(scene.session, scene.community, sent)
    assert found.missing_originals == 0
    assert [one.has_original for one in found.shown] == [True, False]


def test_accepted_it_stands_with_its_observation_and_its_case(scene: Scene) -> None:
    key = uuid.uuid4()
    sent = send(scene, 2, household_id=scene.households[0].id, announced=announced(key))
    shot(scene, sent, key)
    seen, case = accepted(scene, sent)
    assert case is not None
    for shown in (
        observation_photographs(scene.session, scene.community, seen.id),
        photographs(scene.session, scene.community, case),
    ):
        assert [one.row.id for one in shown] == [key]
    # Nothing was copied, and what arrives later is there as well.
    late = uuid.uuid4()
    shot(scene, sent, late, minute=9)
    shown = photographs(scene.session, scene.community, case)
    assert [one.row.id for one in shown] == [key, late]
    assert scene.session.scalar(select(func.count()).select_from(Photograph)) == 2


def test_a_waiting_or_returned_submission_lends_no_evidence_to_a_case(scene: Scene) -> None:
    sent = send(scene, 2, household_id=scene.households[0].id)
    _seen, case = accepted(scene, sent)
    assert case is not None
    other = send(scene, 2, announced=announced(key := uuid.uuid4()))
    shot(scene, other, key)
    assert photographs(scene.session, scene.community, case) == []


def test_a_phone_is_told_of_no_photograph_that_its_account_may_not_see(scene: Scene) -> None:
    key = uuid.uuid4()
    sent = send(scene, 2, household_id=scene.households[0].id, announced=announced(key))
    shot(scene, sent, key)
    accepted(scene, sent)
    scene.parcels[0].building_id = scene.building.id
    scene.session.flush()
    who = [Viewer("o", GRANTS[Role.INSPECTOR], sees) for sees in (true(), false())]
    told = [bundle(scene.session, scene.community, one, [], NOW) for one in who]
    assert [[one["id"] for one in it["photographs"]] for it in told] == [[str(key)], []]
    assert [one["photographs"] for it in told for one in it["observations"]] == [[str(key)], []]
    # What is said before of how much it is counts the same.
    areas = [field_buildings(scene.session, scene.community, one) for one in who]
    assert [sum(one.photographs for one in it) for it in areas] == [1, 0]


def test_what_is_taken_up_again_has_the_photographs_of_what_was_returned(scene: Scene) -> None:
    key, late = uuid.uuid4(), uuid.uuid4()
    home, session = scene.households[0].id, scene.session
    first = send(scene, 2, household_id=home, announced=announced(key))
    shown = shot(scene, first, key)
    send_back(session, scene.community, first.id, "once more", REVIEWER)
    hashed = [one | {"sha256": shown.sha256.hex()} for one in announced(key)] + announced(late)
    sent = send(scene, 2, household_id=home, announced=hashed, follows_id=first.id)
    stranger = send(scene, 3, recorded_by="other", announced=hashed, follows_id=first.id)
    found = submission_evidence(session, scene.community, sent)
    assert ([one.row.id for one in found.shown], len(found.missing)) == ([key], 1)
    assert [count_photographs(session, one) for one in (first, sent, stranger)] == [1, 1, 0]
    # What is left to be sent of it, such as its original, goes with the one that follows.
    assert submissions_of(session, shown) == [first.id, sent.id]
    viewer = Viewer(REVIEWER.actor, GRANTS[Role.SECRETARY])
    listed = list_submissions(session, scene.community, viewer, Wanted())[0]
    assert {one.sent.id: one.received for one in listed} == {
        first.id: 1,
        sent.id: 1,
        stranger.id: 0,
    }
    seen, case = accepted(scene, sent)
    assert case is not None
    for told in (
        observation_photographs(session, scene.community, seen.id),
        photographs(session, scene.community, case),
    ):
        assert [one.row.id for one in told] == [key]
    (taken,) = field_photographs(session, scene.community, [], [seen.id])
    assert (taken["id"], taken["observation"]) == (str(key), str(seen.id))
    assert sees_evidence(session, shown, Viewer("other", GRANTS[Role.INSPECTOR]))
    assert session.scalar(select(func.count()).select_from(Photograph)) == 1


@pytest.mark.parametrize(
    ("role", "actor", "waiting", "of_case", "of_own_case"),
    [
        (Role.SECRETARY, "sue", True, True, True),
        (Role.INSPECTOR, "ana", True, True, True),
        (Role.INSPECTOR, "other", False, False, True),
        (Role.PLANNER, "paul", False, False, True),
        (Role.LANE_HOUSEKEEPER, "lee", False, False, True),
        (Role.LANE_HOUSEKEEPER, "ana", False, False, True),
        (Role.OFFICIAL, "off", False, False, True),
        (Role.ADMIN, "adam", False, False, True),
    ],
)
def test_who_sees_it(
    scene: Scene, role: Role, actor: str, waiting: bool, of_case: bool, of_own_case: bool
) -> None:
    """Reviewers and its inspector from the start, the others with a case that they see."""
    key = uuid.uuid4()
    sent = send(scene, 2, household_id=scene.households[0].id, announced=announced(key))
    photograph = shot(scene, sent, key)
    no_case = Viewer(actor, GRANTS[role], sees=false())
    assert sees_evidence(scene.session, photograph, no_case) is waiting
    accepted(scene, sent)
    assert sees_evidence(scene.session, photograph, no_case) is of_case
    assert sees_evidence(scene.session, photograph, Viewer(actor, GRANTS[role])) is of_own_case
