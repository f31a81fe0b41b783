"""What each kind of paper looks like: which blocks, in which order."""

from collections.abc import Callable, Iterator

from cases.models import DocumentRecord
from cases.papers.blocks import Block, Sheet, Table, Text
from cases.papers.household import (
    deadline_notice,
    objection_decision,
    survey_sheet,
    visit_record,
)
from cases.papers.source import Source, case_blocks, end_facts, plan_blocks, signed_lines
from cases.papers.words import TITLES, say
from cases.workflow import Document


def lay_out(record: DocumentRecord, language: str) -> Sheet:
    """Return the paper of a record in ``language`` (``zh_Hans`` or ``en``)."""
    source = Source(record, language)
    return Sheet(
        language,
        say(TITLES[record.kind], language),
        _number(source),
        [*_corrected(source), *_KINDS[record.kind](source)],
        source.say("page"),
    )


def _corrected(source: Source) -> Iterator[Block]:
    """Yield why a later version was issued, before all that it says."""
    if reason := source.data.get("correction"):
        yield source.facts(("correction", reason))


def _number(source: Source) -> str:
    record = source.record
    version = source.say("version", version=record.version) if record.version > 1 else ""
    if source.language.startswith("zh"):
        return f"〔{record.year}〕第 {record.number} 号{version}"
    return f"No. {record.year}-{record.number:03d}{', ' + version if version else ''}"


def _announcement(source: Source) -> Iterator[Block]:
    data = source.data
    yield Text(str(data["wording"]))
    yield source.facts(
        ("deadline", source.day(data["deadline_on"])),
        ("standard", data["standard_version"]),
        ("objection", data["objection_route"]),
    )
    yield Text(source.say("no_force"))
    yield from plan_blocks(source, "map", "map_note")
    yield source.heading("announced_ground")
    rows = [[str(one["ref"]), f"{one['m2']:,.2f}"] for one in data["parcels"]]
    rows.append([source.say("total"), f"{data['m2']:,.2f}"])
    yield Table([source.say("parcel"), source.say("area")], rows, frozenset({1}))
    yield source.facts(
        ("issuer", data["issuer"]), ("issued_on", source.day(source.record.issued_on))
    )
    yield signed_lines(source, "sign_issuer")


def _contract(source: Source) -> Iterator[Block]:
    data = source.data
    yield from case_blocks(source)
    yield Text(source.say("contract"))
    yield Text(source.say("contract_effect"))
    yield source.facts(
        ("upkeep", f"{data.get('upkeep_months', 12)} {source.say('months')}"),
        ("standard", data.get("standard_version")),
        ("objection", data.get("objection_route")),
    )
    yield signed_lines(source, "sign_household", "sign_body")


def _consent(source: Source) -> Iterator[Block]:
    yield from case_blocks(source)
    yield Text(source.say("consent"))
    yield source.heading("inventory")
    rows = [[one["what"], str(one["count"]), one["condition"]] for one in source.data["inventory"]]
    yield Table(
        [source.say("what"), source.say("count"), source.say("condition")], rows, frozenset({1})
    )
    yield signed_lines(source, "sign_household", "sign_body")


def _referral(source: Source) -> Iterator[Block]:
    yield source.facts(("authority", source.data.get("authority")))
    yield from case_blocks(source)
    yield Text(source.say("referral"))
    if source.data.get("reason"):
        yield source.heading("reason")
        yield Text(str(source.data["reason"]))
    yield end_facts(source)
    yield signed_lines(source, "sign_body")


def _acceptance(source: Source) -> Iterator[Block]:
    yield from case_blocks(source)
    inspected = source.data.get("inspected") or {}
    yield source.facts(
        ("inspected_on", source.day(inspected.get("on"))), ("inspected_by", inspected.get("by"))
    )
    yield Text(source.say("acceptance"))
    yield end_facts(source)
    yield signed_lines(source, "sign_first", "sign_second")


def _minutes(source: Source) -> Iterator[Block]:
    data = source.data
    yield source.facts(
        ("community", data.get("community")),
        ("campaign", data.get("campaign")),
        ("held_on", source.day(data.get("held_on"))),
        ("place", data.get("place")),
    )
    yield source.heading("agenda")
    yield Text(str(data.get("agenda", "")))
    yield source.heading("attendance")
    came = [[one["body"], str(one["people"])] for one in data.get("attendance", [])]
    yield Table([source.say("body"), source.say("people")], came, frozenset({1}))
    if data.get("minutes"):
        yield source.heading("minutes")
        yield Text(str(data["minutes"]))
    if resolved := data.get("resolutions"):
        yield source.heading("resolutions")
        head = [source.say(key) for key in ("resolution", "for", "against", "abstained")]
        rows = [
            [one["wording"], *(str(one[key]) for key in ("for", "against", "abstained"))]
            for one in resolved
        ]
        yield Table(head, rows, frozenset({1, 2, 3}))
    yield end_facts(source)


_KINDS: dict[Document, Callable[[Source], Iterator[Block]]] = {
    Document.SURVEY_SHEET: survey_sheet,
    Document.ANNOUNCEMENT: _announcement,
    Document.VISIT_RECORD: visit_record,
    Document.DEADLINE_NOTICE: deadline_notice,
    Document.OBJECTION_DECISION: objection_decision,
    Document.CREDIT_CONTRACT: _contract,
    Document.ASSISTANCE_CONSENT: _consent,
    Document.REFERRAL: _referral,
    Document.ACCEPTANCE_FORM: _acceptance,
    Document.MINUTES: _minutes,
}
