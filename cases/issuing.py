"""A move and the paper that it rests on, issued together.

What a paper says is taken from the case as it stands: its ground and areas, and the
score standard and way to object that the campaign announced. Households appear by their
reference only; who signs writes the name by hand.
"""

import datetime as dt
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.casework import confirm, lacks, lock_case, move, unconfirmed
from cases.documents import Paper, issue, number_of
from cases.ground import Ground
from cases.ground_plan import household_plan
from cases.ledger import Moment
from cases.models import Announcement, Campaign, Case
from cases.paper_ground import PaperGround, paper_ground
from cases.parcel_file import case_number
from cases.requirements import Request
from cases.signing import Signature
from cases.survey_lines import survey_lines
from cases.workflow import MOVES, Document, State
from gis.problems import InputError, Problem, Said
from layers.models import Building, Community, Household

# The poster is issued once for many cases (cases.announcements).
ISSUED_APART = frozenset({Document.ANNOUNCEMENT})
MOST_ITEMS, MOST_OF_ONE, LONGEST_COUNT = 50, 9_999, 4
LONGEST_ITEM, LONGEST_AUTHORITY = 200, 200
# Its lines with what stands between their parts.
LONGEST_INVENTORY = MOST_ITEMS * (2 * LONGEST_ITEM + 20)


@dataclass(frozen=True)
class Item:
    """A thing of an inventory: what is moved or taken down with the household's consent."""

    what: str
    count: int = 1
    condition: str = ""


@dataclass(frozen=True)
class PaperDetails:
    """What a paper says beside the facts of its case; each kind needs its own."""

    inventory: Sequence[Item] = ()
    authority: str = ""
    upkeep_months: int = 12


def read_item(line: str) -> Item:
    """Return a line of an inventory, ``what; how many; in which condition``.

    One is meant where no number is given; what is no number counts as 0, which is refused.
    """
    what, count, condition = (*(part.strip() for part in re.split("[;；]", line)), "", "")[:3]
    is_number = count.isascii() and count.isdigit() and len(count) <= LONGEST_COUNT
    return Item(what, int(count) if is_number else 0 if count else 1, condition)


def move_with_paper(
    session: Session,
    community: Community,
    case_id: uuid.UUID,
    request: Request,
    details: PaperDetails,
) -> Case:
    """Make a move; a paper that it rests on and that has no number yet is issued with it.

    The caller commits; when the move is refused nothing of the transaction may stay, the
    number neither. Raises what :func:`cases.casework.move` raises.
    """
    case = lock_case(session, community, case_id, request.version)
    step = MOVES.get((case.state, request.target))
    kind = (step.document or step.records) if step else None
    if kind is None or kind in ISSUED_APART or request.document.strip():
        return move(session, community, case_id, request)
    if problems := _detail_problems(kind, details):
        # The number comes with the paper; everything else that is lacking is told at once.
        lacking = lacks(session, community, case, request)
        raise InputError([*problems, *(one for one in lacking if one.field != "document")])
    paper = issue(session, community, _paper(session, community, case, kind, request, details))
    return move(session, community, case_id, replace(request, document=number_of(paper)))


def confirm_with_paper(
    session: Session, community: Community, case_id: uuid.UUID, by: Signature, note: str = ""
) -> Case:
    """Verify what was found after its case was verified, and issue the survey sheet of it.

    See :func:`cases.casework.confirm`, and :func:`move_with_paper` for what is refused.
    """
    case = lock_case(session, community, case_id, by.version)
    if not unconfirmed(Ground(session, community, case)):
        return confirm(session, community, case_id, by, note)
    said = {"reason": note.strip(), **_surveyed(session, community, case)}
    issued = Issued(Moment.of(community, by.at).day, by.actor, said)
    sheet = issue(
        session, community, case_paper(session, community, case, Document.SURVEY_SHEET, issued)
    )
    return confirm(session, community, case_id, by, note, document=number_of(sheet))


def case_facts(
    session: Session, community: Community, case: Case, *, suspected: bool = False
) -> dict[str, Any]:
    """Return what every paper of a case says: its number, household, ground and campaign.

    The ground is what stands; ``suspected`` takes in what nobody has verified yet.
    """
    campaign = session.get_one(Campaign, (community.id, case.campaign_id))
    household = session.get_one(Household, (community.id, case.household_id))
    announced = announced_by(session, community, case)
    ground = paper_ground(session, community, [case.id], suspected=suspected)
    return {
        "community": community.name,
        "case": case_number(community.code, campaign.started_on.year, case.number),
        "campaign": campaign.name,
        "household": household.ref,
        "building": _building(session, household),
        "survey_crs": f"EPSG:{community.survey_srid}",
        "parcels": _parcels(ground),
        "m2": round(sum(one.m2 for one in ground), 2),
        "deadline_on": case.deadline_on.isoformat() if case.deadline_on else None,
        "standard_version": announced.standard_version if announced else None,
        "objection_route": announced.objection_route if announced else None,
    }


def _paper(
    session: Session,
    community: Community,
    case: Case,
    kind: Document,
    request: Request,
    details: PaperDetails,
) -> Paper:
    said: dict[Document, Callable[[], dict[str, Any]]] = {
        Document.SURVEY_SHEET: lambda: _surveyed(session, community, case),
        Document.CREDIT_CONTRACT: lambda: {"upkeep_months": details.upkeep_months},
        Document.ASSISTANCE_CONSENT: lambda: {
            "inventory": [asdict(one) for one in details.inventory]
        },
        Document.REFERRAL: lambda: {"authority": details.authority.strip()},
        Document.ACCEPTANCE_FORM: lambda: {"inspected": _inspected(session, community, case)},
    }
    data = {"reason": request.reason.strip(), **said[kind]()}
    day = Moment.of(community, request.at).day
    return case_paper(session, community, case, kind, Issued(day, request.actor, data))


@dataclass(frozen=True)
class Issued:
    """By whom and when a paper of a case is issued, and what it says beside the case's facts."""

    on: dt.date
    by: str
    said: Mapping[str, Any]
    subject: uuid.UUID | None = None


def case_paper(
    session: Session, community: Community, case: Case, kind: Document, issued: Issued
) -> Paper:
    """Return a paper of one case, ready to be issued; what ``issued`` says goes first."""
    suspected = kind is Document.SURVEY_SHEET
    data = {**case_facts(session, community, case, suspected=suspected), **issued.said}
    return Paper(
        kind,
        data["case"],
        issued.on,
        issued.by,
        data,
        case.id,
        case.campaign_id,
        issued.subject,
    )


def _surveyed(session: Session, community: Community, case: Case) -> dict[str, Any]:
    plan = household_plan(session, community, case.id, suspected=True)
    return {**survey_lines(session, community, case.id), "map": plan}


def _detail_problems(kind: Document, details: PaperDetails) -> list[Problem]:
    problems = []
    if kind is Document.ASSISTANCE_CONSENT:
        problems += _inventory_problems(details.inventory)
    if kind is Document.REFERRAL:
        problems += _authority_problems(details.authority.strip())
    return problems


def _authority_problems(authority: str) -> list[Problem]:
    if not authority:
        message, remedy = "The authority is missing.", "Name whom the case is referred to."
        return [Problem("authority_missing", message, remedy, field="authority")]
    if len(authority) <= LONGEST_AUTHORITY:
        return []
    told = Said("The authority has more than {longest} characters.", longest=LONGEST_AUTHORITY)
    return [Problem("too_long", told, "Shorten it.", field="authority")]


def _inventory_problems(inventory: Sequence[Item]) -> list[Problem]:
    """Nothing is cleared by others that the household has not listed and signed (rule 3)."""
    if not inventory:
        message = "The inventory is empty."
        remedy = "List what is moved or taken down."
        return [Problem("inventory_missing", message, remedy, field="inventory")]
    if all(map(_fits, inventory)) and len(inventory) <= MOST_ITEMS:
        return []
    message = "A line of the inventory is empty or too long, has no number, or is one too many."
    remedy = Said(
        "Give up to {most_items} lines of up to {longest_item} characters, each with a count.",
        most_items=MOST_ITEMS,
        longest_item=LONGEST_ITEM,
    )
    return [Problem("inventory", message, remedy, field="inventory")]


def _fits(item: Item) -> bool:
    is_named = 0 < len(item.what.strip()) <= LONGEST_ITEM
    return is_named and len(item.condition) <= LONGEST_ITEM and 0 < item.count <= MOST_OF_ONE


def announced_by(session: Session, community: Community, case: Case) -> Announcement | None:
    """Return the poster that told the household, else the latest of its campaign."""
    told = Ground(session, community, case).last(State.ANNOUNCED)
    if told is not None and "announcement" in told.data:
        key = (community.id, uuid.UUID(told.data["announcement"]))
        return session.get_one(Announcement, key)
    return session.scalars(
        select(Announcement)
        .where(
            Announcement.community_id == community.id,
            Announcement.campaign_id == case.campaign_id,
        )
        .order_by(Announcement.issued_on.desc())
        .limit(1)
    ).first()


def _building(session: Session, household: Household) -> str | None:
    if household.building_id is None:
        return None
    return session.get_one(Building, (household.community_id, household.building_id)).ref


def _parcels(ground: Sequence[PaperGround]) -> list[dict[str, Any]]:
    return [
        {
            "ref": one.ref,
            "m2": round(one.m2, 2),
            "uncertainty_m2": None if one.uncertainty_m2 is None else round(one.uncertainty_m2, 2),
            "structure": one.structure,
        }
        for one in ground
    ]


def _inspected(session: Session, community: Community, case: Case) -> dict[str, Any] | None:
    event = Ground(session, community, case).last(State.INSPECTED)
    return {"on": event.day.isoformat(), "by": event.actor} if event else None
