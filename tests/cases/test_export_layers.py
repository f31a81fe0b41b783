"""Encroachments and cases can be exported, and verified ground is not moved by an import."""

import csv
import datetime as dt
from pathlib import Path

import pyogrio
import pytest
from sqlalchemy.orm import Session

from cases.export_layers import register_layers
from cases.models import Case, Encroachment
from cases.protected import protected_parcels
from cases.workflow import State
from layers.files.exporting import export
from layers.models import Community
from tests import builders


@pytest.fixture
def community(session: Session) -> Community:
    return builders.community(session)


@pytest.fixture
def found(session: Session, community: Community) -> Encroachment:
    """A fence on a parcel, with its case."""
    home = builders.household(session, community, ref="1-1-101")
    case: Case = builders.case(session, home, builders.campaign(session, community), number=7)
    parcel = builders.parcel(session, community, ref="绿-1")
    seen = builders.observation(session, community, ref="o1")
    encroachment: Encroachment = builders.encroachment(session, seen, parcel, case)
    return encroachment


def test_encroachments_are_exported_with_their_case(
    session: Session, community: Community, found: Encroachment, tmp_path: Path
) -> None:
    register_layers()
    path = tmp_path / "encroachments.gpkg"
    assert export(session, community, "encroachments", path).rows == 1
    row = pyogrio.read_dataframe(path).iloc[0]
    assert (row["parcel"], row["observation"], row["household"]) == ("绿-1", "o1", "1-1-101")
    assert (row["case_number"], row["state"]) == (7, State.SUSPECTED)
    assert row["occupied_m2"] == found.occupied_m2


def test_cases_are_a_table_with_the_area_in_force(
    session: Session, community: Community, found: Encroachment, tmp_path: Path
) -> None:
    register_layers()
    case = session.get_one(Case, (community.id, found.case_id))
    parcel = builders.parcel(session, community)
    seen = builders.observation(session, community)
    builders.encroachment(session, seen, parcel, case, superseded_on=dt.date(2022, 4, 1))
    path = tmp_path / "cases.csv"
    export(session, community, "cases", path)
    with path.open(encoding="utf-8-sig", newline="") as handle:
        (row,) = csv.DictReader(handle)
    assert (row["household"], row["state"], row["number"]) == ("1-1-101", "suspected", "7")
    assert (row["encroachments"], float(row["occupied_m2"])) == ("1", found.occupied_m2)


@pytest.mark.parametrize(
    ("changes", "is_protected"),
    [
        ({}, False),
        ({"verified_on": dt.date(2022, 3, 9)}, True),
        ({"verified_on": dt.date(2022, 3, 9), "standing": None}, False),
        ({"verified_on": dt.date(2022, 3, 9), "superseded_on": dt.date(2022, 4, 1)}, False),
    ],
    ids=["suspected", "verified", "cleared", "ended"],
)
def test_only_ground_under_a_verified_case_that_stands_is_protected(
    session: Session,
    community: Community,
    found: Encroachment,
    changes: dict[str, object],
    is_protected: bool,
) -> None:
    for name, value in changes.items():
        setattr(found, name, value)
    session.flush()
    reasons = protected_parcels(session, community.id, [found.parcel_id])
    assert bool(reasons) is is_protected
    if is_protected:
        assert "1-1-101" in reasons[found.parcel_id]
    other = builders.community(session)
    assert protected_parcels(session, other.id, [found.parcel_id]) == {}
