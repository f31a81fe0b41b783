"""Lanes: which buildings one housekeeper looks after."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from geoalchemy2.shape import to_shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from cases.access import Permission
from cases.assignment import RESTING_STATES, Duty, follow_lanes, workers
from cases.lane_versions import check_read
from cases.models import Account, Case, Lane, LaneBuilding
from cases.signing import Signature
from gis.problems import InputError, Problem, Said
from layers.bulk import among
from layers.files.tables import read_csv
from layers.frames import Rows
from layers.models import Building, Community, Household
from layers.places import lock_community

CODE_LENGTH, NAME_LENGTH = 64, 200
MOST_ROWS = 100_000


@dataclass(frozen=True)
class LaneForm:
    """What describes a lane; its buildings leave the lanes in which they were."""

    ref: str
    name: str = ""
    housekeeper_id: int | None = None
    buildings: frozenset[uuid.UUID] = frozenset()


@dataclass(frozen=True)
class ListedLane:
    """A lane with its buildings' refs and how many cases are under way in them.

    Its housekeeper has a name and the address of an account.
    """

    id: uuid.UUID
    ref: str
    name: str
    housekeeper: str | None
    account: str | None
    housekeeper_id: int | None
    buildings: tuple[str, ...]
    cases: int


@dataclass(frozen=True)
class MappedBuilding:
    """A building to pick, with its outline and centre in EPSG:4326 and the lane it is in."""

    id: uuid.UUID
    ref: str
    lane_id: uuid.UUID | None
    outline: BaseGeometry
    centre: tuple[float, float]


@dataclass(frozen=True)
class LaneReport:
    """What a change of lanes did."""

    lanes: int
    buildings: int
    cases_changed: int


def list_lanes(session: Session, community: Community) -> list[ListedLane]:
    """Return the lanes of a community in the order of their refs."""
    buildings: dict[uuid.UUID, list[str]] = {}
    for lane, ref in session.execute(_buildings(community)):
        buildings.setdefault(lane, []).append(ref)
    counts: dict[uuid.UUID, int] = dict(session.execute(_cases(community)).all())
    rows = session.execute(
        select(Lane, Account.name, Account.email)
        .outerjoin(Account, Account.id == Lane.housekeeper_id)
        .where(Lane.community_id == community.id)
        .order_by(func.lpad(Lane.ref, CODE_LENGTH))
    )
    return [
        ListedLane(
            lane.id,
            lane.ref,
            lane.name,
            keeper,
            account,
            lane.housekeeper_id,
            tuple(buildings.get(lane.id, ())),
            counts.get(lane.id, 0),
        )
        for lane, keeper, account in rows
    ]


def find_lane(session: Session, community: Community, lane_id: uuid.UUID) -> Lane | None:
    """Return a lane of the community, ``None`` where there is none."""
    return session.get(Lane, (community.id, lane_id))


def mapped_buildings(session: Session, community: Community) -> list[MappedBuilding]:
    """Return every building of a community in the order of the refs."""
    rows = session.execute(
        select(Building.id, Building.ref, Building.geom, LaneBuilding.lane_id)
        .outerjoin(
            LaneBuilding,
            (LaneBuilding.community_id == Building.community_id)
            & (LaneBuilding.building_id == Building.id),
        )
        .where(Building.community_id == community.id)
        .order_by(func.lpad(Building.ref, CODE_LENGTH))
    )
    found = []
    for building, ref, geom, lane in rows:
        outline = to_shape(geom)
        centre = outline.centroid
        found.append(MappedBuilding(building, ref, lane, outline, (centre.x, centre.y)))
    return found


def save_lane(
    session: Session,
    community: Community,
    lane_id: uuid.UUID | None,
    form: LaneForm,
    by: Signature,
    read: str | None = None,
) -> tuple[Lane, LaneReport]:
    """Make a lane, or change ``lane_id``; cases then follow their lanes.

    ``read`` is the version in which the caller read the lanes, where that matters. The
    caller commits. Raises ``StaleLanes`` where they have changed since, and
    ``InputError`` with everything that is wrong, by field.
    """
    lock_community(session, community.id)
    check_read(session, community, read)
    lane = None if lane_id is None else find_lane(session, community, lane_id)
    problems = [
        *by.lacks(Permission.LANES_EDIT),
        *([_unknown_lane()] if lane_id is not None and lane is None else []),
        *_naming_problems(session, community, form, lane_id),
        *_building_problems(session, community, form.buildings),
        *_keeper_problems(session, community, form.housekeeper_id),
    ]
    if problems:
        raise InputError(problems)
    lane = lane or Lane(community_id=community.id, id=uuid.uuid4())
    _fill(session, lane, form)
    changed = follow_lanes(session, community, by)
    return lane, LaneReport(1, len(form.buildings), changed)


def remove_lane(
    session: Session,
    community: Community,
    lane_id: uuid.UUID,
    by: Signature,
    read: str | None = None,
) -> LaneReport:
    """Remove a lane; its cases lose the housekeeper that they had from it.

    ``read`` and what is raised are as for :func:`save_lane`.
    """
    lock_community(session, community.id)
    check_read(session, community, read)
    lane = find_lane(session, community, lane_id)
    problems = [*by.lacks(Permission.LANES_EDIT), *([] if lane else [_unknown_lane()])]
    if problems or lane is None:
        raise InputError(problems)
    _empty(session, lane)
    session.delete(lane)
    session.flush()
    return LaneReport(1, 0, follow_lanes(session, community, by))


def import_lanes(session: Session, community: Community, path: Path, by: Signature) -> LaneReport:
    """Take lanes from a CSV with columns lane, building, and perhaps name and housekeeper.

    Each row is a building of a lane; a lane in the file has exactly its buildings there,
    and the last name and housekeeper (an e-mail address) that its rows say, if any. The
    file is taken whole or refused with every fault by row. The caller commits.
    """
    lock_community(session, community.id)
    table = _Table(session, community)
    rows, _encoding = read_csv(path, None, MOST_ROWS)
    absent = [name for name in ("lane", "building") if name not in rows.columns]
    if absent:
        text = Said(
            "{name} has no column {listed}.", name=path.name, listed=" and no column ".join(absent)
        )
        remedy = "Its columns are lane, building, name, housekeeper."
        raise InputError([Problem("lane_columns", text, remedy)])
    for number, row in enumerate(rows.to_dict("records"), start=1):
        table.read(number, {str(name): str(value or "").strip() for name, value in row.items()})
    problems = [*by.lacks(Permission.LANES_EDIT), *table.problems]
    if problems:
        raise InputError(problems)
    for form in table.forms.values():
        lane = table.known.get(form.ref) or Lane(community_id=community.id, id=uuid.uuid4())
        _fill(session, lane, form)
    changed = follow_lanes(session, community, by)
    return LaneReport(len(table.forms), len(table.lane_of), changed)


class _Table:
    """The rows of a file of lanes, gathered lane by lane."""

    def __init__(self, session: Session, community: Community) -> None:
        lanes = session.scalars(select(Lane).where(Lane.community_id == community.id))
        self.known = {lane.ref: lane for lane in lanes}
        self.buildings = dict(
            session.execute(
                select(Building.ref, Building.id).where(Building.community_id == community.id)
            ).all()
        )
        keepers = workers(session, community, Duty.HOUSEKEEPER)
        self.keepers = {account.email: account.id for account in keepers}
        self.forms: dict[str, LaneForm] = {}
        self.lane_of: dict[str, str] = {}
        self.problems: list[Problem] = []

    def read(self, number: int, row: dict[str, str]) -> None:
        """Add one row, or remember what is wrong with it."""
        ref, building = row["lane"], row["building"]
        name, keeper = row.get("name", ""), row.get("housekeeper", "").lower()
        faults = [
            *_text_problems(ref, name),
            *([] if building in self.buildings else [unknown_building(building)]),
            *([] if keeper in self.keepers or not keeper else [_unknown_keeper(keeper)]),
            *self._in_two(ref, building),
        ]
        self.problems += [replace(fault, row=number) for fault in faults]
        if faults:
            return
        before = self.forms.get(ref) or self._stored(ref)
        self.lane_of[building] = ref
        self.forms[ref] = LaneForm(
            ref,
            name or before.name,
            self.keepers.get(keeper, before.housekeeper_id),
            before.buildings | {self.buildings[building]},
        )

    def _stored(self, ref: str) -> LaneForm:
        lane = self.known.get(ref)
        return LaneForm(ref) if lane is None else LaneForm(ref, lane.name, lane.housekeeper_id)

    def _in_two(self, ref: str, building: str) -> list[Problem]:
        other = self.lane_of.get(building)
        if other is None or other == ref:
            return []
        text = Said(
            "Building {building!r} is in lane {other!r} already.", building=building, other=other
        )
        return [Problem("building_twice", text, "Keep it in one lane.", field="building")]


def _fill(session: Session, lane: Lane, form: LaneForm) -> None:
    """Give a lane its name, housekeeper and buildings, which leave their other lanes."""
    lane.ref, lane.name = form.ref.strip(), form.name.strip()
    lane.housekeeper_id = form.housekeeper_id
    session.add(lane)
    session.flush()
    _empty(session, lane, form.buildings)
    session.add_all(
        LaneBuilding(community_id=lane.community_id, building_id=building, lane_id=lane.id)
        for building in sorted(form.buildings)
    )
    session.flush()


def _empty(session: Session, lane: Lane, more: Collection[uuid.UUID] = ()) -> None:
    """Take out the buildings of a lane, and ``more`` of whatever lane they are in."""
    session.execute(
        delete(LaneBuilding)
        .where(LaneBuilding.community_id == lane.community_id)
        .where((LaneBuilding.lane_id == lane.id) | among(LaneBuilding.building_id, more))
        .execution_options(synchronize_session=False)
    )
    session.expire_all()


def _buildings(community: Community) -> Rows:
    """Select each lane with the refs of its buildings."""
    return (
        select(LaneBuilding.lane_id, Building.ref)
        .join(
            Building,
            (Building.community_id == LaneBuilding.community_id)
            & (Building.id == LaneBuilding.building_id),
        )
        .where(LaneBuilding.community_id == community.id)
        .order_by(func.lpad(Building.ref, CODE_LENGTH))
    )


def _cases(community: Community) -> Rows:
    """Select each lane with how many cases are under way in it."""
    return (
        select(LaneBuilding.lane_id, func.count())
        .join(
            Household,
            (Household.community_id == LaneBuilding.community_id)
            & (Household.building_id == LaneBuilding.building_id),
        )
        .join(
            Case,
            (Case.community_id == Household.community_id) & (Case.household_id == Household.id),
        )
        .where(
            LaneBuilding.community_id == community.id,
            Case.state.not_in(sorted(RESTING_STATES)),
        )
        .group_by(LaneBuilding.lane_id)
    )


def _naming_problems(
    session: Session, community: Community, form: LaneForm, lane_id: uuid.UUID | None
) -> list[Problem]:
    same = select(Lane.id).where(Lane.community_id == community.id, Lane.ref == form.ref.strip())
    if session.scalar(same) not in {None, lane_id}:
        text = Said("There is a lane {ref!r} already.", ref=form.ref)
        return [Problem("lane_taken", text, "Choose another.", field="ref")]
    return _text_problems(form.ref, form.name)


def _text_problems(ref: str, name: str) -> list[Problem]:
    problems = []
    if not 0 < len(ref.strip()) <= CODE_LENGTH:
        text = "The lane has no number, or one that is too long."
        problems.append(
            Problem(
                "lane_ref",
                text,
                Said("Give 1 to {code_length}.", code_length=CODE_LENGTH),
                field="ref",
            )
        )
    if len(name.strip()) > NAME_LENGTH:
        text = "The name is too long."
        problems.append(
            Problem(
                "lane_name",
                text,
                Said("At most {name_length} fit.", name_length=NAME_LENGTH),
                field="name",
            )
        )
    return problems


def _building_problems(
    session: Session, community: Community, wanted: Collection[uuid.UUID]
) -> list[Problem]:
    found = session.scalars(
        select(Building.id).where(Building.community_id == community.id, among(Building.id, wanted))
    ).all()
    missing = sorted(set(wanted) - set(found))
    return [unknown_building(str(one)) for one in missing]


def _keeper_problems(
    session: Session, community: Community, account_id: int | None
) -> list[Problem]:
    known = {account.id for account in workers(session, community, Duty.HOUSEKEEPER)}
    if account_id is None or account_id in known:
        return []
    return [_unknown_keeper(str(account_id))]


def _unknown_lane() -> Problem:
    return Problem("unknown_lane", "There is no such lane.", "Choose one from the list.")


def unknown_building(ref: str) -> Problem:
    """Return the problem of a ref that no building of the community has."""
    text = Said("There is no building {ref!r} in this community.", ref=ref)
    return Problem("unknown_building", text, "Give the ref of one.", field="buildings")


def _unknown_keeper(name: str) -> Problem:
    text = Said("{name!r} is no lane housekeeper here.", name=name)
    remedy = "Choose an account with that role in this community."
    return Problem("unknown_housekeeper", text, remedy, field="housekeeper")
