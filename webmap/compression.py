"""Answers are sent compressed to browsers that take it: tiles and JSON shrink to a third."""

import gzip

from flask import Flask, Response, request

# Below this a header costs more than it saves; 5 is where more effort stops paying.
SMALLEST = 1024
LEVEL = 5
_KINDS = ("application/json", "application/vnd.mapbox-vector-tile", "text/html")


def init_compression(app: Flask) -> None:
    """Compress what grows with the data."""
    app.after_request(_compress)


def _compress(response: Response) -> Response:
    if (
        response.direct_passthrough
        or response.status_code != 200
        or response.mimetype not in _KINDS
        or "Content-Encoding" in response.headers
        or not request.accept_encodings["gzip"]
        or len(content := response.get_data()) < SMALLEST
    ):
        return response
    response.set_data(gzip.compress(content, LEVEL, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
    response.vary.add("Accept-Encoding")
    return response
