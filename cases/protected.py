"""Ground that carries a verified case: an import may not move it from under the case."""

import uuid
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from cases.models import Case, Encroachment
from layers.bulk import among
from layers.models import Household, Parcel


def protected_parcels(
    session: Session, community_id: int, parcels: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, str]:
    """Return which of ``parcels`` carry a verified enclosure that still stands, and whose.

    What was verified is in the area ledger with its polygon; another outline of
    the parcel would contradict it.
    """
    return {
        key: f"Parcel {parcel} carries a verified enclosure of household {household}."
        for key, (parcel, household) in carried(session, community_id, parcels).items()
    }


def carried(
    session: Session, community_id: int, parcels: Sequence[uuid.UUID]
) -> Mapping[uuid.UUID, tuple[str, str]]:
    """Return the refs of the protected ones among ``parcels``, and of the households."""
    query = (
        select(Parcel.id, Parcel.ref, Household.ref)
        .join(
            Encroachment,
            (Encroachment.community_id == Parcel.community_id)
            & (Encroachment.parcel_id == Parcel.id),
        )
        .join(Case, (Case.community_id == Parcel.community_id) & (Case.id == Encroachment.case_id))
        .join(
            Household,
            (Household.community_id == Parcel.community_id) & (Household.id == Case.household_id),
        )
        .where(Parcel.community_id == community_id, among(Parcel.id, parcels))
        .where(Encroachment.verified_on.is_not(None), Encroachment.superseded_on.is_(None))
        .where(Encroachment.standing.is_not(None))
    )
    return {key: (parcel, household) for key, parcel, household in session.execute(query)}
