"""What households say they clear: declared areas, entered and taken back polygon by polygon."""

import shapely
from geoalchemy2.shape import to_shape
from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.ledger import Book, Moment, area, as_array
from cases.models import AreaEntry, Case, Encroachment, EntryKind


def declare(
    session: Session, book: Book, moment: Moment, case: Case, standing: list[Encroachment]
) -> None:
    """Enter all that stands as declared cleared, in place of what was declared before."""
    take_back_declared(session, book, moment, case)
    for found in standing:
        if found.standing is None:
            continue
        ground = _ground(book, to_shape(found.standing))
        key = (case.community_id, case.id, found.id)
        book.enter(EntryKind.DECLARED, moment, key, ground, area(ground))


def take_back_declared(session: Session, book: Book, moment: Moment, case: Case) -> None:
    """Reverse each declaration that was neither taken back nor followed by a clearance."""
    entries = session.scalars(
        select(AreaEntry)
        .where(
            AreaEntry.community_id == case.community_id,
            AreaEntry.case_id == case.id,
            AreaEntry.kind.in_([EntryKind.DECLARED, EntryKind.RECLAIMED]),
        )
        .order_by(AreaEntry.seq)
    ).all()
    still_open: dict[object, AreaEntry] = {}
    for entry in entries:
        if entry.kind is EntryKind.DECLARED and entry.area_m2 > 0:
            still_open[entry.encroachment_id] = entry
        else:
            still_open.pop(entry.encroachment_id, None)
    for entry in still_open.values():
        key = (case.community_id, case.id, entry.encroachment_id)
        ground = _ground(book, to_shape(entry.geom))
        book.enter(EntryKind.DECLARED, moment, key, ground, -entry.area_m2)


def _ground(book: Book, stored: shapely.Geometry) -> shapely.Geometry:
    return book.survey.to_survey(as_array([stored]))[0]
