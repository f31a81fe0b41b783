"""Who answers for an enclosure (decision 10 of the design)."""

import uuid
from collections import defaultdict
from dataclasses import dataclass

import pandas as pd

from cases.models import AnswerBasis
from layers.frames import keys

Key = tuple[int, uuid.UUID]


@dataclass(frozen=True)
class Answers:
    """Per observation the household that answers, ``None`` where a person must decide."""

    by_observation: dict[Key, tuple[uuid.UUID | None, AnswerBasis]]

    @classmethod
    def of(cls, pieces: pd.DataFrame, links: pd.DataFrame, before: pd.DataFrame) -> "Answers":
        """Answer for every observation in ``pieces``.

        ``links`` joins parcels to households. ``before`` holds the encroachments
        that an earlier run found, whose answers a person may have given: they stay.
        """
        linked: dict[Key, set[uuid.UUID]] = defaultdict(set)
        for parcel, household in zip(keys(links, "parcel_id"), links["household_id"], strict=True):
            linked[parcel].add(household)
        near: dict[Key, set[uuid.UUID]] = defaultdict(set)
        named: dict[Key, uuid.UUID | None] = {}
        for observation, parcel, occupier in zip(
            keys(pieces, "observation_id"),
            keys(pieces, "parcel_id"),
            pieces["occupier_id"],
            strict=True,
        ):
            near[observation] |= linked[parcel]
            named[observation] = occupier
        found = {key: answer(occupier, near[key]) for key, occupier in named.items()}
        return cls(found | _decided(before))

    def __getitem__(self, observation: Key) -> tuple[uuid.UUID | None, AnswerBasis]:
        """Return the household and why it answers."""
        return self.by_observation[observation]


def answer(
    occupier: uuid.UUID | None, linked: set[uuid.UUID]
) -> tuple[uuid.UUID | None, AnswerBasis]:
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


def _decided(before: pd.DataFrame) -> dict[Key, tuple[uuid.UUID | None, AnswerBasis]]:
    by_person = before[before["answer_basis"] == AnswerBasis.PERSON]
    return {
        key: (household, AnswerBasis.PERSON)
        for key, household in zip(
            keys(by_person, "observation_id"), by_person["household_id"], strict=True
        )
    }
