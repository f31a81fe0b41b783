"""The layers that cases add to export: encroachments and cases."""

from sqlalchemy import func, select

from cases.models import Campaign, Case, Encroachment
from layers.files.exporting import ExportLayer, register
from layers.frames import Rows, wkb
from layers.models import Household, Observation, Parcel


def _encroachments(community_id: int) -> Rows:
    """Select every encroachment, ended ones too, by the day it was found."""
    return (
        select(
            Encroachment.id,
            Parcel.ref.label("parcel"),
            Observation.ref.label("observation"),
            Observation.structure_type,
            Household.ref.label("household"),
            Encroachment.answer_basis,
            Case.number.label("case_number"),
            Case.state,
            Encroachment.occupied_m2,
            Encroachment.countable_m2,
            Encroachment.sigma_m2,
            Encroachment.found_on,
            Encroachment.verified_on,
            Encroachment.superseded_on,
            wkb(Encroachment.geom),
        )
        .join(Parcel, Parcel.id == Encroachment.parcel_id)
        .join(Observation, Observation.id == Encroachment.observation_id)
        .outerjoin(
            Household,
            (Household.community_id == Encroachment.community_id)
            & (Household.id == Encroachment.household_id),
        )
        .outerjoin(
            Case,
            (Case.community_id == Encroachment.community_id) & (Case.id == Encroachment.case_id),
        )
        .where(Encroachment.community_id == community_id)
        .where(Parcel.community_id == community_id)
        .where(Observation.community_id == community_id)
        .order_by(Encroachment.found_on, Parcel.ref, Observation.ref)
    )


def _cases(community_id: int) -> Rows:
    """Select the cases, each with the area that it has in force."""
    area = func.sum(Encroachment.occupied_m2)
    return (
        select(
            Case.id,
            Campaign.ref.label("campaign"),
            Case.number,
            Household.ref.label("household"),
            Case.state,
            Case.state_since,
            func.count(Encroachment.id).label("encroachments"),
            func.coalesce(area, 0.0).label("occupied_m2"),
        )
        .join(Campaign, Campaign.id == Case.campaign_id)
        .join(Household, Household.id == Case.household_id)
        .outerjoin(
            Encroachment,
            (Encroachment.community_id == Case.community_id)
            & (Encroachment.case_id == Case.id)
            & Encroachment.superseded_on.is_(None),
        )
        .where(Case.community_id == community_id)
        .where(Campaign.community_id == community_id)
        .where(Household.community_id == community_id)
        .group_by(Case.community_id, Case.id, Campaign.ref, Household.ref)
        .order_by(Campaign.ref, Case.number)
    )


def register_layers() -> None:
    """Offer the layers of cases for export."""
    register(ExportLayer("encroachments", _encroachments))
    register(ExportLayer("cases", _cases, None))
