"""What must always hold, verified against the database itself."""

from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.orm import Session

from cases.area_checks import area_violations
from cases.chain import Head, first_fault
from cases.field.checks import field_violations
from cases.photograph_files import PhotographFiles
from cases.photographs import hashes
from cases.record_checks import record_violations
from cases.violations import Violation
from layers.db import durability_faults, role_faults
from layers.models import Community

__all__ = ["Violation", "check_community", "check_database", "check_photographs"]


def check_database(session: Session) -> list[Violation]:
    """Return what is wrong with the server and its roles (SAFETY)."""
    connection = session.connection()
    faults = [Violation("role", "database", fault) for fault in role_faults(connection)]
    faults += [Violation("durability", "database", f) for f in durability_faults(connection)]
    marked = session.scalar(
        text(
            "SELECT proleakproof FROM pg_proc"
            " WHERE oid = 'geometry_overlaps(geometry, geometry)'::regprocedure"
        )
    )
    if not marked:
        message = (
            "geometry_overlaps is not marked leakproof, so row-level security turns spatial"
            " look-ups into full scans: as a superuser run ALTER FUNCTION"
            " geometry_overlaps(geometry, geometry) LEAKPROOF."
        )
        faults.append(Violation("leakproof", "database", message))
    return faults


def check_community(
    session: Session, community: Community, noted: Head | None = None
) -> list[Violation]:
    """Return every broken invariant of one community.

    ``noted`` is a head of its chain that somebody wrote down earlier.
    """
    return [
        *_history(session, community, noted),
        *record_violations(session, community),
        *field_violations(session, community),
        *area_violations(session, community),
    ]


def check_photographs(
    session: Session, community: Community, files: PhotographFiles
) -> Iterator[Violation]:
    """Yield each photograph whose file is not what its row says (DOMAIN 16)."""
    for sha256, fault in files.faults(hashes(session, [community.id])):
        message = f"Of the photograph {sha256.hex()[:16]}... {fault}."
        yield Violation("photograph", community.code, message)


def _history(session: Session, community: Community, noted: Head | None) -> Iterator[Violation]:
    """History is what was recorded, each row in its place (SAFETY, "History")."""
    fault = first_fault(session, community, noted)
    if fault is not None:
        yield Violation("chain", community.code, str(fault))
