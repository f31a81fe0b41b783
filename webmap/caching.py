"""Answers that a browser keeps for itself, and asks each time whether they still hold."""

from flask import Response, request


def ask_again(response: Response) -> Response:
    """Give an answer its ETag, and send nothing where the asker has it already.

    What a view has said of its caching holds.
    """
    response.headers.setdefault("Cache-Control", "private, no-cache")
    response.vary.update(("Cookie", "Authorization", "Accept-Encoding"))
    if request.method in {"GET", "HEAD"} and response.status_code == 200:
        response.add_etag(weak=True)
        response.make_conditional(request)
    return response


def keep_picture(response: Response, kept: str) -> Response:
    """Say of a picture who may keep it (``kept``), and that nothing in it runs."""
    response.headers["Cache-Control"] = kept
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
