"""What papers are made of, before they are docx or PDF: a title, its number, and blocks of text.

Everything that people wrote stays a value: nothing here is a template, so that no text
can be evaluated (SAFETY, "Three findings").
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


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


Rings = Sequence[Sequence[Sequence[float]]]
# A scale bar is one of these long, in metres, and about a fifth of its plan.
_BARS_M = (1, 2, 5, 10, 20, 50, 100, 200, 500)
# Fill and outline of buildings, of a household's parcels, and of the ground that is meant.
BUILDING_COLOURS = ("#e3e0d8", "#8d877a")
PARCEL_COLOURS = ("#dfead2", "#6f8f4f")
GROUND_COLOURS = ("#b5541a", "#7a3200")


@dataclass(frozen=True)
class Plan:
    """A small map: rings in metres from the south-western corner, ``size`` in metres.

    ``ground`` is what the paper means, drawn over the ``parcels`` on which it lies.
    """

    size: tuple[float, float]
    buildings: Rings
    parcels: Rings
    ground: Rings
    note: str

    def layers(self) -> Iterator[tuple[tuple[str, str], Rings]]:
        """Yield fill and outline with the rings, in the order of drawing."""
        yield BUILDING_COLOURS, self.buildings
        yield PARCEL_COLOURS, self.parcels
        yield GROUND_COLOURS, self.ground

    @property
    def bar_m(self) -> int:
        """Return how long the scale bar is, in metres."""
        return max(one for one in _BARS_M if one <= max(max(self.size) / 5, 1))


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
