"""A file taken into a community: read, checked, planned and written, or only planned."""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy.orm import Session

from gis.problems import InputError, Problem
from layers.door.admission import GateLimits
from layers.door.gates import check
from layers.door.kinds import find_kind
from layers.door.repair import Repair, repair
from layers.features import today
from layers.files.delivery import Delivery, Notice
from layers.files.reading import read
from layers.files.staging import ReadingLimits, original
from layers.imports.applying import Applied, apply
from layers.imports.completing import completed
from layers.imports.importing import Protect, place_of, plan
from layers.imports.mappings import recall, remember, signature
from layers.imports.plans import ImportOptions, ImportPolicy, Plan
from layers.models import Community
from layers.places import find_community, lock_community

MOST_BYTES = 512 * 1024**2
"""A delivery is kept in the database, whose values hold a gigabyte."""

Progress = Callable[[str], None]


class Repairing(enum.StrEnum):
    """What to do about broken polygons: refuse, show what a repair would do, or accept it."""

    NONE = "none"
    SHOW = "show"
    ACCEPT = "accept"


@dataclass(frozen=True)
class Reading:
    """How a file is to be read where it does not say so itself."""

    layer: str | None = None
    crs: str | None = None
    encoding: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    swap_xy: bool = False
    repair: Repairing = Repairing.NONE


@dataclass(frozen=True)
class Rules:
    """What the packages above have to say of an import."""

    policy: Callable[[Community], ImportPolicy] = lambda community: ImportPolicy()
    protect: Protect | None = None


class RefusedError(InputError):
    """A delivery that is refused for the community; ``delivery`` is what was read of it."""

    def __init__(
        self, problems: Sequence[Problem], community: Community, delivery: Delivery
    ) -> None:
        """Keep what was refused, so that it can be shown."""
        super().__init__(problems)
        self.community = community
        self.delivery = delivery


@dataclass(frozen=True)
class Outcome:
    """What an import does, and what it did: ``applied`` is ``None`` where it was only planned."""

    plan: Plan
    applied: Applied | None
    repairs: tuple[Repair, ...] = ()


def take_in(
    session: Session,
    code: str,
    kind: str,
    path: Path,
    reading: Reading,
    options: ImportOptions,
    *,
    rules: Rules | None = None,
    dry_run: bool = False,
    progress: Progress = lambda step: None,
) -> Outcome:
    """Import a file into the community ``code`` in one transaction, which this function ends.

    Raises ``InputError`` with everything that is refused; then, and with
    ``dry_run``, nothing is written. Without a mapping the one that was used for
    the last file with the same columns is used again.
    """
    rules = rules or Rules()
    find_kind(kind)
    try:
        community = find_community(session, code)
        lock_community(session, community.id)
        options = replace(options, policy=rules.policy(community))
        progress("Reading")
        delivery, plain = _read(session, community, kind, path, reading)
        delivery, repairs = _repaired(community, delivery, reading.repair, dry_run=dry_run)
        delivery, options = _dated(community, kind, delivery, options)
        progress("Checking")
        made = _planned(session, community, kind, delivery, options, rules.protect)
        made = _with_repairs(made, repairs)
        if dry_run:
            return Outcome(made, None, repairs)
        progress("Writing")
        _name, content = original(path, _limits())
        applied = apply(session, made, content, options.policy)
        if applied.survey_id is not None and reading.fields:
            remember(session, community.id, kind, plain, reading.fields)
        session.commit()
        return Outcome(made, applied, repairs)
    finally:
        session.rollback()


def _planned(
    session: Session,
    community: Community,
    kind: str,
    delivery: Delivery,
    options: ImportOptions,
    protect: Protect | None,
) -> Plan:
    """Check and plan a delivery; raises ``RefusedError``."""
    delivery = completed(delivery, kind, options)
    try:
        checked = check(delivery, place_of(session, community), kind, GateLimits())
        return plan(session, community, kind, delivery, checked, options, protect)
    except InputError as error:
        raise RefusedError(error.problems, community, delivery) from error


def _read(
    session: Session, community: Community, kind: str, path: Path, reading: Reading
) -> tuple[Delivery, Delivery]:
    """Read a file with the mapping given or remembered for its source, and without any."""
    plain = _read_with(path, reading, {})
    fields = dict(reading.fields)
    if fields:
        return _read_with(path, reading, fields), plain
    fields = recall(session, community.id, kind, signature(plain))
    if not fields:
        return plain, plain
    delivery = _read_with(path, reading, fields)
    listing = ", ".join(f"{ours}={theirs}" for ours, theirs in fields.items())
    notice = Notice("mapping_recalled", f"Read as the last file with these columns: {listing}.")
    return replace(delivery, notices=(*delivery.notices, notice)), plain


def _repaired(
    community: Community, delivery: Delivery, wanted: Repairing, *, dry_run: bool
) -> tuple[Delivery, tuple[Repair, ...]]:
    """Repair broken polygons where that is asked; refuse what nobody has accepted yet."""
    if wanted is Repairing.NONE:
        return delivery, ()
    repaired = repair(delivery, community.survey_srid)
    if repaired.repairs and wanted is Repairing.SHOW and not dry_run:
        remedy = "Accept it with --accept-repair, or correct the source."
        raise InputError(
            [
                Problem(
                    "repair_shown", f"Repaired: {say_repair(one)}.", remedy, one.row, "geometry"
                )
                for one in repaired.repairs
            ]
        )
    return repaired.delivery, repaired.repairs


def say_repair(one: Repair) -> str:
    """Return what a repair did to a feature."""
    pieces = f", now in {one.parts} parts" if one.parts > 1 else ""
    return f"{one.reason}; {one.before_m2:.2f} m2 before, {one.after_m2:.2f} m2 after{pieces}"


def _with_repairs(made: Plan, repairs: tuple[Repair, ...]) -> Plan:
    """Keep with the survey what was done to its file."""
    if not repairs:
        return made
    done = "; ".join(f"row {one.row} repaired: {say_repair(one)}" for one in repairs)
    made.notices.append(Notice("repaired", f"{done}."))
    given = made.provenance
    return replace(made, provenance=replace(given, transform=f"{given.transform}\n{done}"))


def _dated(
    community: Community, kind: str, delivery: Delivery, options: ImportOptions
) -> tuple[Delivery, ImportOptions]:
    """Date a register that nobody dated; an observation without its day is refused."""
    if kind == "observations" or options.surveyed_on is not None:
        return delivery, options
    day = today([community])
    notice = Notice("date_assumed", f"No --date is given: the file is taken to be of {day}.")
    dated = replace(delivery, notices=(*delivery.notices, notice))
    return dated, replace(options, surveyed_on=day)


def _read_with(path: Path, reading: Reading, fields: Mapping[str, str]) -> Delivery:
    return read(
        path,
        layer=reading.layer,
        crs=reading.crs,
        encoding=reading.encoding,
        fields=fields,
        swap_xy=reading.swap_xy,
        limits=_limits(),
    )


def _limits() -> ReadingLimits:
    return ReadingLimits(file_bytes=MOST_BYTES)
