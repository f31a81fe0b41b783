"""The file of a paper as it is sent, for pages and for the API.

A GET keeps what it made, so that everybody gets the same bytes: a copy of the record in
another form, which changes nothing that anybody could read. So it needs no more rights
than reading, and is the same however often and however much at once it is asked for.
"""

from collections.abc import Callable

from flask import Response, request
from sqlalchemy.orm import Session

from cases.models import DocumentRecord
from cases.papers.files import PaperFile, check_format, keep_file, kept_file, write_file
from layers.transactions import transact
from webmap.connections import current_database
from webmap.gates import current_access, place_session


def send_paper(find: Callable[[Session], DocumentRecord], language: str, format: str) -> Response:
    """Send the file of the paper that ``find`` returns, made where nobody has asked before.

    It is made outside of any transaction, which would wait for it, and kept in one of its
    own. Raises ``InputError`` for a language or format that there is not.
    """
    check_format(language, format)
    with place_session() as session:
        record = find(session)
        file = kept_file(session, record, language, format)
    if file is None:
        content = write_file(record, language, format)
        file = transact(
            current_database(),
            current_access().scope,
            lambda session: keep_file(session, record, language, format, content),
        )
    return _response(file)


def _response(file: PaperFile) -> Response:
    response = Response(file.content, content_type=file.media_type)
    response.headers.set("Content-Disposition", "attachment", filename=file.name)
    response.headers["Cache-Control"] = "private, no-cache"
    response.set_etag(file.sha256.hex())
    response.make_conditional(request)
    return response
