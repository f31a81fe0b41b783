"""What was measured of one case, observation by observation, as a survey sheet lists it."""

import uuid
from typing import Any

from sqlalchemy.orm import Session

from cases.ground import measured
from cases.models import Encroachment
from cases.paper_ground import standing
from layers.models import Community, Observation, Parcel


def survey_lines(session: Session, community: Community, case_id: uuid.UUID) -> dict[str, Any]:
    """Return the lines of a survey sheet, their sum in m2, and the RMS of their vertices.

    It takes in what nobody has verified yet; that is what the sheet is for.
    """
    rows = session.execute(
        measured()
        .where(
            Encroachment.community_id == community.id,
            Encroachment.cleared_on.is_(None),
            standing([case_id], suspected=True),
        )
        .order_by(Parcel.ref, Observation.ref)
    ).all()
    return {
        "observations": [_line(*row) for row in rows],
        "m2": round(sum(found.occupied_m2 for found, _seen, _parcel in rows), 2),
        "rms": ", ".join(f"{one:.2f} m" for one in sorted({seen.rms_m for _, seen, _ in rows})),
    }


def _line(found: Encroachment, seen: Observation, parcel: Parcel) -> dict[str, Any]:
    return {
        "ref": seen.ref,
        "observed_on": seen.observed_on.isoformat(),
        "structure": seen.structure_type,
        "parcel": parcel.ref,
        "title_basis": parcel.title_basis,
        "is_disputed": parcel.title_disputed,
        "m2": round(found.occupied_m2, 2),
        "uncertainty_m2": round(2 * found.sigma_m2, 2),
    }
