"""The cases and photographs that a phone takes along: those that its account sees."""

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Subquery, and_, func, or_, select
from sqlalchemy.orm import Session

from cases.field.carried import became_with
from cases.models import Campaign, Case, Encroachment, FieldDecision, Photograph
from cases.parcel_file import Viewer, number_column
from layers.bulk import among
from layers.models import Community, Household


def field_cases(
    session: Session, community: Community, viewer: Viewer, buildings: Sequence[uuid.UUID]
) -> dict[str, dict[str, Any]]:
    """Return the cases of households in ``buildings`` that the viewer sees, by identifier."""
    run = and_(Campaign.community_id == Case.community_id, Campaign.id == Case.campaign_id)
    own = and_(Household.community_id == Case.community_id, Household.id == Case.household_id)
    parcels = (
        select(func.array_agg(Encroachment.parcel_id.distinct()))
        .where(
            Encroachment.community_id == Case.community_id,
            Encroachment.case_id == Case.id,
            Encroachment.superseded_on.is_(None),
        )
        .scalar_subquery()
    )
    rows = session.execute(
        select(Case.id, number_column(community), Case.state, Household.ref, parcels)
        .join(Household, own)
        .join(Campaign, run)
        .where(
            Case.community_id == community.id,
            among(Household.building_id, buildings),
            viewer.sees,
        )
        .order_by(Campaign.started_on, Case.number)
    )
    return {
        str(key): {
            "id": str(key),
            "number": number,
            "state": str(state),
            "household": ref,
            "parcels": sorted(str(one) for one in ground or []),
        }
        for key, number, state, ref, ground in rows
    }


def shown_ground(community: Community) -> Subquery:
    """Return ``id`` and ``case_id`` of each photograph, and the ``observation_id`` that it shows.

    That of a phone shows what its submission became.
    """
    became = and_(
        FieldDecision.community_id == Photograph.community_id,
        FieldDecision.submission_id == Photograph.submission_id,
    )
    before = became_with()
    carried = and_(
        before.c.community_id == Photograph.community_id,
        before.c.photograph_id == Photograph.id,
    )
    came = func.coalesce(FieldDecision.observation_id, before.c.observation_id)
    shown = func.coalesce(Photograph.observation_id, came)
    return (
        select(Photograph.id, Photograph.case_id, shown.label("observation_id"))
        .outerjoin(FieldDecision, became)
        .outerjoin(before, carried)
        .where(Photograph.community_id == community.id)
        .subquery()
    )


def field_photographs(
    session: Session,
    community: Community,
    cases: Collection[uuid.UUID],
    observations: Collection[uuid.UUID],
) -> list[dict[str, Any]]:
    """Return the photographs of ``cases``, and those that came with ``observations``."""
    shown = shown_ground(community)
    rows = session.execute(
        select(
            Photograph.id,
            Photograph.case_id,
            shown.c.observation_id,
            Photograph.taken_at,
            Photograph.bearing,
            func.ST_X(Photograph.geom),
            func.ST_Y(Photograph.geom),
        )
        .join(shown, shown.c.id == Photograph.id)
        .where(
            Photograph.community_id == community.id,
            or_(
                among(Photograph.case_id, cases),
                and_(Photograph.case_id.is_(None), among(shown.c.observation_id, observations)),
            ),
        )
        .order_by(func.coalesce(Photograph.taken_at, Photograph.recorded_at), Photograph.id)
    )
    return [
        {
            "id": str(key),
            "case": case and str(case),
            "observation": observation and str(observation),
            "taken_at": taken_at and taken_at.isoformat(),
            "bearing": bearing,
            "longitude": longitude,
            "latitude": latitude,
        }
        for key, case, observation, taken_at, bearing, longitude, latitude in rows
    ]
