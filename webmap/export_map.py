"""The community map as one HTML file that opens with no server and no network.

Folium has rendered its shell before any data is added (SAFETY, finding 1): the
data stands beside it in JSON blocks that no template reads. Scripts and styles
are inside, the policy in the file allows those scripts by their hashes and no
connection at all. Households, documents and names are not in the file: whoever
gets it learns what stands where, not who answers for it.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babel.dates import format_date
from sqlalchemy import Numeric, cast, func, select
from sqlalchemy.orm import Session

from cases.figures import figures
from cases.ledger import today
from cases.map_data import ChangeDay, change_days
from cases.map_tiles import day_since_epoch, tile_layers
from cases.models import Encroachment
from layers.features import MapPlace, Place, map_place
from layers.models import Community, Observation, Parcel
from layers.tiles import TileLayer
from webmap.map_words import load_words
from webmap.shell import SCRIPTS, STYLES, build_shell, map_config
from webmap.standalone import block, policy, script, style, template, write_page
from webmap.toml_words import CHINESE

HERE = Path(__file__).parent
STATIC = HERE / "static"
# Degrees to 7 decimals: a centimetre.
DECIMALS = 7

Progress = Callable[[Sequence[ChangeDay]], Iterable[ChangeDay]]


@dataclass(frozen=True)
class MapData:
    """What a file shows: the place, its layers as GeoJSON, its days and their figures."""

    place: MapPlace
    layers: dict[str, dict[str, Any]]
    days: dict[str, Any]
    figures: list[dict[str, Any]]
    exported: dt.date


def write_map(
    session: Session, community_id: int, path: Path, language: str, progress: Progress = iter
) -> None:
    """Write the map of a community, whole or not at all.

    ``session`` sees this community and no other, as its change days are those of
    all it sees; raises ``ValueError`` otherwise. ``progress`` wraps the days,
    whose figures take the most time.
    """
    write_page(path, render_file(read_map(session, community_id, progress), language))


def read_map(session: Session, community_id: int, progress: Progress = iter) -> MapData:
    """Return everything that the file of a community holds."""
    seen = session.scalars(select(Community.id)).all()
    if list(seen) != [community_id]:
        raise ValueError(f"the session sees the communities {sorted(seen)}")
    community = session.get_one(Community, community_id)
    place = Place(
        "community",
        community.id,
        community.code,
        community.name,
        frozenset({community.id}),
        community.survey_srid,
    )
    days = change_days(session)
    return MapData(
        place=map_place(session, place),
        layers={layer.name: _collection(session, layer) for layer in tile_layers()},
        days=_days_block(days),
        figures=_figures_of(session, community, progress(days)),
        exported=today(community),
    )


def _collection(session: Session, layer: TileLayer) -> dict[str, Any]:
    """Return a layer as GeoJSON with the properties of its tiles; NULL is no property."""
    shape = func.ST_AsGeoJSON(layer.geom, DECIMALS).label("shape")
    rows = session.execute(layer.rows.add_columns(*_more_columns(layer.name), shape)).mappings()
    return {"type": "FeatureCollection", "features": [_feature(dict(row)) for row in rows]}


def _feature(row: dict[str, Any]) -> dict[str, Any]:
    geometry = json.loads(row.pop("shape"))
    properties = {name: value for name, value in row.items() if value is not None}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _more_columns(layer: str) -> list[Any]:
    """Return what a page asks its server for and a file has to bring along."""
    if layer == "parcels":
        return [_rounded(Parcel.area_m2).label("area_m2"), Parcel.rms_m]
    if layer == "encroachments":
        # Two standard deviations, as areas are reported (DOMAIN 13).
        uncertainty = _rounded(2 * Encroachment.sigma_m2).label("uncertainty_m2")
        structure = _of_observation(Observation.structure_type).label("structure")
        seen = _of_observation(day_since_epoch(Observation.observed_on)).label("seen")
        return [uncertainty, structure, seen]
    return []


def _of_observation(column: Any) -> Any:
    """Return what the observation behind an encroachment says."""
    return (
        select(column)
        .where(
            Observation.community_id == Encroachment.community_id,
            Observation.id == Encroachment.observation_id,
        )
        .scalar_subquery()
    )


def _rounded(column: Any) -> Any:
    return cast(func.round(cast(column, Numeric), 2), Parcel.area_m2.type)


def _days_block(days: Sequence[ChangeDay]) -> dict[str, Any]:
    listed = [{"day": one.day.isoformat(), "events": one.events} for one in days]
    ends = (listed[0]["day"], listed[-1]["day"]) if listed else (None, None)
    return {"first": ends[0], "last": ends[1], "days": listed}


def _figures_of(
    session: Session, community: Community, days: Iterable[ChangeDay]
) -> list[dict[str, Any]]:
    """Return the figures of each day, naming only what differs from the day before."""
    changes = []
    total: dict[str, Any] = {}
    rows: dict[Any, dict[str, Any]] = {}
    for one in days:
        found = figures(session, [community], one.day)
        parts = {row["building"]: row for row in found.pop("by_building")}
        found.pop("as_of")
        changes.append(
            {
                "day": one.day.isoformat(),
                "total": _differing(found, total),
                "by_building": [
                    {"building": ref, **changed}
                    for ref, row in parts.items()
                    if (changed := _differing(row, rows.get(ref, {})))
                ],
            }
        )
        total, rows = found, parts
    return changes


def _differing(now: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in now.items() if before.get(name) != value}


def render_file(data: MapData, language: str) -> str:
    """Return the file's HTML."""
    shell = build_shell()
    words = load_words(language)
    vendor = STATIC / "vendor"
    scripts = [script(vendor / path) for path in shell.scripts]
    scripts.append(shell.script)
    scripts += [script(STATIC / "js" / path) for path in SCRIPTS]
    config = map_config(data.place, language, embedded=True, csrf="")
    return template("map_file.html").render(
        place=data.place,
        language=language,
        words=words,
        shell=shell,
        exported=_long_date(data.exported, language),
        policy=policy(scripts),
        styles=[style(vendor / path) for path in shell.styles]
        + [style(STATIC / "css" / path) for path in STYLES],
        scripts=scripts,
        blocks={
            "map-config": block(config),
            "map-words": block(words),
            "map-data": block(data.layers),
            "map-days": block(data.days),
            "map-figures": block(data.figures),
        },
    )


def _long_date(day: dt.date, language: str) -> str:
    return format_date(day, "long", CHINESE if language.startswith("zh") else "en_GB")
