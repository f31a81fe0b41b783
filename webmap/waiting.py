"""How long the server waits for whoever says nothing: a phone that lost its signal says no goodbye.

Gunicorn's threads wait without end for a handshake, for a request and for its rest. A few such
connections, and nobody is served.
"""

import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from gunicorn import http
from gunicorn.sock import ssl_wrap_socket
from gunicorn.workers.gthread import TConn, ThreadWorker

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def impatient(silence: int) -> type:
    """Return a worker that cuts off who says nothing for ``silence`` seconds.

    The wait for a request ends as one that was cut does. An encrypted connection that asks
    for nothing, as browsers open ahead of need, is closed as one that is kept alive.
    """

    class ImpatientWorker(ThreadWorker):  # type: ignore[misc]
        def handle(self, conn: TConn) -> Any:
            def init() -> None:
                if self.cfg.is_ssl and not conn.initialized:
                    _encrypt(conn, silence)
                TConn.init(conn)
                conn.sock.settimeout(silence)

            conn.init = init
            return super().handle(conn)

    return ImpatientWorker


def _encrypt(conn: TConn, silence: int) -> None:
    """Make a connection an encrypted one; raises ``StopIteration``, which closes it, in silence."""
    conn.sock.settimeout(silence)
    conn.sock = ssl_wrap_socket(conn.sock, conn.cfg)
    try:
        conn.sock.do_handshake()
    except TimeoutError:
        raise StopIteration from None
    conn.data_ready = False
    if not conn.wait_for_data(conn.cfg.keepalive):
        raise StopIteration
    conn.parser = http.get_parser(conn.cfg, conn.sock, conn.client)


def answering(app: "WSGIApplication") -> "WSGIApplication":
    """Let answers take as long as their line does: a large export is no silence."""

    def answer(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        sock: socket.socket = environ["gunicorn.socket"]

        def begin(*told: Any) -> Callable[[bytes], object]:
            sock.settimeout(None)
            return start(*told)

        return app(environ, begin)

    return answer
