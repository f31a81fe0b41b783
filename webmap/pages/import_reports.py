"""Reports of files that were taken in: kept with the keys of forms, and forgotten with them."""

import json
import uuid
from typing import Any

from flask_login import current_user

from cases.access import Permission
from cases.submissions import Kept, list_kept
from webmap.pages.opened import OpenedPlace

# What tells a report from the answers of other forms, which are kept beside it.
REPORT = "field_import"
LATEST = 5


def kept_reports(
    opened: OpenedPlace, import_id: uuid.UUID | None = None
) -> list[tuple[Kept, dict[str, Any]]]:
    """Return the latest reports: the own, and everybody's for whoever reviews."""
    is_reviewer = Permission.FIELD_REVIEW in opened.viewer.permissions
    found = list_kept(
        opened.session,
        opened.community.id,
        f'{{"{REPORT}":',
        key=import_id,
        account_id=None if is_reviewer else current_user.id,
        limit=LATEST,
    )
    return [(kept, json.loads(kept.body)[REPORT]) for kept in found]
