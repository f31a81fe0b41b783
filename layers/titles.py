"""What a parcel's title rests on (DOMAIN 1): whoever names one says by what evidence and survey."""

from collections.abc import Mapping
from typing import Any

from layers.models import TitleBasis

RESTS_ON = ("title_evidence", "source")
"""The columns that a title other than unknown needs."""


def unproven(parcel: Mapping[str, Any]) -> list[str]:
    """Return which columns the title of ``parcel`` needs and are empty; unknown needs none."""
    if parcel["title_basis"] == TitleBasis.UNKNOWN:
        return []
    return [name for name in RESTS_ON if not str(parcel[name] or "").strip()]
