"""Answers that a browser keeps for itself, and asks each time whether they still hold."""

from flask import Response, request


def ask_again(response: Response) -> Response:
    """Give an answer its ETag, and send nothing where the asker has it already."""
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.update(("Cookie", "Authorization", "Accept-Encoding"))
    if request.method in {"GET", "HEAD"} and response.status_code == 200:
        response.add_etag(weak=True)
        response.make_conditional(request)
    return response
