"""A bundle of the demo compound, as the server would prepare it for some buildings."""

import datetime as dt
import json
import uuid
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from cases.demo.layout import DemoCompound, layout
from gis.crs import SurveyCRS
from gis.phone import phone_survey

Json = dict[str, Any]
NEAR_M = 15.0
SURVEY = SurveyCRS(4550)
STATES = ("verified", "announced", "signed", "self_clearing", "declined")


def identifier(kind: str, ref: str) -> str:
    """Return the same identifier for the same thing each time."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}/{ref}"))


def stored(shape: shapely.Geometry) -> Json:
    """Return a shape of the survey as GeoJSON in degrees."""
    moved = SURVEY.to_storage(np.array([shape], dtype=object))[0]
    made: Json = json.loads(shapely.to_geojson(moved))
    return made


def build_bundle(buildings: tuple[str, ...] = ("12",)) -> Json:
    """Return the bundle of some buildings: their ground and all within 15 m of it."""
    compound = layout(1, finished=False)
    own = compound.parcels[compound.parcels["building"].isin(buildings)]
    around = shapely.buffer(shapely.union_all(own.geometry), NEAR_M)
    west, south, east, north = shapely.bounds(
        SURVEY.to_storage(np.array([compound.boundary], dtype=object))[0]
    ).tolist()
    observations = _near(compound.observations, around)
    return {
        "place": compound.code,
        "name": compound.name,
        "prepared_at": "2026-11-27T00:30:00.000Z",
        "survey": phone_survey(SURVEY, (west, south, east, north)),
        "boundary": stored(compound.boundary),
        "tolerances": {"width_factor": 2.0, "sigma_factor": 2.0, "noise_m": 1e-6, "noise_m2": 1e-6},
        "sketch_rms_m": 0.3,
        "buildings": [
            {"id": identifier("building", row.ref), "ref": row.ref, "name": row.name_}
            | {"geometry": stored(row.geometry)}
            for row in _near(compound.buildings.rename(columns={"name": "name_"}), around)
        ],
        "parcels": [
            _parcel(row, buildings, compound)
            for row in _near(compound.parcels, around)
            if row.kind in ("public_green", "private_yard", "path")
        ],
        "observations": [_observation(row) for row in observations],
        "encroachments": [_encroachment(row, compound) for row in observations],
        "cases": [
            {"id": identifier("case", row.ref), "number": f"A-{number + 101:04d}"}
            | {"state": STATES[number % len(STATES)], "household": row.occupier_ref, "parcels": []}
            for number, row in enumerate(observations)
        ],
        "photographs": [],
        "waiting": [],
        "base_maps": [],
    }


def _near(table: gpd.GeoDataFrame, around: shapely.Geometry) -> list[Any]:
    return list(table[table.geometry.intersects(around)].itertuples())


def _parcel(row: Any, buildings: tuple[str, ...], compound: DemoCompound) -> Json:
    households = [row.household] if isinstance(row.household, str) and row.household else []
    return {
        "id": identifier("parcel", row.ref),
        "ref": row.ref,
        "kind": row.kind,
        "title_basis": row.title_basis,
        "title_disputed": False,
        "rms_m": row.rms_m,
        "area_m2": row.geometry.area,
        "building": row.building if row.building in buildings else None,
        "households": households,
        "surveyed_on": None,
        "geometry": stored(row.geometry),
    }


def _observation(row: Any) -> Json:
    return {
        "id": identifier("observation", row.ref),
        "ref": row.ref,
        "version": "1",
        "status": "open",
        "purpose": row.purpose,
        "structure_type": row.structure_type,
        "observed_on": str(row.observed_on)[:10],
        "rms_m": row.rms_m,
        "area_m2": row.geometry.area,
        "note": row.note,
        "geometry": stored(row.geometry),
        "photographs": [],
    }


def _encroachment(row: Any, compound: DemoCompound) -> Json:
    greens = compound.parcels[compound.parcels["kind"] == "public_green"]
    ground = greens[greens.geometry.intersects(row.geometry)]
    taken = shapely.intersection(row.geometry, shapely.union_all(ground.geometry))
    parts = [part for part in shapely.get_parts(taken) if part.geom_type == "Polygon"]
    return {
        "id": identifier("encroachment", row.ref),
        "observation": identifier("observation", row.ref),
        "parcel": identifier("parcel", ground.iloc[0]["ref"]) if len(ground) else None,
        "case": identifier("case", row.ref),
        "occupied_m2": taken.area,
        "verified_on": "2026-03-01",
        "cleared_on": None,
        "geometry": stored(shapely.MultiPolygon(parts)) if parts else None,
    }


def draft(bundle: Json, **more: Any) -> Json:
    """Return a fresh draft of an enclosure."""
    made = dt.datetime(2026, 11, 27, 1, 0, tzinfo=dt.UTC).isoformat()
    return {
        "id": str(uuid.UUID(int=1)),
        "place": bundle["place"],
        "account": str(uuid.UUID(int=2)),
        "kind": "enclosure",
        "state": "draft",
        "geometry": None,
        "method": "drawn",
        "rms_m": None,
        "fixes": [],
        "position": None,
        "structure_types": [],
        "height_m": None,
        "plants": "",
        "note": "",
        "household": None,
        "corrects": None,
        "keep_both": False,
        "follows": None,
        "phone_area_m2": None,
        "created_at": made,
        "changed_at": made,
        "prepared_at": bundle["prepared_at"],
    } | more
