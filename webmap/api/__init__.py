"""The JSON API: a module for each noun, and one document that describes them all."""

from flask import Flask

from webmap.api.announcements import announcement_api
from webmap.api.campaigns import body_api, campaign_api
from webmap.api.cases import cases
from webmap.api.document import document, make_api
from webmap.api.meetings import meeting_api
from webmap.api.papers import paper_api
from webmap.api.parcels import parcels
from webmap.api.places import places

CAMPAIGN_NOUNS = (campaign_api, body_api, meeting_api, announcement_api, paper_api)


def init_api(app: Flask) -> None:
    """Register every operation, and the document that describes it."""
    api = make_api(app)
    for noun in (places, parcels, cases, *CAMPAIGN_NOUNS):
        api.register_blueprint(noun)
    app.register_blueprint(document)
