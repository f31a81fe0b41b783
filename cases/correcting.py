"""Corrections of papers: what somebody wrote wrongly, under the same number in a new version.

Only what a person typed can be corrected. What was computed or recorded, such as ground, areas,
days and votes, is corrected where it comes from; then the paper is issued anew. A poster told
households what it told them: what was wrong on it is announced anew.
"""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from cases.access import Permission
from cases.documents import Paper, correct
from cases.ledger import Moment
from cases.models import DocumentRecord
from cases.signing import Signature, text_problems
from cases.workflow import Document
from gis.problems import InputError, Problem
from layers.models import Community

# The texts of each kind that a person typed, and whether they may be empty.
TYPED: dict[Document, dict[str, bool]] = {
    Document.MINUTES: {"place": True, "agenda": False, "minutes": True},
    Document.REFERRAL: {"authority": False, "reason": False},
    Document.OBJECTION_DECISION: {"reason": False},
    Document.DEADLINE_NOTICE: {"reason": False},
}
REASON = "correction"


def correct_paper(
    session: Session,
    community: Community,
    record: DocumentRecord,
    texts: Mapping[str, str],
    reason: str,
    by: Signature,
) -> DocumentRecord:
    """Issue a paper again with other texts, and why; the earlier version stays as it was.

    The caller commits. Raises ``InputError`` with everything that is wrong, also where
    ``record`` is no longer the latest version.
    """
    problems = [
        *by.lacks(Permission.DOCUMENT_ISSUE),
        *text_problems([("reason", reason)]),
        *_wrong_texts(record, texts),
    ]
    if problems:
        raise InputError(problems)
    changed = {name: text.strip() for name, text in texts.items()}
    paper = Paper(
        record.kind,
        record.title,
        Moment.of(community, by.at).day,
        by.actor,
        {**record.data, **changed, REASON: reason.strip()},
        record.case_id,
        record.campaign_id,
    )
    return correct(session, community, record, paper)


def correctable(record: DocumentRecord) -> list[str]:
    """Return the names of the texts of a paper that can be corrected."""
    return list(TYPED.get(record.kind, {}))


def _wrong_texts(record: DocumentRecord, texts: Mapping[str, str]) -> list[Problem]:
    typed = TYPED.get(record.kind, {})
    if not typed:
        message = f"Nothing of a paper of the kind {record.kind} is typed by a person."
        remedy = "Correct the record that it comes from, and issue it anew."
        return [Problem("not_correctable", message, remedy, field="texts")]
    problems = []
    for name in sorted(set(texts) - set(typed)):
        message = f"{name[:40]!r} is no text of such a paper that a person typed."
        remedy = f"Correct {', '.join(typed)}."
        problems.append(Problem("not_correctable", message, remedy, field="texts"))
    if all(record.data.get(name) == text.strip() for name, text in texts.items()):
        message = "Nothing is changed."
        problems.append(Problem("nothing_changed", message, "Change a text.", field="texts"))
    needed = [(name, texts[name]) for name, empty in typed.items() if name in texts and not empty]
    return problems + text_problems(needed)
