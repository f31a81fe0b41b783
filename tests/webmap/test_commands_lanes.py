"""The commands of lanes, assignments and patrols, as a person types them."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from cases.access import Role
from cases.models import Account, Case
from cases.people import add_account
from cases.workflow import State
from layers.config import Settings
from layers.db import EVERYWHERE
from layers.migrate import open_database
from layers.models import Household
from tests import builders
from webmap.cli import main

Run = Callable[..., tuple[int, str, str]]
PLACE = "CLI-L"
SIGNED = ("--community", PLACE, "--by", "sec@example.org")
ACCEPTED = dt.date(2022, 6, 1)


@pytest.fixture(scope="module")
def place(committed: Settings) -> str:
    """A community with two households: one cleared case, one verified."""
    database = open_database(committed)
    with database.session(EVERYWHERE) as session, session.begin():
        community = builders.community(session, code=PLACE)
        house = builders.building(session, community, builders.square(0, 3), ref="1")
        builders.building(session, community, builders.square(2, 3), ref="2")
        campaign = builders.campaign(session, community)
        for number, states in enumerate(((State.ACCEPTED,), (State.VERIFIED,)), start=1):
            who = builders.household(
                session, community, ref=f"1-1-10{number}", building_id=house.id
            )
            case = builders.case(session, who, campaign)
            for state in states:
                builders.event(session, case, ACCEPTED, state)
        for name, role in (
            ("sec", Role.SECRETARY),
            ("ana", Role.INSPECTOR),
            ("li", Role.LANE_HOUSEKEEPER),
        ):
            password = "green-again-2022"
            email = f"{name}@example.org"
            add_account(session, email, name=name, password=password, role=role, place=PLACE)
    database.engine.dispose()
    return PLACE


@pytest.fixture
def run(
    place: str,
    committed: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Return a caller of the command line on this module's database."""
    monkeypatch.setattr("layers.config.Settings.from_environment", lambda _environ=None: committed)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def housekeeper(settings: Settings, household: str) -> str | None:
    database = open_database(settings)
    with database.session(EVERYWHERE) as session:
        email = session.scalar(
            select(Account.email)
            .join(Case, Case.housekeeper_id == Account.id)
            .join(Household, Household.id == Case.household_id)
            .where(Household.ref == household)
        )
    database.engine.dispose()
    return email


def test_lanes_come_from_a_table_and_cases_follow(
    run: Run, committed: Settings, tmp_path: Path
) -> None:
    table = tmp_path / "lanes.csv"
    table.write_text("lane,building,housekeeper\nA,1,li@example.org\nA,2,\n", "utf-8")
    code, out, _err = run("lane", "import", str(table), *SIGNED)
    assert (code, out) == (0, "1 lanes of 2 buildings; 2 cases have another housekeeper.\n")
    assert housekeeper(committed, "1-1-101") == "li@example.org"
    code, out, _err = run("lane", "list", "--community", PLACE, "--json")
    assert code == 0
    assert json.loads(out)[0]["buildings"] == ["1", "2"]


def test_a_table_with_a_fault_is_refused_by_row(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "lanes.csv"
    table.write_text("lane,building\nA,9\n", "utf-8")
    code, _out, err = run("lane", "import", str(table), *SIGNED)
    assert code == 2
    assert "row 1" in err


def test_cases_are_assigned_by_hand(run: Run) -> None:
    code, out, _err = run(
        "case", "assign", "1-1-101", "1-1-102", *SIGNED, "--inspector", "ana@example.org"
    )
    assert (code, out) == (0, "2 assignments of 2 cases changed.\n")
    code, _out, err = run("case", "assign", "1-1-101", *SIGNED, "--inspector", "li@example.org")
    assert code == 2
    assert "as no inspector" in err
    assert run("case", "assign", "1-1-101", *SIGNED)[0] == 2


def test_patrols_are_listed_and_recorded(run: Run) -> None:
    due = ("patrol", "due", "--community", PLACE)
    assert run(*due, "--as-of", "2022-06-07") == (0, "No patrol is due.\n", "")
    code, out, _err = run(*due, "--as-of", "2022-06-08", "--json")
    assert code == 0
    assert [(row["household"], row["days"]) for row in json.loads(out)] == [("1-1-101", 7)]
    code, out, err = run(
        "patrol", "clear", "1-1-101", "--community", PLACE, "--by", "ana@example.org"
    )
    assert (code, out) == (0, "1-1-101 is closed.\n"), err
    code, _out, err = run(
        "patrol", "rebound", "1-1-102", "--same", "--community", PLACE, "--by", "ana@example.org"
    )
    assert code == 2
    assert "has no patrols" in err
