"""The work of a day: what waits for whoever asks, in walking order."""

import uuid
from typing import Any

from flask import jsonify
from flask.typing import ResponseReturnValue
from marshmallow import Schema, fields

from cases.access import Permission
from cases.ledger import today
from cases.work import Line, Place, Section, StartingPoint, Task, my_day, starting_points
from cases.workflow import State
from webmap.api.blueprint import Blueprint
from webmap.api.community import asked_community, asking_worker
from webmap.api.fields import Decimal, Flag, Key, Word
from webmap.api.schemas import POSITION, says, word
from webmap.gates import current_access, gated, place_session

work = Blueprint("work", __name__, "What waits for whoever asks.")


class WorkQuerySchema(Schema):
    """From where a round begins, and which of the work is asked for."""

    task = Word(
        Task, code="task", noun="task", metadata={"description": "Only this task; all if left out."}
    )
    lon = Decimal(-180, 180, metadata={"description": "Where the round begins, in degrees east."})
    lat = Decimal(-90, 90, metadata={"description": "Where the round begins, in degrees north."})
    start = Key(metadata={"description": "The building at which it begins, by its identifier."})
    by_difficulty = Flag(
        load_default=False,
        metadata={"description": "In the campaign's order of difficulty instead of walking."},
    )


class LineSchema(Schema):
    """A case that waits for something."""

    case = fields.UUID(**says("The case."))
    number = fields.String(**says("What people call it."))
    household = fields.String(**says("The ref of the household."))
    building = fields.String(**says("The ref of its building.", allow_none=True))
    lane = fields.String(**says("The number of its lane.", allow_none=True))
    state = word(State, "How far it has come.")
    since = fields.Date(**says("Since when."))
    version = fields.Integer(**says("Raised by every change; If-Match names it."))
    deadline_on = fields.Date(**says("By when to clear.", allow_none=True))
    next_on = fields.Date(**says("When the last visit agreed to come again.", allow_none=True))
    objected_on = fields.Date(**says("Since when an objection waits.", allow_none=True))
    patrol_due_on = fields.Date(**says("When its patrol was due.", allow_none=True))
    difficulty = fields.Integer(**says("How hard it is, 1 (easy) to 5."))
    is_remedial = fields.Boolean(**says("Whether the remedial team takes it."))
    housekeeper = fields.String(**says("The name of its housekeeper.", allow_none=True))
    inspector = fields.String(**says("The name of its inspector.", allow_none=True))
    stop = fields.Integer(
        **says("Which stop of the round it is; null where it is none.", allow_none=True)
    )
    position = fields.Raw(
        required=True,
        metadata={
            "description": "Where to go: longitude and latitude, null where that is unknown.",
            "anyOf": [POSITION, {"type": "null"}],
        },
    )


class SectionSchema(Schema):
    """Everything of one task that waits."""

    task = word(Task, "What is asked for.")
    lines = fields.List(fields.Nested(LineSchema), **says("The cases, in the order of the work."))


class WorkSchema(Schema):
    """The work of a day."""

    day = fields.Date(**says("Today where the community lies."))
    sections = fields.List(
        fields.Nested(SectionSchema), **says("One for each task that the account may do.")
    )


@work.route("/communities/<place>/work")
@work.arguments(WorkQuerySchema, location="query")
@work.response(200, WorkSchema)
@gated(Permission.CASE_READ)
def place_work(asked: dict[str, Any], place: str) -> ResponseReturnValue:
    """What waits for the account in a community today.

    Visits, verifications, inspections and patrols come as rounds in walking order, lane
    after lane; the rest by difficulty.
    """
    with place_session() as session:
        community = asked_community(session)
        who = asking_worker(current_access().rights, community)
        day = today(community)
        sections = my_day(
            session,
            community,
            who,
            day,
            start=_start(asked, starting_points(session, community)),
            by_difficulty=asked["by_difficulty"],
        )
    wanted = asked.get("task")
    shown = [_section(one) for one in sections if wanted in {None, one.task}]
    return jsonify(day=day.isoformat(), sections=shown)


def _start(asked: dict[str, Any], points: list[StartingPoint]) -> Place | None:
    if "lon" in asked and "lat" in asked:
        return asked["lon"], asked["lat"]
    wanted: uuid.UUID | None = asked.get("start")
    return next((one.place for one in points if one.building_id == wanted), None)


def _section(section: Section) -> dict[str, Any]:
    return {
        "task": section.task,
        "lines": [_line(section.task, one) for one in section.lines],
    }


def _line(task: Task, line: Line) -> dict[str, Any]:
    case, rank, patrol = line.case, line.rank, line.patrol
    assert rank is not None
    days = {
        "since": case.state_since,
        "deadline_on": case.deadline_on,
        "next_on": line.next_on,
        "objected_on": line.objected_on,
        "patrol_due_on": patrol and patrol.slot.due_on,
    }
    return {
        "case": str(case.id),
        "number": line.number,
        "household": line.household,
        "building": line.building,
        "lane": line.lane,
        "state": case.state,
        "version": case.version,
        **{name: day and day.isoformat() for name, day in days.items()},
        "difficulty": rank.difficulty,
        "is_remedial": case.is_remedial,
        "housekeeper": line.housekeeper,
        "inspector": line.inspector,
        "stop": line.stop,
        "position": line.place(task),
    }
