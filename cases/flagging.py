"""Flag encroachments in the database: what waits is laid over the parcels.

The geometry is :mod:`gis.encroachment`'s. Here the ground that was verified is
kept from being counted again, cleared ground that is taken again becomes a rebound
of its case, results are compared with what is known so that a second run changes
nothing, and each household that answers gets its case.
"""

import datetime as dt
import gc
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, fields

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from sqlalchemy import Integer, delete, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from cases.answers import Answer, Key, answers
from cases.flag_load import Surroundings, load, standing_and_freed
from cases.flag_write import Writer
from cases.policy import Policy
from gis import encroachment
from gis.area import Tolerances, area_m2
from gis.crs import Geometries, SurveyCRS
from gis.precision import firm
from layers.bulk import listed
from layers.db import EVERYWHERE, Database
from layers.frames import geometries, keys
from layers.models import Community, WaitingObservation
from layers.places import GROUND_LOCK

# Two geometries are the same where no vertex moved by more than this, in metres.
SAME_M = 1e-4
# Countable areas are computed along arcs of walls, and are the same within this, in m2.
SAME_M2 = 1e-3
# About 10 m to each side at least, twice what the door lets lie outside a boundary.
MARGIN_DEGREES = 2e-4
# As many as there are processors: a worker more was slower, as all share one interpreter
# and PostgreSQL works beside them. More connections than four would be taken from those who serve.
WORKERS = min(4, os.cpu_count() or 1)
# A batch costs some hundredths of a second before its first polygon, and some megabytes.
LARGEST_BATCH = 64


@dataclass
class FlagReport:
    """What a run of flagging did; areas in m2 of the survey CRS."""

    observations: int = 0
    new: int = 0
    kept: int = 0
    ended: int = 0
    rebounds: int = 0
    slivers: int = 0
    unknown_title: int = 0
    undecided: int = 0
    cases_opened: int = 0
    new_m2: float = 0.0
    notes: list[str] = field(default_factory=list)

    def add(self, other: "FlagReport") -> None:
        """Add the counts of another run."""
        for item in fields(self):
            setattr(self, item.name, getattr(self, item.name) + getattr(other, item.name))


def flag(
    session: Session,
    communities: Sequence[Community],
    *,
    at: dt.datetime | None = None,
    actor: str = "flagging",
) -> FlagReport:
    """Lay the waiting observations of ``communities`` over their parcels.

    The communities share a survey CRS and a policy and do not overlap
    (:func:`batches` sees to it). The caller commits. A second call changes nothing.
    """
    ids = sorted(community.id for community in communities)
    _lock(session, ids)
    policy = Policy.of(communities[0].policy)
    survey = SurveyCRS(communities[0].survey_srid)
    found = load(session, ids, policy.tolerances.wall_strip_m)
    if found is None:
        return FlagReport()
    overlay = _overlay(found, survey, policy.tolerances)
    writer = Writer(session, {c.id: c for c in communities}, survey, at, actor)
    report = FlagReport(observations=len(found.waiting))
    _settle(found, overlay, writer, report)
    _take_out(session, found.waiting)
    return report


def flag_all(
    database: Database,
    ids: Collection[int] | None,
    *,
    at: dt.datetime | None = None,
    actor: str = "flagging",
    done: Callable[[int], None] = lambda _count: None,
    workers: int = WORKERS,
) -> FlagReport:
    """Flag the communities ``ids`` (all where ``None``), committing batch by batch.

    ``workers`` batches run side by side, each in its own thread and connection: while
    one waits for the database or is inside GEOS, another computes. ``done`` hears how
    many communities each batch held. A batch that fails leaves what others committed,
    and what it held waits as it did; those not yet begun are not begun.
    """
    with database.session(EVERYWHERE) as session:
        chosen = select(Community)
        if ids is not None:
            chosen = chosen.where(Community.id.in_(ids))
        communities = session.scalars(chosen).all()
    groups = batches(communities, most=min(LARGEST_BATCH, -(-len(communities) // workers)))

    def flag_batch(group: list[Community]) -> FlagReport:
        with database.session(EVERYWHERE) as session, session.begin():
            return flag(session, group, at=at, actor=actor)

    total = FlagReport()
    with _without_collector(), ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(flag_batch, group) for group in groups]
        try:
            for group, future in zip(groups, running, strict=True):
                total.add(future.result())
                done(len(group))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return total


@contextmanager
def _without_collector() -> Iterator[None]:
    """Spare a batch run the collector of cycles.

    A batch makes millions of objects that live as long as it does and hardly a cycle
    among them; the collector took a third of the time to look through them.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def batches(communities: Sequence[Community], most: int = LARGEST_BATCH) -> list[list[Community]]:
    """Group communities that can be flagged together, at most ``most`` in a group.

    A community without boundary is flagged alone, as are neighbours whose
    boundaries' boxes overlap: otherwise one's enclosure could meet the other's parcel.
    """
    groups: list[tuple[object, list[shapely.Geometry], list[Community]]] = []
    for community in sorted(communities, key=lambda c: c.id):
        box = _box(community)
        kind = (community.survey_srid, tuple(sorted(community.policy.items())))
        for other, boxes, members in reversed(groups[-4:]):
            fits = box is not None and len(members) < most and other == kind
            if fits and boxes and not shapely.intersects(box, np.array(boxes)).any():
                boxes.append(box)
                members.append(community)
                break
        else:
            groups.append((kind, [] if box is None else [box], [community]))
    return [members for _kind, _boxes, members in groups]


@dataclass(frozen=True)
class Overlay:
    """Pieces of common green under the subjects, in the survey CRS, and the rest."""

    pieces: pd.DataFrame
    rebounds: pd.DataFrame
    findings: pd.DataFrame
    subjects: list[Key]


def _lock(session: Session, communities: Sequence[int]) -> None:
    """Let one flagging run at a time touch a community."""
    numbers = func.unnest(literal(sorted(communities), ARRAY(Integer))).column_valued("number")
    session.execute(select(func.pg_advisory_xact_lock(GROUND_LOCK, numbers)))


def _box(community: Community) -> shapely.Geometry | None:
    if community.boundary is None:
        return None
    west, south, east, north = shapely.from_wkb(bytes(community.boundary.data)).bounds
    # Features may lie a little outside their boundary.
    return shapely.box(
        west - MARGIN_DEGREES, south - MARGIN_DEGREES, east + MARGIN_DEGREES, north + MARGIN_DEGREES
    )


def _overlay(found: Surroundings, survey: SurveyCRS, tolerances: Tolerances) -> Overlay:
    """Lay what was loaded over new ground, and over ground that was cleared before.

    Verified ground is taken, also where its observation has ended after some of it
    was cleared: what officials were told stays.
    """
    current = found.current
    ended = _among(current, _ended(found), "observation_id")
    ended &= current["cleared_on"].isna().to_numpy(dtype=bool)
    verified = current[current["verified_on"].notna().to_numpy(dtype=bool) & ~ended]
    verified = verified.reset_index(drop=True)
    context = found.observations
    targets = context["affected"].to_numpy(dtype=bool)
    observations = _ranked(context, survey)
    standing = survey.to_survey(geometries(verified, "standing"))
    standing = standing[~shapely.is_missing(standing)]
    cleared, freed = _freed(verified, survey)
    flagged = encroachment.flag(
        observations,
        _parcels(found.parcels, survey),
        tolerances,
        targets=targets,
        taken=np.concatenate([standing, freed]),
        walls=survey.to_survey(found.walls),
    )
    pieces = _pieces(flagged.encroachments, context, found.parcels)
    return Overlay(
        pieces[~_known(pieces, verified)].reset_index(drop=True),
        _rebounds(context, observations, targets, (cleared, freed), standing, tolerances),
        _findings(flagged.findings, context, found.parcels),
        keys(context[targets]),
    )


def _ended(found: Surroundings) -> list[Key]:
    """Return the waiting observations that were withdrawn or replaced."""
    return keys(found.waiting[~found.waiting["is_open"].astype(bool)])


def _among(table: pd.DataFrame, wanted: list[Key], column: str = "id") -> NDArray[np.bool_]:
    """Return which rows of ``table`` have one of the ``wanted`` keys."""
    if table.empty or not wanted:
        return np.zeros(len(table), dtype=bool)
    known = set(wanted)
    return np.array([key in known for key in keys(table, column)], dtype=bool)


def _ranked(observations: pd.DataFrame, survey: SurveyCRS) -> encroachment.Observations:
    """Give the ground to whoever was seen first, within a day to whoever was entered first.

    Parts of what was one have its place, and share no ground: the identifier decides there.
    """
    days = observations["observed_on"].to_numpy(dtype="datetime64[D]")
    entered = observations["entered"].to_numpy(dtype=np.int64)
    return encroachment.Observations(
        survey.to_survey(geometries(observations)),
        observations["rms_m"].to_numpy(dtype=np.float64),
        _places(_sortable(observations["id"]), entered, days),
    )


def _parcels(parcels: pd.DataFrame, survey: SurveyCRS) -> encroachment.Parcels:
    return encroachment.Parcels(
        survey.to_survey(geometries(parcels)),
        parcels["rms_m"].to_numpy(dtype=np.float64),
        _places(_sortable(parcels["id"])),
        parcels["accusation"].to_numpy(dtype=np.int64),
    )


def _places(*columns: NDArray[np.generic]) -> NDArray[np.int64]:
    """Return the place of each row when sorted by the last column, then those before it."""
    order = np.lexsort(columns)
    places = np.empty(len(order), dtype=np.int64)
    places[order] = np.arange(len(order))
    return places


def _sortable(identifiers: pd.Series) -> NDArray[np.bytes_]:
    """Return identifiers in a form that sorts as they do, and a hundred times as fast."""
    return np.array([identifier.bytes for identifier in identifiers], dtype="S16")


def _pieces(
    found: encroachment.Encroachments, observations: pd.DataFrame, parcels: pd.DataFrame
) -> pd.DataFrame:
    seen = observations.iloc[found.observation]
    pieces = pd.DataFrame(
        {
            "community_id": seen["community_id"].to_numpy(),
            "observation": found.observation,
            "observation_id": seen["id"].to_numpy(),
            "occupier_id": seen["occupier_id"].to_numpy(),
            "parcel_id": parcels["id"].to_numpy()[found.parcel],
            "geom": firm(found.geometry),
            "occupied_m2": found.occupied_m2,
            "countable_m2": found.countable_m2,
            "sigma_m2": found.sigma_m2,
        }
    )
    return pieces[pieces["geom"].notna()].reset_index(drop=True)


def _findings(
    found: encroachment.Findings, observations: pd.DataFrame, parcels: pd.DataFrame
) -> pd.DataFrame:
    seen = observations.iloc[found.observation]
    listed = pd.DataFrame(
        {
            "community_id": seen["community_id"].to_numpy(),
            "observation_id": seen["id"].to_numpy(),
            "parcel_id": parcels["id"].to_numpy()[found.parcel],
            "kind": found.kind,
            "area_m2": found.area_m2,
            "width_m": found.width_m,
            "reason": found.reason,
            "geom": firm(found.geometry),
        }
    )
    return listed[listed["geom"].notna()].reset_index(drop=True)


def _freed(verified: pd.DataFrame, survey: SurveyCRS) -> tuple[pd.DataFrame, Geometries]:
    """Return the verified encroachments of which something was cleared, and that ground."""
    _standing, freed = standing_and_freed(verified, survey)
    again = area_m2(freed) > 0
    return verified[again].reset_index(drop=True), freed[again]


def _known(pieces: pd.DataFrame, verified: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which pieces only add crumbs to ground that the same observation has verified."""
    if verified.empty:
        return np.zeros(len(pieces), dtype=bool)
    names = ["observation_id", "parcel_id"]
    known = set(zip(*(verified[name] for name in names), strict=True))
    found = zip(*(pieces[name] for name in names), strict=True)
    return np.array([pair in known for pair in found], dtype=bool)


def _rebounds(
    context: pd.DataFrame,
    observations: encroachment.Observations,
    targets: NDArray[np.bool_],
    clearances: tuple[pd.DataFrame, Geometries],
    standing: Geometries,
    tolerances: Tolerances,
) -> pd.DataFrame:
    """Lay observations over ground that was cleared before they were made.

    Each clearance stands for a parcel. What was seen on the day of a clearance or
    earlier is no rebound: it shows the ground as it was then.
    """
    cleared, freed = clearances
    if cleared.empty:
        return cleared.assign(again=None, by_observation=None)
    seen_on = context["observed_on"].to_numpy(dtype="datetime64[D]")
    found = [cleared.iloc[:0].assign(again=None, by_observation=None)]
    for day, rows in cleared.groupby("cleared_on"):
        later = np.flatnonzero(seen_on > np.datetime64(day, "D"))
        ground = freed[rows.index.to_numpy()]
        parcels = encroachment.Parcels(
            ground,
            rows["rms_m"].to_numpy(dtype=np.float64),
            np.arange(len(ground)),
            np.full(len(ground), encroachment.Accusation.COMMON),
        )
        after = encroachment.Observations(
            observations.geometry[later], observations.rms[later], observations.rank[later]
        )
        laid = encroachment.flag(
            after, parcels, tolerances, targets=targets[later], taken=standing
        ).encroachments
        found.append(
            rows.iloc[laid.parcel].assign(
                again=firm(laid.geometry),
                by_observation=context["id"].to_numpy()[later][laid.observation],
            )
        )
    return pd.concat([part for part in found if len(part)] or found[:1], ignore_index=True)


def _settle(found: Surroundings, overlay: Overlay, writer: Writer, report: FlagReport) -> None:
    """Compare with what is known; end, keep and begin encroachments."""
    current = found.current
    ended = _ended(found)
    mine = _among(current, keys(found.waiting) + overlay.subjects, "observation_id")
    verified = current["verified_on"].notna().to_numpy(dtype=bool)
    by_ended = _among(current, ended, "observation_id")
    before = current[mine & (~verified | by_ended)].reset_index(drop=True)
    pieces = _answered(overlay.pieces, answers(overlay.pieces, found.links, current[mine]))
    same = _same(before, pieces, writer.survey)
    kept = {old for old, _new in same}
    begun = pieces.drop(index=[new for _old, new in same]).reset_index(drop=True)
    gone = before.drop(index=list(kept)).reset_index(drop=True)
    report.kept = len(kept)
    report.ended = writer.end(gone, report.notes)
    writer.end_rebounds(ended)
    report.rebounds = writer.rebound(overlay.rebounds)
    report.new, report.undecided, report.cases_opened = writer.begin(begun)
    report.new_m2 = float(begun["occupied_m2"].sum())
    report.slivers, report.unknown_title = writer.list_findings(
        overlay.subjects + ended, overlay.findings
    )
    writer.post()


def _answered(pieces: pd.DataFrame, found: Sequence[Answer]) -> pd.DataFrame:
    households = pd.Series([household for household, _basis in found], dtype=object)
    return pieces.assign(household_id=households, answer_basis=[basis for _who, basis in found])


def _same(before: pd.DataFrame, pieces: pd.DataFrame, survey: SurveyCRS) -> list[tuple[int, int]]:
    """Return the pairs (row before, row of pieces) that say the same."""
    if before.empty or pieces.empty:
        return []
    names = ["community_id", "observation_id", "parcel_id"]
    known = before[names].assign(old=range(len(before)))
    pairs = known.merge(pieces[names].assign(new=range(len(pieces))), on=names)
    old, new = pairs["old"].to_numpy(), pairs["new"].to_numpy()
    was = survey.to_survey(geometries(before)[old])
    moved = shapely.hausdorff_distance(was, geometries(pieces)[new])
    same = (moved <= SAME_M) & _same_answers(before.iloc[old], pieces.iloc[new])
    return list(zip(old[same].tolist(), new[same].tolist(), strict=True))


def _same_answers(before: pd.DataFrame, pieces: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which pairs of rows name the same household, and count the same green."""
    who = [
        old == new for old, new in zip(before["household_id"], pieces["household_id"], strict=True)
    ]
    old, new = (table["countable_m2"].to_numpy(dtype=np.float64) for table in (before, pieces))
    same: NDArray[np.bool_] = np.array(who, dtype=bool) & (abs(old - new) <= SAME_M2)
    return same


def _take_out(session: Session, waiting: pd.DataFrame) -> None:
    """Let what was laid over the parcels wait no more."""
    seen = listed(keys(waiting))
    session.execute(
        delete(WaitingObservation)
        .where(
            WaitingObservation.community_id == seen.c.community_id,
            WaitingObservation.observation_id == seen.c.id,
        )
        .execution_options(synchronize_session=False)
    )
