"""Which field of a source is which of ours, remembered for its next delivery."""

import hashlib
from collections.abc import Mapping

from psycopg.types.json import Jsonb
from sqlalchemy import select
from sqlalchemy.orm import Session

from layers.bulk import copy_rows, replacing
from layers.files.delivery import Delivery
from layers.files.naming import CONSTANT, ROW_NUMBER
from layers.models import FieldMapping


def signature(delivery: Delivery) -> str:
    """Return what names a source: a hash of its columns, read without any mapping."""
    names = sorted(str(name) for name in delivery.frame.columns if name != "geometry")
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def recall(session: Session, community_id: int, kind: str, source: str) -> dict[str, str]:
    """Return the mapping with which a delivery of this source was last imported."""
    query = select(FieldMapping.mapping).where(
        FieldMapping.community_id == community_id,
        FieldMapping.delivers == kind,
        FieldMapping.source == source,
    )
    return dict(session.scalar(query) or {})


def remember(
    session: Session, community_id: int, kind: str, plain: Delivery, mapping: Mapping[str, str]
) -> None:
    """Keep a mapping for the next delivery of the source that was read as ``plain``.

    What was said of every row of one delivery is not said of the next.
    """
    source, names = signature(plain), {str(name) for name in plain.frame.columns}
    kept = {
        ours: theirs
        for ours, theirs in mapping.items()
        if theirs in names or not _is_constant(theirs)
    }
    columns = ["community_id", "delivers", "source", "mapping"]
    clause = replacing(session, columns[:3], columns)
    row = (community_id, kind, source, Jsonb(kept))
    copy_rows(session, FieldMapping, columns, [row], conflict=clause)


def _is_constant(name: str) -> bool:
    return not name or name.startswith(CONSTANT) or name == ROW_NUMBER
