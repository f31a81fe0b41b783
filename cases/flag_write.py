"""What flagging writes: encroachments, findings, cases, their events and areas."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import shapely
from geoalchemy2.shape import from_shape, to_shape
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from cases import assignment
from cases.answers import Key
from cases.declared import take_back_declared
from cases.ledger import Book, Moment, area, columns_of
from cases.models import (
    AnswerBasis,
    AreaEntry,
    Campaign,
    Case,
    Encroachment,
    EntryKind,
    Finding,
)
from cases.workflow import CLEARED_STATES, DEADLINE_STATES, MOVES, State
from gis.crs import SurveyCRS
from gis.precision import firm
from layers.bulk import among, copy_columns, listed
from layers.frames import geometries, keys
from layers.models import STORAGE_SRID, Community

# Less than this is the rounding of an overlay, in m2.
EQUAL_M2 = 1e-4
# What flagging notes of a case by itself; pages say it in their language.
NOTHING_STANDS = "No observation shows an encroachment any more."
OVERLAPS_AGAIN = "A new observation overlaps common green."
MORE_FOUND = "More ground was found since."
OCCUPIED_AGAIN = "Cleared ground is occupied again."
NOTES = frozenset({NOTHING_STANDS, OVERLAPS_AGAIN, MORE_FOUND, OCCUPIED_AGAIN})
CASE_COLUMNS = (
    "community_id",
    "id",
    "campaign_id",
    "household_id",
    "number",
    "state",
    "state_since",
    "housekeeper_id",
)
ENCROACHMENT_COLUMNS = (
    "community_id",
    "id",
    "observation_id",
    "parcel_id",
    "household_id",
    "case_id",
    "answer_basis",
    "occupied_m2",
    "countable_m2",
    "sigma_m2",
)


@dataclass
class Writer:
    """Gathers the changes of one run; :meth:`post` writes events and entries."""

    session: Session
    communities: dict[int, Community]
    survey: SurveyCRS
    at: dt.datetime | None
    actor: str
    moments: dict[int, Moment] = field(init=False)
    book: Book = field(init=False)

    def __post_init__(self) -> None:
        """Date the run once for each community."""
        self.moments = {key: Moment.of(c, self.at) for key, c in self.communities.items()}
        self.book = Book(self.survey)

    def end(self, gone: pd.DataFrame, notes: list[str]) -> int:
        """End encroachments that are no longer found; what was cleared stays in the record."""
        if gone.empty:
            return 0
        ground = self.survey.to_survey(geometries(gone))
        ended: list[Key] = []
        touched: set[Key] = set()
        for row, whole in zip(gone.itertuples(), ground, strict=True):
            if row.cleared_on is not None:
                notes.append(
                    f"Encroachment {row.id} was cleared in part or whole; it stays in the record."
                )
                continue
            ended.append((row.community_id, row.id))
            if row.case_id is not None:
                touched.add((row.community_id, row.case_id))
                self._take_back(row, whole)
        self._supersede(ended)
        self._settle_empty(touched)
        return len(ended)

    def begin(self, begun: pd.DataFrame) -> tuple[int, int, int]:
        """Insert encroachments and their cases; return how many, undecided, cases opened.

        ``begun`` has ``household_id`` and ``answer_basis`` of who answers for each.
        """
        if begun.empty:
            return 0, 0, 0
        # Rows of a community lie together in the indexes and keys that an insert looks up.
        begun = begun.sort_values("community_id", kind="stable", ignore_index=True)
        answering = [key if key[1] is not None else None for key in keys(begun, "household_id")]
        cases, opened = self._open_cases({key for key in answering if key is not None})
        begun = begun.assign(
            id=[uuid.uuid4() for _ in range(len(begun))],
            case_id=pd.Series([key and cases[key] for key in answering], dtype=object),
        )
        self._insert(begun)
        self._enter_suspected(begun[begun["case_id"].notna()])
        undecided = int((begun["answer_basis"] == AnswerBasis.UNDECIDED).sum())
        return len(begun), undecided, opened

    def decide(self, rows: pd.DataFrame, household: uuid.UUID, note: str) -> Case:
        """Let ``household`` answer for undecided encroachments, as a person decided."""
        community = int(rows["community_id"].iloc[0])
        cases, _opened = self._open_cases({(community, household)})
        case = cases[community, household]
        ids = list(rows["id"])
        self.session.execute(
            update(Encroachment)
            .where(Encroachment.community_id == community, Encroachment.id.in_(ids))
            .values(household_id=household, case_id=case, answer_basis=AnswerBasis.PERSON)
        )
        ground = self.survey.to_survey(geometries(rows))
        self._enter_suspected(rows.assign(case_id=case, geom=ground))
        self.book.record(
            self.moments[community],
            (community, case),
            self.actor,
            "case:answer:decided",
            note=note,
            observation=rows["observation_id"].iloc[0],
        )
        return self.session.get_one(Case, (community, case))

    def case_of(self, community: int, household: uuid.UUID) -> Case:
        """Return the household's case in the current campaign, opened or woken for more ground."""
        cases, _opened = self._open_cases({(community, household)})
        return self.session.get_one(Case, (community, cases[community, household]))

    def rebound(self, rebounds: pd.DataFrame) -> int:
        """Enter cleared ground that was taken again under the case that had cleared it."""
        for (community, identifier), rows in rebounds.groupby(["community_id", "id"]):
            for row in rows.itertuples():
                self._rebound_one(community, identifier, row)
        return len(rebounds)

    def end_rebounds(self, ended: Sequence[Key]) -> None:
        """Take back what ended observations had reported as taken again."""
        if not ended:
            return
        seen = listed(ended)
        own = (AreaEntry.community_id == seen.c.community_id) & (
            AreaEntry.observation_id == seen.c.id
        )
        reported = self.session.scalars(
            select(AreaEntry)
            .join(seen, own)
            .where(AreaEntry.kind == EntryKind.REBOUND, AreaEntry.area_m2 > 0)
            .order_by(AreaEntry.seq)
        ).all()
        for entry in reported:
            self._take_back_rebound(entry)

    def _take_back_rebound(self, entry: AreaEntry) -> None:
        """Free what still stands of a rebound that was none."""
        community = entry.community_id
        found = self.session.get_one(Encroachment, (community, entry.encroachment_id))
        if found.standing is None:
            return
        standing, claimed = self.survey.to_survey(
            np.array([to_shape(found.standing), to_shape(entry.geom)], dtype=object)
        )
        part = shapely.intersection(standing, claimed)
        if area(part) < EQUAL_M2:
            return
        key = (community, entry.case_id, found.id)
        self.book.enter(
            EntryKind.REBOUND,
            self.moments[community],
            key,
            part,
            -area(part),
            entry.observation_id,
        )
        self._stand(found, shapely.difference(standing, part))
        case = self.session.get_one(
            Case, (community, entry.case_id), with_for_update={"key_share": True}
        )
        self.session.flush()
        self._settle_one(case)

    def _still_stands(self, case: Case) -> bool:
        standing = select(Encroachment.id).where(
            Encroachment.community_id == case.community_id,
            Encroachment.case_id == case.id,
            Encroachment.superseded_on.is_(None),
            Encroachment.standing.is_not(None),
        )
        return self.session.scalar(standing.limit(1)) is not None

    def _stand(self, found: Encroachment, ground: shapely.Geometry) -> None:
        """Store what still stands of an encroachment, nothing where that is a crumb."""
        left = firm(np.array([ground], dtype=object))
        if left[0] is None or area(left[0]) < EQUAL_M2:
            found.standing = None
        else:
            found.standing = from_shape(self.survey.to_storage(left)[0], srid=STORAGE_SRID)

    def list_findings(self, subjects: Sequence[Key], findings: pd.DataFrame) -> tuple[int, int]:
        """Replace the findings of the subjects; return how many slivers and unknown titles."""
        seen = listed(subjects)
        self.session.execute(
            delete(Finding)
            .where(Finding.community_id == seen.c.community_id, Finding.observation_id == seen.c.id)
            .execution_options(synchronize_session=False)
        )
        if len(findings):
            stored = self.survey.to_storage(geometries(findings))
            columns = {name: findings[name].tolist() for name in findings.columns if name != "geom"}
            copy_columns(self.session, Finding, {**columns, "geom": stored})
        counts = findings["kind"].value_counts()
        return int(counts.get("sliver", 0)), int(counts.get("unknown_title", 0))

    def post(self) -> None:
        """Write the events and entries gathered."""
        self.session.flush()
        self.book.post(self.session)

    def _take_back(self, row: object, whole: shapely.Geometry) -> None:
        """Reverse the area of an encroachment that ends."""
        kind = EntryKind.SUSPECTED if row.verified_on is None else EntryKind.ENCROACHED  # type: ignore[attr-defined]
        key = (row.community_id, row.case_id, row.id)  # type: ignore[attr-defined]
        moment = self.moments[key[0]]
        self.book.enter(kind, moment, key, whole, -float(row.occupied_m2))  # type: ignore[attr-defined]

    def _supersede(self, ended: Sequence[Key]) -> None:
        for community, ids in _by_community(ended).items():
            self.session.execute(
                update(Encroachment)
                .where(Encroachment.community_id == community, Encroachment.id.in_(ids))
                .values(superseded_on=self.moments[community].day, standing=None)
            )

    def _settle_empty(self, touched: Iterable[Key]) -> None:
        """Reject the cases of which nothing is left, and rest those that stand cleared again."""
        self.session.flush()
        for community, ids in sorted(_by_community(touched).items()):
            cases = self.session.scalars(
                select(Case)
                .where(Case.community_id == community, Case.id.in_(ids))
                .order_by(Case.id)
                .with_for_update(key_share=True)
            )
            for case in cases:
                self._settle_one(case)

    def _settle_one(self, case: Case) -> None:
        if self._still_stands(case):
            self._wake(case)
            return
        state = State.MONITORING if self._was_cleared(case) else State.REJECTED
        if (case.state, state) in MOVES:
            take_back_declared(self.session, self.book, self.moments[case.community_id], case)
            self._change(case, state, note=NOTHING_STANDS)

    def _was_cleared(self, case: Case) -> bool:
        cleared = select(Encroachment.id).where(
            Encroachment.community_id == case.community_id,
            Encroachment.case_id == case.id,
            Encroachment.cleared_on.is_not(None),
        )
        return self.session.scalar(cleared.limit(1)) is not None

    def _open_cases(self, wanted: Collection[Key]) -> tuple[dict[Key, uuid.UUID], int]:
        """See that each (community, household) has a case in the current campaign.

        Returns the cases by key, and how many were opened.
        """
        if not wanted:
            return {}, 0
        campaigns = self._campaigns({community for community, _household in wanted})
        ours = [campaign.id for campaign in campaigns.values()]
        who = listed(wanted)
        known = self.session.scalars(
            select(Case)
            .join(who, (Case.community_id == who.c.community_id) & (Case.household_id == who.c.id))
            .where(among(Case.campaign_id, ours))
            .with_for_update(of=Case, key_share=True)
        )
        cases: dict[Key, uuid.UUID] = {}
        for case in known:
            self._wake(case)
            cases[case.community_id, case.household_id] = case.id
        missing = [key for key in wanted if key not in cases]
        return cases | self._new_cases(campaigns, missing), len(missing)

    def _campaigns(self, communities: Collection[int]) -> dict[int, Campaign]:
        """Return each open campaign, locked so that case numbers have no gap; begin one if none."""
        running = self.session.scalars(
            select(Campaign)
            .where(among(Campaign.community_id, communities), Campaign.ended_on.is_(None))
            .order_by(Campaign.community_id, Campaign.started_on, Campaign.ref)
            .with_for_update(key_share=True)
        )
        # The latest of a community is the last.
        found = {campaign.community_id: campaign for campaign in running}
        for community in sorted(set(communities) - found.keys()):
            day = self.moments[community].day
            found[community] = Campaign(
                community_id=community,
                id=uuid.uuid4(),
                ref=day.isoformat(),
                name=str(day.year),
                started_on=day,
            )
            self.session.add(found[community])
        self.session.flush()
        return found

    def _new_cases(
        self, campaigns: dict[int, Campaign], missing: Sequence[Key]
    ) -> dict[Key, uuid.UUID]:
        """Open cases, numbered within their campaign in the order of the households.

        Each begins with the housekeeper of its lane.
        """
        if not missing:
            return {}
        numbers = self._last_numbers(campaigns)
        keepers = assignment.lane_housekeepers(self.session, missing)
        names = assignment.addresses(self.session, keepers.values())
        rows = []
        for community, household in sorted(missing, key=lambda key: (key[0], key[1].int)):
            day = self.moments[community].day
            numbers[community] += 1
            case = community, uuid.uuid4()
            state = State.SUSPECTED
            campaign = campaigns[community].id
            keeper = keepers.get((community, household))
            rows.append((*case, campaign, household, numbers[community], state, day, keeper))
            self.book.record(
                self.moments[community], case, self.actor, "flag:case:opened", state=state
            )
            if keeper is not None:
                self._assigned(case, names[keeper])
        copy_columns(self.session, Case, columns_of(CASE_COLUMNS, rows))
        return {(row[0], row[3]): row[1] for row in rows}

    def _assigned(self, case: Key, housekeeper: str) -> None:
        data = assignment.assignment_data(
            assignment.Duty.HOUSEKEEPER, assignment.Basis.LANE, None, housekeeper
        )
        moment = self.moments[case[0]]
        self.book.record(moment, case, self.actor, assignment.CHANGED, note=housekeeper, data=data)

    def _last_numbers(self, campaigns: dict[int, Campaign]) -> dict[int, int]:
        ours = [campaign.id for campaign in campaigns.values()]
        last = self.session.execute(
            select(Case.community_id, func.max(Case.number).label("last"))
            .where(among(Case.community_id, campaigns), among(Case.campaign_id, ours))
            .group_by(Case.community_id)
        )
        return defaultdict(int, {row.community_id: row.last for row in last})

    def _wake(self, case: Case) -> None:
        """Let a case know that its ground has changed since somebody looked at it."""
        if case.state is State.REJECTED or case.state in CLEARED_STATES:
            self._change(case, State.SUSPECTED, note=OVERLAPS_AGAIN)
        elif case.state is State.INSPECTED:
            self._change(case, State.SELF_CLEARING, note=MORE_FOUND)
        else:
            case.version += 1

    def _change(
        self, case: Case, state: State, *, note: str, observation: uuid.UUID | None = None
    ) -> None:
        moment = self.moments[case.community_id]
        case.state, case.state_since, case.version = state, moment.day, case.version + 1
        if state not in DEADLINE_STATES:
            case.deadline_on = None
        self.book.record(
            moment,
            (case.community_id, case.id),
            self.actor,
            f"flag:case:{state}",
            state=state,
            note=note,
            observation=observation,
        )

    def _insert(self, begun: pd.DataFrame) -> None:
        stored = self.survey.to_storage(geometries(begun))
        columns = {name: begun[name].tolist() for name in ENCROACHMENT_COLUMNS}
        found_on = [self.moments[community].day for community in begun["community_id"]]
        copy_columns(
            self.session,
            Encroachment,
            {**columns, "found_on": found_on, "geom": stored, "standing": stored},
        )

    def _enter_suspected(self, begun: pd.DataFrame) -> None:
        columns = ("community_id", "case_id", "id", "geom", "occupied_m2")
        for community, case, identifier, ground, occupied in zip(
            *(begun[name] for name in columns), strict=True
        ):
            key = community, case, identifier
            moment = self.moments[community]
            self.book.enter(EntryKind.SUSPECTED, moment, key, ground, occupied)

    def _rebound_one(self, community: int, identifier: uuid.UUID, row: Any) -> None:
        found = self.session.get_one(Encroachment, (community, identifier))
        before = [] if found.standing is None else [to_shape(found.standing)]
        standing = self.survey.to_survey(np.array(before, dtype=object))
        again = row.again
        key = (community, row.case_id, identifier)
        self.book.enter(
            EntryKind.REBOUND, self.moments[community], key, again, area(again), row.by_observation
        )
        self._stand(found, shapely.union_all(np.append(standing, again)))
        case = self.session.get_one(
            Case, (community, row.case_id), with_for_update={"key_share": True}
        )
        if (case.state, State.REBOUND) in MOVES:
            self._change(case, State.REBOUND, note=OCCUPIED_AGAIN, observation=row.by_observation)
        else:
            self._wake(case)


def _by_community(pairs: Iterable[Key]) -> dict[int, list[uuid.UUID]]:
    grouped: dict[int, list[uuid.UUID]] = defaultdict(list)
    for community, identifier in pairs:
        grouped[community].append(identifier)
    return grouped
