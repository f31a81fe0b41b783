"""The JSON API: a module for each noun, and one document that describes them all."""

from flask import Flask

from webmap.api.cases import cases
from webmap.api.document import document, make_api
from webmap.api.parcels import parcels
from webmap.api.places import places


def init_api(app: Flask) -> None:
    """Register every operation, and the document that describes it."""
    api = make_api(app)
    for noun in (places, parcels, cases):
        api.register_blueprint(noun)
    app.register_blueprint(document)
