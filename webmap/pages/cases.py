"""The page of a case: what it is about, what has happened, what may happen next."""

import datetime as dt
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date, gettext
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.announcements import awaits_poster, running_campaign
from cases.case_sheet import CaseSheet, Shape, case_sheet, events_since, find_case
from cases.casework import AvailableMove, StaleVersion
from cases.issuing import (
    ISSUED_APART,
    LONGEST_AUTHORITY,
    LONGEST_INVENTORY,
    PaperDetails,
    move_with_paper,
    read_item,
)
from cases.ledger import Moment
from cases.models import Case, CaseEvent
from cases.parcel_file import Viewer
from cases.signing import Signature
from cases.workflow import Addressee, Requirement, State
from gis.problems import InputError
from layers.models import Community
from webmap.api.community import asking_viewer
from webmap.api.moves import read_move
from webmap.forms import LONGEST_NUMBER, Filled, Form
from webmap.gates import current_access, gated, place_session
from webmap.pages.named import naming
from webmap.pages.submitting import submit_form
from webmap.pages.typed import form_title, typed
from webmap.problem_words import event_note
from webmap.words import word

cases = Blueprint("cases", __name__)

# What an integer column holds.
LARGEST_VERSION = 2**31 - 1
# A visit is recorded whole, with its outcome (webmap.pages.visits), which makes these moves.
BY_VISIT = frozenset({State.VISITED, State.SIGNED, State.DECLINED})
# What the form of a move can still give is no obstacle to it.
SUPPLIED = {
    Requirement.DOCUMENT: "document_missing",
    Requirement.REASON: "reason_missing",
    Requirement.RESIDUAL: "residual_missing",
}


@dataclass(frozen=True)
class Opened:
    """A case that a page shows, within the transaction of the request."""

    session: Session
    community: Community
    case: Case
    viewer: Viewer

    def signed(self, version: int | None = None) -> Signature:
        """Return the signature of the account, on the case as it was in ``version``."""
        return Signature(self.viewer.actor, permissions=self.viewer.permissions, version=version)

    def signed_form(self, form: Form) -> Signature:
        """Return the signature of the account, on the version that the form says it saw."""
        return self.signed(form.number("version", least=1, most=LARGEST_VERSION))


@dataclass(frozen=True)
class Part:
    """A panel that another noun adds to the page of a case.

    ``read`` returns what its template shows, ``None`` where there is nothing to show.
    """

    template: str
    read: Callable[[Opened], Mapping[str, Any] | None]
    rank: int = 50


# Every noun adds its own; a lower rank stands higher.
PARTS: list[Part] = []


@dataclass(frozen=True)
class Event:
    """A line of the time line."""

    at: Any
    day: Any
    title: str
    actor: str
    document: str
    note: str
    captured: tuple[str, ...] = ()


@dataclass(frozen=True)
class Conflict:
    """What a second editor must see: what was typed, and what has happened meanwhile."""

    title: str
    typed: list[tuple[str, str]]
    since: list[Event]


@dataclass
class Step:
    """A move as the page offers it, with the form as it was filled in."""

    move: AvailableMove
    obstacles: list[Any]
    filled: Filled = field(default_factory=Filled)
    is_open: bool = False

    @property
    def issues(self) -> bool:
        """Return whether its paper is issued with it where no number is given."""
        document = self.move.move.document
        return document is not None and document not in ISSUED_APART


@cases.get("/c/<place>/cases/<uuid:case_id>")
@gated(Permission.CASE_READ)
def case_page(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Show a case."""
    with place_session() as session:
        return show_case(open_case(session, case_id))


@cases.post("/c/<place>/cases/<uuid:case_id>/moves")
@gated(Permission.CASE_READ)
def move_case(place: str, case_id: uuid.UUID) -> ResponseReturnValue:
    """Make a move."""

    def act(opened: Opened, form: Form) -> None:
        body, details = _body(form), _details(form)
        form.check()
        wanted = read_move(body, opened.viewer)
        move_with_paper(opened.session, opened.community, case_id, wanted, details)

    return answer_form(case_id, act)


def answer_form(case_id: uuid.UUID, act: Callable[[Opened, Form], None]) -> ResponseReturnValue:
    """Do what a form on the page of a case asks for, and lead back to the page.

    Refused, the page comes again with everything that was typed: 422 where the input
    is at fault, 412 where somebody else has changed the case since.
    """
    place = current_access().place.code
    address = url_for("cases.case_page", place=place, case_id=case_id)

    def work(session: Session) -> ResponseReturnValue:
        act(open_case(session, case_id), Form.of_request())
        return redirect(address)

    try:
        return submit_form(work)
    except InputError as error:
        filled, status = Filled.again(error), 422
    except StaleVersion:
        filled, status = Filled(request.form), 412
    with place_session() as session:
        return show_case(open_case(session, case_id), filled, is_stale=status == 412), status


def open_case(session: Session, case_id: uuid.UUID) -> Opened:
    """Return the case that an address names; 404 where the place has none."""
    access = current_access()
    if not access.place.is_community:
        abort(404)
    community = session.get_one(Community, access.place.id)
    viewer = asking_viewer()
    case = find_case(session, community, case_id, viewer)
    if case is None:
        abort(404)
    return Opened(session, community, case, viewer)


def show_case(opened: Opened, filled: Filled | None = None, *, is_stale: bool = False) -> str:
    """Return the page of a case; ``filled`` is the form that was refused.

    Each form sends its name as ``form``, by which its template finds what was typed.
    """
    sheet = case_sheet(opened.session, opened.community, opened.case, opened.viewer)
    return render_template(
        "case.html",
        community=opened.community,
        sheet=sheet,
        steps=_steps(sheet, filled),
        person=naming(opened.session),
        events=_told(opened, reversed(sheet.events)),
        conflict=_conflict(opened, sheet, filled) if is_stale and filled else None,
        shapes=[drawn(one) for one in sheet.shapes],
        parts=_parts(opened),
        poster=_poster(opened),
        filled_of=lambda name: filled if filled and filled.value("form") == name else Filled(),
    )


def _poster(opened: Opened) -> str | None:
    """Return where a case that waits for a poster is announced, if the viewer may."""
    if Permission.CASE_ANNOUNCE not in opened.viewer.permissions:
        return None
    session, community = opened.session, opened.community
    if not awaits_poster(session, community, opened.case):
        return None
    running = running_campaign(session, community)
    if running is None:
        return url_for("campaigns.campaign_list", place=community.code)
    address = url_for("campaigns.campaign", place=community.code, campaign_id=running.id)
    return f"{address}#announcements"


def _parts(opened: Opened) -> list[tuple[str, Mapping[str, Any]]]:
    ordered = sorted(PARTS, key=lambda part: part.rank)
    read = [(part.template, part.read(opened)) for part in ordered]
    return [(template, shown) for template, shown in read if shown is not None]


def _steps(sheet: CaseSheet, filled: Filled | None) -> list[Step]:
    """Return what the viewer may do: what is possible first, then what still lacks something."""
    steps = []
    for one in sheet.moves:
        if not one.is_permitted or one.move.target in BY_VISIT:
            continue
        supplied = {SUPPLIED[need] for need in one.move.requires if need in SUPPLIED}
        obstacles = [problem for problem in one.lacks if problem.code not in supplied]
        mine = filled is not None and filled.value("target") == one.move.target
        steps.append(Step(one, obstacles, filled if mine and filled else Filled(), mine))
    return sorted(steps, key=lambda step: bool(step.obstacles))


def _told(opened: Opened, events: Iterable[CaseEvent]) -> list[Event]:
    """Return events as the time line has them, with the names of those who acted."""
    listed = list(events)
    person = naming(opened.session, {one.actor for one in listed})
    return [_event(one, opened.community, person) for one in listed]


def _event(event: CaseEvent, community: Community, person: Callable[[str], str]) -> Event:
    # An assignment says as what; so does its name.
    name = ":".join(filter(None, (event.event, event.data.get("duty"))))
    title = word("state", event.state) if event.state else word("event", name)
    if event.event.startswith("case:deadline:") and "to" in event.data:
        title = f"{title}: {format_date(dt.date.fromisoformat(event.data['to']))}"
    actor = person(event.actor)
    captured = tuple(_captured(event, community, person))
    note = event_note(event.note)
    return Event(event.at, event.day, title, actor, event.document, note, captured)


def _captured(
    event: CaseEvent, community: Community, person: Callable[[str], str]
) -> Iterator[str]:
    """Say what was captured by whom and when, and who accepted it, where that was another day."""
    if not event.data.get("captured"):
        return
    for one in event.data["captured"]:
        day = format_date(dt.date.fromisoformat(one["observed_on"]))
        yield gettext("Captured %(day)s by %(who)s", day=day, who=person(one["recorded_by"]))
    decided = Moment.of(community, dt.datetime.fromisoformat(event.data["decided_at"]))
    if (decided.day, event.data["decided_by"]) != (event.day, event.actor):
        by = person(event.data["decided_by"])
        yield gettext("Accepted %(day)s by %(who)s", day=format_date(decided.day), who=by)


def _conflict(opened: Opened, sheet: CaseSheet, filled: Filled) -> Conflict:
    since = _told(opened, events_since(sheet, _seen(filled.value("seen"))))
    return Conflict(form_title(filled), typed(opened.session, filled), since)


def _seen(text: str) -> int:
    """Return the number of the last event that the form knew, 0 for what is no number."""
    is_number = text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
    return int(text) if is_number else 0


def drawn(shape: Shape) -> dict[str, Any]:
    """Return a shape as the scripts of a page draw it."""
    return {
        "layer": shape.layer,
        "label": shape.label,
        "day": shape.day.isoformat() if shape.day else None,
        "geometry": json.loads(shape.geometry),
    }


def _body(form: Form) -> dict[str, Any]:
    """Return the form of a move as the API takes it."""
    version = form.number("version", least=1)
    body: dict[str, Any] = {
        "target": form.text("target"),
        "version": version,
        "document": form.text("document", needed=False),
        "reason": form.text("reason", needed=False),
        "addressee": form.choice("addressee", Addressee, needed=False),
    }
    left = form.text("left", needed=False)
    if left == "nothing":
        body["residual"] = None
    elif left == "something":
        body["residual"] = _polygon(form)
    return body


def _details(form: Form) -> PaperDetails:
    """Return what a paper says beside the facts of its case, as the form has it."""
    lines = form.text("inventory", needed=False, longest=LONGEST_INVENTORY).splitlines()
    authority = form.text("authority", needed=False, longest=LONGEST_AUTHORITY)
    return PaperDetails([read_item(line) for line in lines if line.strip()], authority)


def _polygon(form: Form) -> Any:
    try:
        return json.loads(form.sent.get("residual", "") or "{}")
    except (ValueError, RecursionError):
        return {}
