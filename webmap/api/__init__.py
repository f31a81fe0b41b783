"""The JSON API: a module for each noun, and one document that describes them all."""

from flask import Flask

# Operations beside those of their nouns' own modules, registered as these are read.
from webmap.api import account_roles, captured, own_login  # noqa: F401
from webmap.api.accounts import account_api
from webmap.api.announcements import announcement_api
from webmap.api.assignment import assignment
from webmap.api.campaigns import body_api, campaign_api
from webmap.api.cases import cases
from webmap.api.clock import clock
from webmap.api.declarations import declarations
from webmap.api.document import document, make_api
from webmap.api.editing import editing
from webmap.api.field_bundle import field_bundles
from webmap.api.field_reviews import field_reviews
from webmap.api.field_submissions import field_submissions
from webmap.api.findings import findings
from webmap.api.household import household
from webmap.api.lanes import lanes
from webmap.api.meetings import meeting_api
from webmap.api.observations import observations
from webmap.api.own_account import own_account_api
from webmap.api.papers import paper_api
from webmap.api.parcels import parcels
from webmap.api.patrols import patrols
from webmap.api.photographs import photographs
from webmap.api.places import places
from webmap.api.sites import sites
from webmap.api.tips import tips
from webmap.api.uploads import uploads
from webmap.api.visits import visits
from webmap.api.work import work

NOUNS = (
    places,
    parcels,
    cases,
    visits,
    clock,
    findings,
    observations,
    assignment,
    photographs,
    patrols,
    declarations,
    household,
    lanes,
    work,
    tips,
    sites,
    field_submissions,
    uploads,
    field_bundles,
    field_reviews,
    editing,
)

CAMPAIGN_NOUNS = (campaign_api, body_api, meeting_api, announcement_api, paper_api)

ACCOUNT_NOUNS = (own_account_api, account_api)


def init_api(app: Flask) -> None:
    """Register every operation, and the document that describes it."""
    api = make_api(app)
    for noun in (*NOUNS, *CAMPAIGN_NOUNS, *ACCOUNT_NOUNS):
        api.register_blueprint(noun)
    app.register_blueprint(document)
