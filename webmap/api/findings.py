"""What a case rests on: new ground confirmed, an observation withdrawn."""

import uuid
from typing import Any

from flask.typing import ResponseReturnValue

from cases.access import Permission
from cases.decisions import withdraw
from cases.issuing import confirm_with_paper
from webmap.api.blueprint import Blueprint
from webmap.api.cases import LONGEST_REF
from webmap.api.changing import Change, SignedSchema, change_case, changes_case
from webmap.api.fields import Text

findings = Blueprint("findings", __name__, "What cases rest on.")


class ConfirmationSchema(SignedSchema):
    """New ground of a case, verified."""

    note = Text(load_default="", metadata={"description": "A note."})


class CaseWithdrawalSchema(SignedSchema):
    """An observation of a case, withdrawn."""

    observation = Text(
        LONGEST_REF, required=True, metadata={"description": "The ref of the observation."}
    )
    reason = Text(required=True, metadata={"description": "Why."})


@changes_case(
    findings,
    "confirmation",
    ConfirmationSchema,
    Permission.CASE_VERIFY,
    example={"note": "Measured again, it stands."},
)
def confirm_case_ground(
    headers: dict[str, Any], asked: dict[str, Any], place: str, case_id: uuid.UUID
) -> ResponseReturnValue:
    """Verify the ground that was found since a case was verified."""

    def act(change: Change) -> None:
        by = change.signed(asked.get("at"))
        confirm_with_paper(change.session, change.community, case_id, by, asked["note"])

    return change_case(case_id, headers, act)


@changes_case(
    findings,
    "withdrawal",
    CaseWithdrawalSchema,
    Permission.CASE_READ,
    example={"observation": "E-17", "reason": "It is the shadow of a tree."},
)
def withdraw_from_case(
    headers: dict[str, Any], asked: dict[str, Any], place: str, case_id: uuid.UUID
) -> ResponseReturnValue:
    """Withdraw an observation that a case rests on.

    For whoever verifies, and after an upheld objection for whoever decides objections.
    """

    def act(change: Change) -> None:
        by = change.signed(asked.get("at"))
        reference, reason = asked["observation"], asked["reason"]
        withdraw(change.session, change.community, reference, reason, by, case_id=case_id)

    return change_case(case_id, headers, act)
