"""The list of cases: filtered, sorted, a page at a time, and written out as it is filtered."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from openpyxl import Workbook
from openpyxl.styles import Font
from sqlalchemy import select

from cases.access import Permission
from cases.campaigns import campaigns
from cases.case_list import CaseFilter, ListedCase, Sort, count_cases, list_cases
from cases.models import Account, Case
from cases.ranking import ranks
from cases.workflow import State
from gis.problems import InputError
from layers.files.writing import neutralise
from layers.models import Building
from webmap.api.community import asking_viewer
from webmap.api.cursors import read_cursor, write_cursor
from webmap.gates import gated
from webmap.pages.cases import cases
from webmap.pages.opened import OpenedPlace, show
from webmap.words import word

PER_PAGE = 50
LONGEST = 64
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Asked:
    """What the address of a list asks for; what it does not know is left out."""

    wanted: CaseFilter
    sort: Sort
    descending: bool

    @classmethod
    def of_request(cls) -> "Asked":
        """Read the address of this request."""
        given = request.args.get("sort", "")
        name = given.removeprefix("-")
        wanted = CaseFilter(
            states=frozenset(
                State(one) for one in request.args.getlist("state") if one in set(State)
            ),
            building=_text("building"),
            unit=_text("unit"),
            housekeeper=_text("housekeeper", 254),
            campaign=_text("campaign"),
            overdue=True if request.args.get("overdue") else None,
            text=_text("q", 100),
            sees=asking_viewer().sees,
        )
        sort = Sort(name) if name in set(Sort) else Sort.NUMBER
        return cls(wanted, sort, given.startswith("-") and name in set(Sort))

    @property
    def sorted(self) -> str:
        """Return the order as the address writes it."""
        return f"-{self.sort}" if self.descending else str(self.sort)


@cases.get("/c/<place>/cases")
@gated(Permission.CASE_READ)
def case_list(place: str) -> ResponseReturnValue:
    """Show the cases that the address asks for."""
    return show(_page)


@cases.get("/c/<place>/cases.csv")
@gated(Permission.CASE_READ)
def case_list_csv(place: str) -> ResponseReturnValue:
    """Write the cases that the address asks for as CSV, which spreadsheets open as UTF-8."""

    def write(opened: OpenedPlace) -> ResponseReturnValue:
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerows([neutralise(str(cell)) for cell in row] for row in _rows(opened))
        return _download("\ufeff" + out.getvalue(), "text/csv; charset=utf-8", f"{place}.csv")

    return show(write)


@cases.get("/c/<place>/cases.xlsx")
@gated(Permission.CASE_READ)
def case_list_xlsx(place: str) -> ResponseReturnValue:
    """Write the cases that the address asks for as a spreadsheet."""

    def write(opened: OpenedPlace) -> ResponseReturnValue:
        book = Workbook()
        sheet = book.active
        for row in _rows(opened):
            sheet.append([neutralise(cell) if isinstance(cell, str) else cell for cell in row])
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        sheet.freeze_panes = "A2"
        out = io.BytesIO()
        book.save(out)
        return _download(out.getvalue(), SPREADSHEET, f"{place}.xlsx")

    return show(write)


def _text(name: str, longest: int = LONGEST) -> str:
    return request.args.get(name, "").replace("\x00", "").strip()[:longest]


def _page(opened: OpenedPlace) -> str:
    asked = Asked.of_request()
    session, community = opened.session, opened.community
    cursor = request.args.get("after")
    try:
        after = cursor and read_cursor(cursor, community.code, asked.sort, asked.descending)
    except InputError:
        after = None  # An old address of a list that is sorted otherwise begins at the start.
    page = list_cases(
        session,
        community,
        asked.wanted,
        sort=asked.sort,
        descending=asked.descending,
        limit=PER_PAGE,
        after=after or None,
    )
    following = page.following and write_cursor(
        page.following, community.code, asked.sort, asked.descending
    )
    return render_template(
        "cases.html",
        community=community,
        asked=asked,
        cases=page.cases,
        ranks=ranks(session, community, [one.id for one in page.cases]),
        number=count_cases(session, community, asked.wanted),
        all=count_cases(session, community, CaseFilter(sees=opened.viewer.sees)),
        next=following and _address(after=following),
        first=_address(after=None) if after else None,
        address=_address,
        states=list(State),
        buildings=_buildings(opened),
        housekeepers=_housekeepers(opened),
        campaigns=campaigns(session, community),
    )


def _address(**changed: Any) -> str:
    """Return the address of this list with some of what it asks for changed."""
    given: dict[str, Any] = {**request.args.to_dict(flat=False), "after": None, **changed}
    endpoint = given.pop("endpoint", "cases.case_list")
    values = {key: value for key, value in given.items() if value}
    return url_for(endpoint, **(request.view_args or {}), **values)


def _rows(opened: OpenedPlace) -> Iterator[list[str | float | int]]:
    """Yield the head of the table, then a row for each case."""
    asked = Asked.of_request()
    yield [
        gettext("Number"),
        gettext("Household"),
        gettext("Building"),
        gettext("State"),
        gettext("Since"),
        gettext("Occupied, m²"),
        gettext("Deadline"),
        gettext("Overdue"),
        gettext("Lane housekeeper"),
        gettext("Inspector"),
        gettext("Campaign"),
    ]
    page = list_cases(
        opened.session,
        opened.community,
        asked.wanted,
        sort=asked.sort,
        descending=asked.descending,
    )
    for one in page.cases:
        yield _row(one)


def _row(one: ListedCase) -> list[str | float | int]:
    return [
        one.number,
        one.household,
        one.building or "",
        word("state", one.state),
        one.since.isoformat(),
        one.occupied_m2,
        one.deadline_on.isoformat() if one.deadline_on else "",
        gettext("yes") if one.is_overdue else "",
        one.housekeeper or "",
        one.inspector or "",
        one.campaign,
    ]


def _download(content: str | bytes, content_type: str, name: str) -> Response:
    response = Response(content, content_type=content_type)
    response.headers.set("Content-Disposition", "attachment", filename=f"cases-{name}")
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _buildings(opened: OpenedPlace) -> list[str]:
    found = opened.session.scalars(
        select(Building.ref).where(Building.community_id == opened.community.id)
    )
    return sorted(found, key=lambda ref: (len(ref), ref))


def _housekeepers(opened: OpenedPlace) -> list[tuple[str, str]]:
    """Return who looks after a case that the viewer sees, to choose from."""
    rows = opened.session.execute(
        select(Account.email, Account.name)
        .join(Case, Case.housekeeper_id == Account.id)
        .where(Case.community_id == opened.community.id, opened.viewer.sees)
        .distinct()
        .order_by(Account.name)
    )
    return [(email, name) for email, name in rows]
