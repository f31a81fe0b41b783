"""What a paper looks like, before it is docx or PDF: a title, its number, and blocks of text.

Everything that people wrote stays a value: nothing here is a template, so that no text
can be evaluated (SAFETY, "Three findings").
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from babel.dates import format_date

from cases.models import DocumentRecord
from cases.papers.words import STRUCTURES, TITLES, WORDS, say
from cases.workflow import Document


@dataclass(frozen=True)
class Facts:
    """Pairs of label and value."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Text:
    """A paragraph; its line breaks stay. ``is_heading`` for a heading within the paper."""

    words: str
    is_heading: bool = False


@dataclass(frozen=True)
class Table:
    """A table with a head; ``numbers`` are the columns that are set to the right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Plan:
    """A small map: rings in metres from the south-western corner, ``size`` in metres."""

    size: tuple[float, float]
    buildings: Sequence[Sequence[Sequence[float]]]
    parcels: Sequence[Sequence[Sequence[float]]]
    note: str


@dataclass(frozen=True)
class Signatures:
    """Lines to be signed by hand, each with a date."""

    labels: Sequence[str]
    date: str


Block = Facts | Text | Table | Plan | Signatures


@dataclass(frozen=True)
class Sheet:
    """A paper in one language."""

    language: str
    title: str
    number: str
    blocks: Sequence[Block]
    page: str


@dataclass(frozen=True)
class _Source:
    """A record and the language in which it is to be said."""

    record: DocumentRecord
    language: str

    @property
    def data(self) -> Mapping[str, Any]:
        return self.record.data

    def say(self, key: str, **values: object) -> str:
        return (
            say(WORDS[key], self.language).format(**values)
            if values
            else say(WORDS[key], self.language)
        )

    def day(self, value: dt.date | str | None) -> str:
        if value is None:
            return ""
        day = value if isinstance(value, dt.date) else dt.date.fromisoformat(value)
        return str(format_date(day, "long", locale=self.language))

    def facts(self, *keys: tuple[str, object]) -> Facts:
        """Return the facts that are known, with their labels."""
        known = [(key, value) for key, value in keys if value not in (None, "")]
        return Facts([(self.say(key), str(value)) for key, value in known])

    def heading(self, key: str) -> Text:
        return Text(self.say(key), is_heading=True)


def lay_out(record: DocumentRecord, language: str) -> Sheet:
    """Return the paper of a record in ``language`` (``zh_Hans`` or ``en``)."""
    source = _Source(record, language)
    return Sheet(
        language,
        say(TITLES[record.kind], language),
        _number(source),
        [*_corrected(source), *_KINDS.get(record.kind, _plain)(source)],
        source.say("page"),
    )


def _corrected(source: _Source) -> Iterator[Block]:
    """Yield why a later version was issued, before all that it says."""
    if reason := source.data.get("correction"):
        yield source.facts(("correction", reason))


def _number(source: _Source) -> str:
    record = source.record
    version = source.say("version", version=record.version) if record.version > 1 else ""
    if source.language.startswith("zh"):
        return f"〔{record.year}〕第 {record.number} 号{version}"
    return f"No. {record.year}-{record.number:03d}{', ' + version if version else ''}"


def _case(source: _Source) -> Iterator[Block]:
    """Yield what every paper of a case begins with."""
    data = source.data
    yield source.facts(
        ("community", data.get("community")),
        ("case", data.get("case")),
        ("household", data.get("household")),
        ("building", data.get("building")),
        ("campaign", data.get("campaign")),
        ("deadline", source.day(data.get("deadline_on"))),
    )
    yield from _ground(source)


def _ground(source: _Source) -> Iterator[Block]:
    parcels = source.data.get("parcels") or []
    if not parcels:
        return
    rows = [
        [
            str(one["ref"]),
            say(STRUCTURES.get(one.get("structure", ""), ("", "")), source.language),
            _area(one),
        ]
        for one in parcels
    ]
    rows.append([source.say("total"), "", f"{source.data['m2']:,.2f}"])
    yield source.heading("parcels")
    yield Table(
        [source.say("parcel"), source.say("structure"), source.say("area")], rows, frozenset({2})
    )
    yield source.facts(("survey", source.data.get("survey_crs")))


def _area(parcel: Mapping[str, Any]) -> str:
    uncertainty = parcel.get("uncertainty_m2")
    return f"{parcel['m2']:,.2f}" + (f" ± {uncertainty:.2f}" if uncertainty is not None else "")


def _plain(source: _Source) -> Iterator[Block]:
    yield from _case(source)
    for key in ("reason", "outcome"):
        if source.data.get(key):
            yield source.heading(key)
            yield Text(str(source.data[key]))
    yield _end(source)
    yield _signed(source, "sign_body")


def _announcement(source: _Source) -> Iterator[Block]:
    data = source.data
    yield Text(str(data["wording"]))
    yield source.facts(
        ("deadline", source.day(data["deadline_on"])),
        ("standard", data["standard_version"]),
        ("objection", data["objection_route"]),
    )
    yield Text(source.say("no_force"))
    if plan := data.get("map"):
        yield source.heading("map")
        yield Plan(tuple(plan["size"]), plan["buildings"], plan["parcels"], source.say("map_note"))
    yield source.heading("announced_ground")
    rows = [[str(one["ref"]), f"{one['m2']:,.2f}"] for one in data["parcels"]]
    rows.append([source.say("total"), f"{data['m2']:,.2f}"])
    yield Table([source.say("parcel"), source.say("area")], rows, frozenset({1}))
    yield source.facts(
        ("issuer", data["issuer"]), ("issued_on", source.day(source.record.issued_on))
    )
    yield _signed(source, "sign_issuer")


def _contract(source: _Source) -> Iterator[Block]:
    data = source.data
    yield from _case(source)
    yield Text(source.say("contract"))
    yield Text(source.say("contract_effect"))
    yield source.facts(
        ("upkeep", f"{data.get('upkeep_months', 12)} {source.say('months')}"),
        ("standard", data.get("standard_version")),
        ("objection", data.get("objection_route")),
    )
    yield _signed(source, "sign_household", "sign_body")


def _consent(source: _Source) -> Iterator[Block]:
    yield from _case(source)
    yield Text(source.say("consent"))
    yield source.heading("inventory")
    rows = [[one["what"], str(one["count"]), one["condition"]] for one in source.data["inventory"]]
    yield Table(
        [source.say("what"), source.say("count"), source.say("condition")], rows, frozenset({1})
    )
    yield _signed(source, "sign_household", "sign_body")


def _referral(source: _Source) -> Iterator[Block]:
    yield source.facts(("authority", source.data.get("authority")))
    yield from _case(source)
    yield Text(source.say("referral"))
    if source.data.get("reason"):
        yield source.heading("reason")
        yield Text(str(source.data["reason"]))
    yield _end(source)
    yield _signed(source, "sign_body")


def _acceptance(source: _Source) -> Iterator[Block]:
    yield from _case(source)
    inspected = source.data.get("inspected") or {}
    yield source.facts(
        ("inspected_on", source.day(inspected.get("on"))), ("inspected_by", inspected.get("by"))
    )
    yield Text(source.say("acceptance"))
    yield _end(source)
    yield _signed(source, "sign_first", "sign_second")


def _minutes(source: _Source) -> Iterator[Block]:
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
    yield _end(source)


def _end(source: _Source) -> Facts:
    return source.facts(
        ("issued_by", source.record.issued_by), ("issued_on", source.day(source.record.issued_on))
    )


def _signed(source: _Source, *keys: str) -> Signatures:
    return Signatures([source.say(key) for key in keys], source.say("sign_date"))


_KINDS: dict[Document, Callable[[_Source], Iterator[Block]]] = {
    Document.ANNOUNCEMENT: _announcement,
    Document.CREDIT_CONTRACT: _contract,
    Document.ASSISTANCE_CONSENT: _consent,
    Document.REFERRAL: _referral,
    Document.ACCEPTANCE_FORM: _acceptance,
    Document.MINUTES: _minutes,
}
