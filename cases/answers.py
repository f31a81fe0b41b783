"""Who answers for an enclosure (decision 10 of the design)."""

import uuid
from collections import defaultdict

import numpy as np
import pandas as pd

from cases.models import AnswerBasis
from layers.frames import keys

Key = tuple[int, uuid.UUID]
Answer = tuple[uuid.UUID | None, AnswerBasis]


def answers(pieces: pd.DataFrame, links: pd.DataFrame, before: pd.DataFrame) -> list[Answer]:
    """Return who answers for each piece, the same for all pieces of an observation.

    ``pieces`` counts observations in its column ``observation``; ``links`` joins
    parcels to households. ``before`` holds the encroachments that an earlier run
    found: answers that a person gave, or verified, stay for the whole enclosure.
    """
    near = _near(pieces, links)
    decided = _decided(before)
    numbers, first, owner = np.unique(
        pieces["observation"].to_numpy(dtype=np.int64), return_index=True, return_inverse=True
    )
    of_each = pieces.iloc[first]
    found = [
        decided.get(key) or answer(occupier, near.get(number, set()))
        for number, occupier, key in zip(
            numbers.tolist(), of_each["occupier_id"], keys(of_each, "observation_id"), strict=True
        )
    ]
    return [found[at] for at in owner]


def answer(occupier: uuid.UUID | None, linked: set[uuid.UUID]) -> Answer:
    """Return who answers for one enclosure.

    ``occupier`` is the household that the survey names, ``linked`` those of all
    parcels that the enclosure takes from. A named occupier answers unless the
    parcels belong to others only; without one a single linked household does.
    """
    if occupier is not None and (not linked or occupier in linked):
        return occupier, AnswerBasis.OCCUPIER
    if occupier is None and len(linked) == 1:
        return next(iter(linked)), AnswerBasis.PARCEL_LINK
    return None, AnswerBasis.UNDECIDED


def _near(pieces: pd.DataFrame, links: pd.DataFrame) -> dict[int, set[uuid.UUID]]:
    """Return the households linked to the parcels that each observation takes from."""
    near: dict[int, set[uuid.UUID]] = defaultdict(set)
    linked: dict[Key, set[uuid.UUID]] = defaultdict(set)
    for parcel, household in zip(keys(links, "parcel_id"), links["household_id"], strict=True):
        linked[parcel].add(household)
    if linked:
        for number, parcel in zip(pieces["observation"], keys(pieces, "parcel_id"), strict=True):
            near[number].update(linked.get(parcel, ()))
    return near


def _decided(before: pd.DataFrame) -> dict[Key, Answer]:
    """Return the answers that stay: a person gave them, or verified the ground under them."""
    stays = before["household_id"].notna() & (
        (before["answer_basis"] == AnswerBasis.PERSON) | before["verified_on"].notna()
    )
    rows = before[stays]
    return {
        key: (household, AnswerBasis(basis))
        for key, household, basis in zip(
            keys(rows, "observation_id"), rows["household_id"], rows["answer_basis"], strict=True
        )
    }
