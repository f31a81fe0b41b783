"""The papers that go to one household or record what was seen and said there."""

from collections.abc import Iterator

from cases.papers.blocks import Block, Table, Text
from cases.papers.source import (
    Source,
    case_blocks,
    end_facts,
    ground_blocks,
    plan_blocks,
    signed_lines,
)
from cases.papers.words import DECIDED, STRUCTURES, TITLE_BASES, VISIT_OUTCOMES, say


def survey_sheet(source: Source) -> Iterator[Block]:
    """Yield what was measured of a household's ground, and by whom it was checked."""
    yield from case_blocks(source, with_ground=False)
    yield Text(source.say("survey_accuses_nobody"))
    seen = source.data.get("observations") or []
    if seen:
        keys = ("parcel", "title_basis", "observation", "seen_on", "structure", "area")
        rows = [
            [
                str(one["parcel"]),
                _title(source, one),
                str(one["ref"]),
                source.short_day(one["observed_on"]),
                _listed(source, STRUCTURES, one["structure"]),
                source.area(one),
            ]
            for one in seen
        ]
        rows.append([source.say("total"), *[""] * 4, f"{source.data['m2']:,.2f}"])
        yield source.heading("parcels")
        yield Table([source.say(key) for key in keys], rows, frozenset({5}))
        yield source.facts(
            ("survey", source.data.get("survey_crs")), ("measured_to", source.data.get("rms"))
        )
        yield Text(source.say("uncertainty"))
    yield from plan_blocks(source, "household_map", "household_map_note")
    yield from _said(source, "reason", "remarks")
    yield end_facts(source)
    yield signed_lines(source, "sign_surveyor", "sign_checker")


def visit_record(source: Source) -> Iterator[Block]:
    """Yield who came to a household, what was said, and what came of it."""
    data = source.data
    yield from case_blocks(source, with_ground=False)
    yield source.facts(
        ("visited_on", source.day(data.get("visited_on"))),
        ("visited_by", data.get("visited_by")),
        ("visit_outcome", _listed(source, VISIT_OUTCOMES, data.get("outcome"))),
        ("next_visit", source.day(data.get("next_on"))),
    )
    yield from _said(source, "note", "visit_note")
    yield from ground_blocks(source)
    yield Text(source.say("visit_rights"))
    yield Text(source.say("no_force"))
    yield end_facts(source)
    yield signed_lines(source, "sign_visitor", "sign_household_or_refused")


def deadline_notice(source: Source) -> Iterator[Block]:
    """Yield until when a household is asked to clear, of what, and how it may object."""
    data = source.data
    until, before = source.day(data.get("deadline_on")), source.day(data.get("deadline_before"))
    yield from case_blocks(source, with_ground=False)
    yield Text(source.say("notice", day=until))
    if before:
        yield Text(source.say("notice_extended", before=before, day=until))
    yield from _said(source, "reason", "notice_reason")
    yield from ground_blocks(source)
    yield from plan_blocks(source, "household_map", "household_map_note")
    yield source.facts(
        ("standard", data.get("standard_version")), ("objection", data.get("objection_route"))
    )
    yield Text(source.say("notice_help"))
    yield Text(source.say("no_force"))
    yield end_facts(source)
    yield signed_lines(source, "sign_issuer", "sign_received")


def objection_decision(source: Source) -> Iterator[Block]:
    """Yield what a household objected, what was decided and why, and what follows."""
    data = source.data
    yield from case_blocks(source, with_ground=False)
    yield source.facts(("lodged_on", source.day(data.get("lodged_on"))))
    yield from _said(source, "grounds", "objection_grounds")
    yield from ground_blocks(source)
    yield source.heading("decision")
    yield Text(_decided(source))
    yield from _said(source, "reason", "decision_reason")
    yield Text(source.say("decision_rights"))
    yield source.facts(
        ("decided_by", data.get("decided_by")), ("decided_on", source.day(data.get("decided_on")))
    )
    yield signed_lines(source, "sign_issuer", "sign_received")


def _decided(source: Source) -> str:
    words = _listed(source, DECIDED, source.data.get("outcome"))
    until = source.day(source.data.get("clock_until"))
    return words + (source.say("clock_runs", day=until) if until else "")


def _said(source: Source, key: str, heading: str) -> Iterator[Block]:
    """Yield what somebody wrote, under a heading; nothing where it is empty."""
    if source.data.get(key):
        yield source.heading(heading)
        yield Text(str(source.data[key]))


def _title(source: Source, line: dict[str, object]) -> str:
    words = _listed(source, TITLE_BASES, line.get("title_basis"))
    return words + (source.say("disputed") if line.get("is_disputed") else "")


def _listed(source: Source, words: dict[str, tuple[str, str]], value: object) -> str:
    """Return the words of an enumeration's value; nothing for what it does not hold."""
    return say(words.get(str(value), ("", "")), source.language)
