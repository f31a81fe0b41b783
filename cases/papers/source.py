"""What a record says, in one language, and the blocks that papers of a case share."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from babel.dates import format_date

from cases.models import DocumentRecord
from cases.papers.blocks import Block, Facts, Plan, Signatures, Table, Text
from cases.papers.words import STRUCTURES, WORDS, say


@dataclass(frozen=True)
class Source:
    """A record and the language in which it is to be said."""

    record: DocumentRecord
    language: str

    @property
    def data(self) -> Mapping[str, Any]:
        """Return all that the paper says."""
        return self.record.data

    def say(self, key: str, **values: object) -> str:
        """Return our own words, with ``values`` in them."""
        words = say(WORDS[key], self.language)
        return words.format(**values) if values else words

    def day(self, value: dt.date | str | None) -> str:
        """Return a day as it is written in the language, nothing for none."""
        if value is None:
            return ""
        day = value if isinstance(value, dt.date) else dt.date.fromisoformat(value)
        return str(format_date(day, "long", locale=self.language))

    def short_day(self, value: str) -> str:
        """Return a day as a table has room for it."""
        return str(format_date(dt.date.fromisoformat(value), "medium", locale=self.language))

    def area(self, line: Mapping[str, Any]) -> str:
        """Return the area of a line in m2, with its uncertainty where it has one."""
        uncertainty = line.get("uncertainty_m2")
        return f"{line['m2']:,.2f}" + (f" ± {uncertainty:.2f}" if uncertainty is not None else "")

    def facts(self, *keys: tuple[str, object]) -> Facts:
        """Return the facts that are known, with their labels."""
        known = [(key, value) for key, value in keys if value not in (None, "")]
        return Facts([(self.say(key), str(value)) for key, value in known])

    def heading(self, key: str) -> Text:
        """Return a heading within the paper."""
        return Text(self.say(key), is_heading=True)


def case_blocks(source: Source, *, with_ground: bool = True) -> Iterator[Block]:
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
    if with_ground:
        yield from ground_blocks(source)


def ground_blocks(source: Source) -> Iterator[Block]:
    """Yield the ground of a case, parcel by parcel, and its total."""
    parcels = source.data.get("parcels") or []
    if not parcels:
        return
    rows = [
        [
            str(one["ref"]),
            say(STRUCTURES.get(one.get("structure", ""), ("", "")), source.language),
            source.area(one),
        ]
        for one in parcels
    ]
    rows.append([source.say("total"), "", f"{source.data['m2']:,.2f}"])
    yield source.heading("parcels")
    yield Table(
        [source.say("parcel"), source.say("structure"), source.say("area")], rows, frozenset({2})
    )
    yield source.facts(("survey", source.data.get("survey_crs")))


def end_facts(source: Source) -> Facts:
    """Return who issued a paper, and when."""
    return source.facts(
        ("issued_by", source.record.issued_by), ("issued_on", source.day(source.record.issued_on))
    )


def signed_lines(source: Source, *keys: str) -> Signatures:
    """Return the lines to be signed, by the words that stand under them."""
    return Signatures([source.say(key) for key in keys], source.say("sign_date"))


def plan_blocks(source: Source, heading: str, note: str) -> Iterator[Block]:
    """Yield the plan of a paper that has one; what a poster names is ground, not parcels."""
    if not (plan := source.data.get("map")):
        return
    yield source.heading(heading)
    width, height = plan["size"]
    ground = plan.get("ground")
    parcels = [] if ground is None else plan["parcels"]
    drawn = plan["parcels"] if ground is None else ground
    yield Plan((width, height), plan["buildings"], parcels, drawn, source.say(note))
