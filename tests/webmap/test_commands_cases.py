"""The commands of flagging, figures, checks and cases, as a person types them."""

import datetime as dt
import json
from collections.abc import Callable

import numpy as np
import pytest
import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.access import Role
from cases.calendar import add_working_days
from cases.models import Case, DocumentRecord, Visit, VisitOutcome
from cases.people import add_account
from cases.workflow import Document
from gis.crs import SurveyCRS
from layers.config import Settings
from layers.db import EVERYWHERE
from layers.migrate import open_database
from layers.models import Community
from layers.places import find_community
from tests import builders
from webmap.cli import main

PARCEL_M2 = float(
    shapely.area(SurveyCRS(4550).to_survey(np.array([builders.square()], dtype=object)))[0]
)
BY_ANA = ("--by", "ana@example.org")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    committed: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Return a caller of the command line on this module's database."""
    monkeypatch.setattr("layers.config.Settings.from_environment", lambda _environ=None: committed)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture(scope="module")
def place(committed: Settings) -> str:
    """A committed community with one waiting enclosure on one linked parcel."""
    database = open_database(committed)
    with database.session(EVERYWHERE) as session, session.begin():
        code = _fill(session).code
        for name in ("ana", "bo"):
            role = Role.INSPECTOR if name == "ana" else Role.SECRETARY
            add_account(
                session,
                f"{name}@example.org",
                name=name,
                password="green-again-2022",
                role=role,
                place=code,
            )
    database.engine.dispose()
    return code


def _fill(session: Session, code: str = "CLI") -> Community:
    community = builders.community(session, code=code)
    house = builders.building(session, community, builders.square(0, 3), ref="1")
    parcel = builders.parcel(session, community, ref="P1", area_m2=PARCEL_M2)
    household = builders.household(session, community, ref="1-1-101", building_id=house.id)
    builders.link(session, parcel, household)
    builders.observation(session, community, builders.square(0.1, 0.1, 0.5), ref="O1")
    return community


def test_flag_then_figures_then_moves(run: Run, place: str) -> None:
    code, out, _err = run("flag", "--community", place, "--json")
    assert (code, json.loads(out)["cases_opened"]) == (0, 1)
    household = ("1-1-101", "--community", place)
    assert (
        run("case", "move", household[0], "verified", *household[1:], "--by", "ana@example.org")[0]
        == 0
    )
    shown = json.loads(run("figures", "--community", place, "--json")[1])
    assert shown["encroached_m2"] == pytest.approx(PARCEL_M2 / 4, abs=0.01)
    code, _out, err = run(
        "case", "move", household[0], "announced", *household[1:], "--by", "bo@example.org"
    )
    assert (code, "announcement" in err) == (2, True)
    listed = json.loads(run("case", "list", "--community", place, "--json")[1])
    assert [(row["household"], row["state"]) for row in listed] == [("1-1-101", "verified")]
    events = json.loads(run("case", "show", *household, "--json")[1])
    assert [event["state"] for event in events] == ["suspected", "verified"]
    code, out, _err = run("check", "--community", place, "--heads", "--json")
    noted = json.loads(out)[0]["head"]
    assert (code, noted.partition(":")[0]) == (0, "6")
    assert json.loads(run("check", "--community", place, "--json")[1]) == []
    assert noted in run("check", "--community", place)[1]
    assert run("check", "--community", place, "--noted", noted)[0] == 0
    code, out, _err = run("check", "--community", place, "--noted", f"5:{'0' * 64}")
    assert (code, "is not the one noted" in out) == (1, True)
    assert run("check", "--community", place, "--noted", "5")[0] == 2


def test_a_clock_is_set_stopped_run_on_and_extended(run: Run, committed: Settings) -> None:
    database = open_database(committed)
    with database.session(EVERYWHERE) as session, session.begin():
        community = _fill(session, "CLOCK")
        builders.household(session, community, ref="1-1-102")
        for name, role in (("carl", Role.INSPECTOR), ("dora", Role.SECRETARY)):
            add_account(
                session,
                f"{name}@example.org",
                name=name,
                password="green-again-2022",
                role=role,
                place="CLOCK",
            )
    database.engine.dispose()
    carl, dora = (("--community", "CLOCK", "--by", f"{n}@example.org") for n in ("carl", "dora"))
    who = "1-1-101"

    def day(count: int) -> str:
        return add_working_days("CN", dt.date.today() + dt.timedelta(days=1), count).isoformat()

    assert run("flag", "--community", "CLOCK")[0] == 0
    assert run("case", "move", who, "verified", *carl)[0] == 0
    code, _out, err = run("case", "move", who, "announced", *dora, "--document", "N-1")
    assert (code, "announced by a poster" in err) == (2, True)
    with database.session(EVERYWHERE) as session, session.begin():
        place = find_community(session, "CLOCK")
        case = session.scalars(select(Case).where(Case.community_id == place.id)).one()
        builders.announce(session, case, dt.datetime.now(dt.UTC))
    database.engine.dispose()
    code, _out, err = run("case", "deadline", who, day(2), *dora, "--document", "N-1")
    assert (code, "fewer than 7 working days" in err) == (2, True)
    assert run("case", "deadline", who, day(16), *dora, "--document", "N-1")[0] == 0
    code, out, _err = run("case", "object", who, *carl, "--grounds", "It is our yard.")
    assert (code, "the clock stands" in out) == (0, True)
    code, _out, err = run("case", "move", who, "visited", *dora)
    assert (code, "is undecided" in err) == (2, True)
    words = ("--reason", "It is not.", "--document", "OD-1")
    code, _out, err = run("case", "decide-objection", who, *dora, "--upheld", "--to", "x", *words)
    assert (code, "does not lead to 'x'" in err) == (2, True)
    code, out, _err = run("case", "decide-objection", who, *dora, "--refused", *words)
    assert (code, f"announced, with time until {day(16)}" in out) == (0, True)
    assert run("case", "extend", who, day(19), *carl, "--reason", "ill")[0] == 2
    assert run("case", "extend", who, day(19), *dora, "--reason", "ill")[0] == 0
    code, out, _err = run("case", "reassign", who, "1-1-102", *dora, "--reason", "their key")
    assert (code, out) == (0, "1-1-102 answers now and is verified; 1-1-101 is rejected.\n")
    assert run("check", "--community", "CLOCK")[0] == 0


def test_the_paper_of_a_move_is_issued_with_it(run: Run, committed: Settings) -> None:
    database = open_database(committed)
    with database.session(EVERYWHERE) as session, session.begin():
        _fill(session, "PAPER")
        for name, role in (("edna", Role.INSPECTOR), ("finn", Role.SECRETARY)):
            add_account(
                session,
                f"{name}@example.org",
                name=name,
                password="green-again-2022",
                role=role,
                place="PAPER",
            )
    database.engine.dispose()
    edna, finn = (("--community", "PAPER", "--by", f"{n}@example.org") for n in ("edna", "finn"))
    assert run("flag", "--community", "PAPER")[0] == 0
    for state in ("verified", "self_clearing"):
        assert run("case", "move", "1-1-101", state, *edna)[0] == 0
    code, _out, err = run("case", "move", "1-1-101", "assisted", *finn)
    assert (code, "inventory is empty" in err) == (2, True)
    code, _out, err = run("case", "move", "1-1-101", "assisted", *finn, "--item", "fence; many")
    assert (code, "each with a count" in err) == (2, True)
    items = ("--item", "fence; 12; worn", "--item", "pots")
    assert run("case", "move", "1-1-101", "assisted", *finn, *items)[0] == 0
    event = json.loads(run("case", "show", "1-1-101", "--community", "PAPER", "--json")[1])[-1]
    assert event["document"].endswith("-002")


def test_the_record_of_a_visit_is_issued_once(run: Run, committed: Settings) -> None:
    database = open_database(committed)
    with database.session(EVERYWHERE) as session, session.begin():
        place = _fill(session, "VISITED")
        add_account(
            session,
            "eve@example.org",
            name="eve",
            password="green-again-2022",
            role=Role.SECRETARY,
            place="VISITED",
        )
    eve = ("1-1-101", "--community", "VISITED", "--by", "eve@example.org")
    assert run("flag", "--community", "VISITED")[0] == 0
    code, _out, err = run("case", "visit-record", *eve)
    assert (code, "Nobody has visited" in err) == (2, True)
    with database.session(EVERYWHERE) as session, session.begin():
        case = session.scalars(select(Case).where(Case.community_id == place.id)).one()
        for day in (1, 2):
            session.add(
                Visit(
                    community_id=place.id,
                    case_id=case.id,
                    visited_on=dt.date(2022, 4, day),
                    actor="eve@example.org",
                    outcome=VisitOutcome.UNDECIDED,
                    note="",
                )
            )
    code, out, _err = run("case", "visit-record", *eve)
    assert (code, "on 2022-04-02" in out) == (0, True)
    code, _out, err = run("case", "visit-record", *eve)
    assert (code, "issued already" in err) == (2, True)
    assert "on 2022-04-01" in run("case", "visit-record", *eve, "--on", "2022-04-01")[1]
    code, _out, err = run("case", "visit-record", *eve, "--on", "2022-04-03")
    assert (code, "2022-04-01, 2022-04-02" in err) == (2, True)
    with database.session(EVERYWHERE) as session:
        kinds = select(DocumentRecord.kind).where(DocumentRecord.community_id == place.id)
        assert session.scalars(kinds).all() == [Document.VISIT_RECORD] * 2
    database.engine.dispose()


def test_an_unknown_place_state_or_household_is_bad_input(run: Run, place: str) -> None:
    for arguments in (
        ("figures", "--community", "NOWHERE"),
        ("case", "move", "9-9-999", "verified", "--community", place, *BY_ANA),
        ("case", "move", "1-1-101", "gone", "--community", place, *BY_ANA),
        ("case", "withdraw", "O9", "--community", place, "--reason", "no", *BY_ANA),
        ("case", "withdraw", "O1", "--community", place, "--reason", "no", "--by", "nobody@x.org"),
        (
            "case",
            "withdraw",
            "O1",
            "--community",
            place,
            "--reason",
            "no",
            "--by",
            "bo@example.org",
        ),
        ("case", "list", "--community", place, "--state", "gone"),
    ):
        code, _out, err = run(*arguments)
        assert code == 2, arguments
        assert err.startswith("error: ")


def test_check_fails_where_something_is_wrong(run: Run, committed: Settings, place: str) -> None:
    database = open_database(committed)
    with database.session(EVERYWHERE) as session, session.begin():
        other = builders.community(session, code="WRONG")
        builders.parcel(session, other, area_m2=1.0)
    database.engine.dispose()
    code, out, _err = run("check", "--json")
    assert code == 1
    assert [item["rule"] for item in json.loads(out)] == ["area"]


def test_check_tells_of_files_that_no_photograph_names_and_sweeps_them(
    run: Run, committed: Settings, place: str
) -> None:
    orphan = committed.photographs / "ab" / ("0" * 62)
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"cut off")
    assert "1 files belong to no photograph" in run("check", "--community", place)[2]
    assert orphan.is_file()
    assert "were removed" in run("check", "--community", place, "--sweep")[2]
    assert not orphan.exists()
    assert "photograph" not in run("check", "--community", place)[2]
