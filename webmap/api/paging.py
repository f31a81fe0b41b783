"""Lists that are read a page at a time: where a page begins, and the address of the next."""

from typing import Any

from flask import Response, jsonify, request, url_for
from marshmallow import Schema

from webmap.api.fields import Count, Text

PER_PAGE = 50
MOST_PER_PAGE = 200


class PageQuerySchema(Schema):
    """How much a page holds, and where it begins."""

    limit = Count(
        1,
        MOST_PER_PAGE,
        load_default=PER_PAGE,
        metadata={"description": "How many rows a page holds."},
    )
    cursor = Text(
        400,
        load_default="",
        metadata={"description": "Where the page begins: taken from `next`, never made up."},
    )


def page_of(following: str | None, **content: Any) -> Response:
    """Return a page; ``following`` is the cursor of the next, ``None`` after the last.

    Its address is in the answer as ``next``, and in the header ``Link``.
    """
    address = None if following is None else _address(following)
    response = jsonify(next=address, **content)
    if address is not None:
        response.headers["Link"] = f'<{address}>; rel="next"'
    return response


def _address(cursor: str) -> str:
    """Return the address of the same list from another row on."""
    kept = {**request.args.to_dict(flat=False), **(request.view_args or {}), "cursor": cursor}
    return url_for(request.endpoint or "", **kept)
