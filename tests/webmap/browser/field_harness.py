"""A page of nothing but the phone's modules, served beside the application under its policy."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from playwright.sync_api import Page
from werkzeug.serving import make_server

from layers.config import Settings
from tests.webmap.browser.conftest import Quiet, whole
from webmap.app import create_app
from webmap.connections import Connections
from webmap.security import content_security_policy

FOLDER = Path(__file__).parent / "harness"
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
OpenHarness = Callable[..., Page]


def with_harness(app: WSGIApplication) -> WSGIApplication:
    """Answer ``/harness/`` from this folder and all else from the application."""

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = str(environ["PATH_INFO"])
        if not path.startswith("/harness/"):
            return app(environ, start)
        file = FOLDER / (Path(path).name if Path(path).suffix else "index.html")
        policy = content_security_policy("none", ())
        headers = [
            ("Content-Type", f"{KINDS[file.suffix]}; charset=utf-8"),
            ("Content-Security-Policy", policy),
        ]
        start("200 OK", headers)
        return [file.read_bytes()]

    return answer


@contextmanager
def harness(settings: Settings) -> Iterator[str]:
    """Serve the application with the harness on a port of its own; yields its address."""
    app = create_app(settings)
    served = whole(with_harness(app))
    server = make_server("127.0.0.1", 0, served, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/harness/"
    server.shutdown()
    thread.join()
    server.server_close()
    connections = app.extensions["commongreen"]
    assert isinstance(connections, Connections)
    connections.close()
