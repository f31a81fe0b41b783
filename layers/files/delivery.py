"""A file as it was delivered: its features, where they come from, what is to be said of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import geopandas
from pyproj import CRS

from gis.problems import Problem

SHOWN_ROWS = 8


@dataclass(frozen=True)
class Notice:
    """Something that a person should know of an input that is accepted all the same.

    ``rows`` count from 1; none stands for the whole file.
    """

    code: str
    message: str
    rows: tuple[int, ...] = ()

    def __str__(self) -> str:
        """Return the notice as one line, with the first of its rows."""
        return f"{self.message}{row_list(self.rows)}"


@dataclass(frozen=True)
class Delivery:
    """The features of one layer of one file, in the file's own CRS, and their provenance.

    ``frame`` has one row per feature, indexed from 1 in the file's order, with
    the file's columns, those that a mapping names under our names, and the
    active column ``geometry`` in two dimensions (``None`` for a missing one, and
    for one that cannot be built: then ``problems`` says why and ``broken`` keeps
    its WKB by row). ``crs`` is ``None`` where nobody named one; ``crs_origin`` is
    ``file``, ``format`` (GeoJSON and KML are degrees by their standard),
    ``person`` or ``none``. ``sha256`` is that of the file as delivered, of a zip
    of its parts where it has several (see ``staging.original``).
    ``problems`` must be refused together with those that the gates find.
    """

    frame: geopandas.GeoDataFrame
    file_name: str
    sha256: str
    layer: str
    layers: tuple[str, ...]
    driver: str
    encoding: str
    crs: CRS | None
    crs_origin: str
    fields: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    notices: tuple[Notice, ...] = ()
    broken: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def crs_text(self) -> str:
        """The CRS as ``EPSG:n`` where it has a code, else as WKT; empty where there is none."""
        return "" if self.crs is None else describe_crs(self.crs)


def describe_crs(crs: CRS) -> str:
    """Return ``EPSG:n`` (or another authority's code), else the WKT."""
    authority = crs.to_authority(min_confidence=70)
    return ":".join(authority) if authority else str(crs.to_wkt())


def name_crs(crs: CRS) -> str:
    """Return a CRS's code and name for a message."""
    authority = crs.to_authority(min_confidence=70)
    return f"{':'.join(authority)} ({crs.name})" if authority else str(crs.name)


def row_list(rows: tuple[int, ...] | list[int]) -> str:
    """Return `` Rows 1, 2, 3 and 40 more.``, empty where there are none."""
    if not rows:
        return ""
    shown = ", ".join(str(row) for row in rows[:SHOWN_ROWS])
    more = f" and {len(rows) - SHOWN_ROWS:,} more" if len(rows) > SHOWN_ROWS else ""
    return f" Row{'s' if len(rows) > 1 else ''} {shown}{more}."
