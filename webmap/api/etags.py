"""The ETag of a case or of lanes: their version, and a hash of what this reader is told.

A case's answer also says what its next moves lack, which may change while the case
does not. So a browser compares the whole tag, and ``If-Match`` only the version.
"""

import hashlib
import re

from flask import Response, request
from werkzeug.exceptions import PreconditionRequired

_TAG = re.compile(r"v([1-9][0-9]{0,8})(?:-[0-9a-f]+)?", re.ASCII)
_LANES_TAG = re.compile(r"([0-9a-f]{16})(?:-[0-9a-f]+)?", re.ASCII)


def tag_version(response: Response, version: int) -> Response:
    """Give an answer that holds one case its ETag."""
    return _tag(response, f"v{version}")


def tag_lanes(response: Response, version: str) -> Response:
    """Give an answer that holds the lanes of a community its ETag."""
    return _tag(response, version)


def _tag(response: Response, version: str) -> Response:
    content = hashlib.sha256(response.get_data()).hexdigest()[:16]
    response.set_etag(f"{version}-{content}")
    return response


def asked_versions() -> frozenset[int]:
    """Return the versions that ``If-Match`` names; raises 428 where nobody says what was read.

    ``*`` says only that there is a case, and would overwrite whatever it is now. A
    proxy that compresses makes tags weak, and the version in them is as good.
    """
    return frozenset(int(one[1]) for one in map(_TAG.fullmatch, _asked()) if one)


def asked_lanes() -> frozenset[str]:
    """Return the versions of lanes that ``If-Match`` names, as :func:`asked_versions`."""
    return frozenset(one[1] for one in map(_LANES_TAG.fullmatch, _asked()) if one)


def _asked() -> list[str]:
    if not request.if_match or request.if_match.star_tag:
        raise PreconditionRequired
    # An empty tag is legal, and werkzeug's name for it is None.
    return [tag or "" for tag in request.if_match.as_set(include_weak=True)]
