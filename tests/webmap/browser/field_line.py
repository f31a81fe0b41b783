"""A bad line: a proxy on loopback that cuts uploads where a seeded plan says."""

import random
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PIECE_OF = re.compile(rb"^PATCH \S*/field/uploads/(\S+) HTTP")
HEAD_END = b"\r\n\r\n"
# SO_LINGER with no time: what is closed is cut, and nobody says goodbye.
AT_ONCE = struct.pack("ii", 1, 0)


@dataclass
class BadLine:
    """Cuts each upload ``cuts`` times, each time after a random byte of the file.

    A cut after the last byte takes the answer: the server has all, and the phone does not know.
    """

    server: tuple[str, int]
    cuts: int
    random: random.Random
    size: int
    plans: dict[bytes, list[int]] = field(default_factory=dict)
    done: int = 0
    lost_answers: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def serve(self, client: socket.socket) -> None:
        """Pass one request on, whole or cut."""
        upstream = None
        try:
            head = _head(client)
            if not head:
                return
            upstream = socket.create_connection(self.server)
            upstream.sendall(head)
            if self._send_body(client, upstream, head):
                while piece := upstream.recv(65_536):
                    client.sendall(piece)
            else:
                _cut(client)
                _cut(upstream)
        except OSError:
            pass  # One side went away: the other learns of it below.
        finally:
            for one in (client, upstream):
                if one is not None:
                    one.close()

    def _send_body(self, client: socket.socket, upstream: socket.socket, head: bytes) -> bool:
        """Pass the body on; false where the line is cut within it or right behind."""
        left = int(_header(head, b"Content-Length") or 0)
        named = PIECE_OF.match(head)
        offset = int(_header(head, b"Upload-Offset") or 0) if named else 0
        cut = self._next_cut(named[1], offset, left) if named else None
        most = left if cut is None else cut - offset
        sent = 0
        already = head.split(HEAD_END, 1)[1]
        assert not already
        while sent < most:
            piece = client.recv(min(65_536, most - sent))
            if not piece:
                return False
            upstream.sendall(piece)
            sent += len(piece)
        if cut is None:
            return True
        if sent == left:
            # The server answers, so that it surely has all; the answer is what is lost.
            upstream.recv(1)
            with self.lock:
                self.lost_answers += 1
        return False

    def _next_cut(self, upload: bytes, offset: int, length: int) -> int | None:
        with self.lock:
            plan = self.plans.setdefault(
                upload, sorted(self.random.randint(0, self.size) for _ in range(self.cuts))
            )
            # A cut that lies behind is one of the same place again.
            if plan and plan[0] <= offset + length:
                self.done += 1
                return max(offset, plan.pop(0))
            return None


def _head(client: socket.socket) -> bytes:
    """Return the head of a request byte by byte, so that nothing of its body is taken."""
    head = b""
    while not head.endswith(HEAD_END):
        byte = client.recv(1)
        if not byte:
            return b""
        head += byte
    return head


def _header(head: bytes, name: bytes) -> str | None:
    found = re.search(rb"\r\n" + name + rb": *([^\r]*)", head, re.IGNORECASE)
    return found[1].decode() if found else None


def _cut(one: socket.socket) -> None:
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    one.close()


@contextmanager
def bad_line(url: str, size: int, seed: int, cuts: int = 5) -> Iterator[tuple[str, BadLine]]:
    """Listen before a server of ``url``; files hold ``size`` bytes. Yields the new address."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    line = BadLine((parts.hostname, parts.port), cuts, random.Random(seed), size)
    door = socket.create_server(("127.0.0.1", 0))

    def listen() -> None:
        while True:
            try:
                client, _from = door.accept()
            except OSError:
                return
            threading.Thread(target=line.serve, args=(client,), daemon=True).start()

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{door.getsockname()[1]}{parts.path}", line
    door.shutdown(socket.SHUT_RDWR)
    door.close()
    thread.join()
