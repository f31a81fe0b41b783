"""Which parcels pass the filters of the map: the same ones are coloured and counted."""

from sqlalchemy import ColumnElement, and_, exists, or_, select

from cases.models import Campaign, Case, Encroachment
from cases.parcel_file import Viewer, number_column
from layers.frames import Rows
from layers.models import Building, Community, Household, Parcel, ParcelHousehold
from layers.search import LONGEST, building_label

# More are not sent to a browser; map and counts leave out the same ones.
MOST_MATCHES = 20_000


def of_building(ref: str) -> ColumnElement[bool]:
    """Say that a parcel faces the building of this ref."""
    return exists().where(
        Building.community_id == Parcel.community_id,
        Building.id == Parcel.building_id,
        Building.ref == ref,
    )


def matching(community: Community, text: str, viewer: Viewer) -> Rows:
    """Select the ids of a community's parcels that ``text`` is part of the name of.

    Their own ref counts, and the names of their building, of the households linked to
    them and of the cases that the viewer sees; residents' names never do.
    """
    wanted = text.strip()[:LONGEST]
    named = (
        Parcel.ref.icontains(wanted, autoescape=True),
        _faces_building(wanted),
        Parcel.id.in_(_with_household(community, wanted)),
        Parcel.id.in_(_with_case(community, wanted, viewer)),
    )
    return (
        select(Parcel.id)
        .where(Parcel.community_id == community.id, or_(*named))
        .order_by(Parcel.id)
        .limit(MOST_MATCHES)
    )


def _faces_building(text: str) -> ColumnElement[bool]:
    return exists().where(
        Building.community_id == Parcel.community_id,
        Building.id == Parcel.building_id,
        building_label().icontains(text, autoescape=True),
    )


def _with_household(community: Community, text: str) -> Rows:
    own = and_(
        Household.community_id == ParcelHousehold.community_id,
        Household.id == ParcelHousehold.household_id,
    )
    return (
        select(ParcelHousehold.parcel_id)
        .join(Household, own)
        .where(
            ParcelHousehold.community_id == community.id,
            Household.ref.icontains(text, autoescape=True),
        )
    )


def _with_case(community: Community, text: str, viewer: Viewer) -> Rows:
    run = and_(Campaign.community_id == Case.community_id, Campaign.id == Case.campaign_id)
    ground = and_(Encroachment.community_id == Case.community_id, Encroachment.case_id == Case.id)
    return (
        select(Encroachment.parcel_id)
        .select_from(Case)
        .join(Campaign, run)
        .join(Encroachment, ground)
        .where(
            Case.community_id == community.id,
            viewer.sees,
            number_column(community).icontains(text, autoescape=True),
        )
    )
