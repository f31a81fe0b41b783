"""How an operation is read, answered and described: the same for every noun."""

import re
from collections.abc import Callable
from copy import deepcopy
from http import HTTPStatus
from typing import Any, ClassVar, NoReturn, TypeVar

import flask_smorest
from flask import Request, abort
from flask_smorest.spec import prepare_response
from marshmallow import Schema, ValidationError
from webargs.core import parse_json
from webargs.flaskparser import FlaskParser, is_json_request
from webargs.multidictproxy import MultiDictProxy
from werkzeug.datastructures import CombinedMultiDict

from gis.problems import InputError
from webmap import bearers
from webmap.api.fields import problems_in
from webmap.api.schemas import FailureSchema
from webmap.caching import ask_again

PROBLEM = "application/problem+json"
View = TypeVar("View", bound=Callable[..., Any])
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
SchemaLike = Schema | type[Schema] | dict[str, str]
# What each part of an address means.
_PARTS: dict[str, dict[str, Any]] = {
    "place": {
        "description": "The code of a community or region, as in the address of its map.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 64},
    },
    "parcel_id": {"description": "The identifier of a parcel."},
    "case_id": {"description": "The identifier of a case."},
    "lane_id": {"description": "The identifier of a lane."},
    "photograph_id": {"description": "The identifier of a photograph."},
    "tip_id": {"description": "The identifier of a tip, made by whoever sends it."},
    "observation_id": {"description": "The identifier of an observation."},
    "edit_id": {"description": "The identifier of an edit."},
    "site_id": {"description": "The identifier of a site."},
    "campaign_id": {"description": "The identifier of a campaign."},
    "meeting_id": {"description": "The identifier of a meeting."},
    "announcement_id": {"description": "The identifier of an announcement."},
    "upload_id": {"description": "The identifier of an upload, as its Location has it."},
    "submission_id": {"description": "The identifier of a submission, made by its phone."},
    "paper_id": {"description": "The identifier of a paper, in one of its versions."},
    "visit_id": {"description": "The identifier of a visit."},
    "account_id": {"description": "The identifier of an account."},
    "membership_id": {"description": "The number of a role that an account was given."},
    "token_id": {"description": "The identifier of an access token, which is not its secret."},
}
_IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag of what is changed as it was read, or only its version.",
    "schema": {"type": "string"},
    "example": '"v1"',
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of the answer that the client has; 304 where it still holds.",
    "schema": {"type": "string"},
}
_ETAG = {"description": "What this answer is called.", "schema": {"type": "string"}}


class Parser(FlaskParser):
    """Reads requests whole and names every fault by field."""

    def __init__(self) -> None:
        """Know a form with its files as one place to read from."""
        super().__init__()
        self.__location_map__ = {**self.__location_map__, "upload": "load_upload"}

    def load_upload(self, req: Request, schema: Schema) -> MultiDictProxy:
        """Return the fields of a form and its files together."""
        return MultiDictProxy(CombinedMultiDict([req.form, req.files]), schema)

    def _raw_load_json(self, req: Request) -> Any:
        if not is_json_request(req):
            abort(415)
        try:
            return parse_json(req.get_data(cache=True))
        except RecursionError:
            abort(400)

    def handle_error(
        self, error: ValidationError, req: Request, schema: Schema, **_more: Any
    ) -> NoReturn:
        """Raise ``InputError`` with each problem at its field."""
        found = error.messages
        assert isinstance(found, dict), "what was read from a request comes by location"
        raise InputError([one for part in found.values() for one in problems_in(part)]) from None


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """Operations on one noun, each described with every way in which it can end."""

    ARGUMENTS_PARSER = Parser()
    DEFAULT_LOCATION_CONTENT_TYPE_MAPPING: ClassVar[dict[str, str]] = {
        **flask_smorest.Blueprint.DEFAULT_LOCATION_CONTENT_TYPE_MAPPING,
        "upload": "multipart/form-data",
    }

    def __init__(self, noun: str, import_name: str, description: str) -> None:
        """Take what the document says of the noun; pages have blueprints by that name."""
        self.noun = noun
        super().__init__(f"api_{noun}", import_name, description=description, url_prefix="/api/v1")
        self._prepare_doc_cbks.append(self._prepare_endings)
        self.after_request(ask_again)

    def route(self, rule: str, **options: Any) -> Decorator:
        """Register a route; the parts of its address are described by their names."""
        parts = re.findall(r"<(?:\w+:)?(\w+)>", rule)
        described = [{"in": "path", "name": part, **_PARTS[part]} for part in parts]
        decorate: Decorator = super().route(rule, parameters=described, tags=[self.noun], **options)
        return decorate

    def arguments(self, schema: SchemaLike, **options: Any) -> Decorator:
        """Read what ``schema`` says and hand it to the view."""
        decorate: Decorator = super().arguments(schema, **options)
        return decorate

    def response(self, status: int, schema: SchemaLike, **options: Any) -> Decorator:
        """Describe what the view answers; a test holds the view to it."""
        decorate: Decorator = super().response(status, schema, **options)
        return decorate

    def describes(self, **doc: Any) -> Decorator:
        """Describe what is no JSON: bodies, headers and endings as OpenAPI has them."""
        decorate: Decorator = self.doc(**doc)
        return decorate

    def failure(self, status: int, schema: SchemaLike) -> Decorator:
        """Describe a failure that says more than the others."""
        decorate: Decorator = super().alt_response(status, schema=schema, content_type=PROBLEM)
        return decorate

    def _store_endpoint_docs(self, endpoint: str, *given: Any, **options: Any) -> None:
        super()._store_endpoint_docs(endpoint, *given, **options)
        for method, doc in self._docs[endpoint].items():
            if method != "parameters":
                doc.setdefault("manual_doc", {})["operationId"] = endpoint

    @staticmethod
    def versioned(view: View) -> View:
        """Describe that an operation changes what its client has read: ``If-Match``."""
        view._apidoc = {**deepcopy(getattr(view, "_apidoc", {})), "versioned": True}  # type: ignore[attr-defined]
        return view

    @staticmethod
    def by_session(view: View) -> View:
        """Let no token open an operation, and describe that it needs a session."""
        view._apidoc = {**deepcopy(getattr(view, "_apidoc", {})), "by_session": True}  # type: ignore[attr-defined]
        return bearers.by_session(view)

    @staticmethod
    def _prepare_endings(
        doc: dict[str, Any], doc_info: dict[str, Any], *, method: str, **_more: Any
    ) -> dict[str, Any]:
        parameters = doc.setdefault("parameters", [])
        endings = [401, 403, 404, 500, 503]
        if method == "get":
            parameters.append(_IF_NONE_MATCH)
            doc["responses"][304] = {"description": "What the client has still holds."}
        if method != "get":
            endings += [400, 422]
        if "requestBody" in doc:
            endings += [413, 415]
        if doc_info.get("by_session"):
            doc["security"] = [{"session": []}]
        if doc_info.get("versioned"):
            parameters.append(_IF_MATCH)
            endings.append(428)
        for status in endings:
            doc["responses"].setdefault(status, HTTPStatus(status).name)
        if method == "get" or doc_info.get("versioned"):
            done = next(one for one in (200, 201) if one in doc["responses"])
            doc["responses"][done]["headers"] = {"ETag": _ETAG}
        return doc


class Api(flask_smorest.Api):  # type: ignore[misc]
    """The document of all operations; failures are answered by :mod:`webmap.errors`."""

    # Every ending is described by its status; a default would let any status pass.
    DEFAULT_ERROR_RESPONSE_NAME = None

    def register_blueprint(self, noun: Blueprint) -> None:
        """Register the operations on one noun, described under its own name."""
        super().register_blueprint(noun)
        self.spec._tags[-1]["name"] = noun.noun

    def _register_error_handlers(self) -> None:
        pass

    def _register_doc_blueprint(self) -> None:
        pass

    def _register_pagination_header(self) -> None:
        pass

    def _register_responses(self) -> None:
        for status in HTTPStatus:
            if status >= 400:
                response = {"description": status.phrase, "schema": FailureSchema}
                prepare_response(response, self.spec, PROBLEM)
                self.spec.components.response(status.name, response, lazy=True)
