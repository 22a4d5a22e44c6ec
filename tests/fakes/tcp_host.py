"""A host that answers each request on a connection with the bytes it was given for it, well-formed or not."""

from __future__ import annotations

import socket
import ssl
import threading
from types import TracebackType
from typing import Self

HANG = b"hang"
"""An answer that never comes."""

ECHO = b"echo"
"""An answer that says what was asked."""


def an_answer(body: bytes = b"{}", status: str = "200 OK", more: str = "") -> bytes:
    """A whole HTTP response."""
    return f"HTTP/1.1 {status}\r\n{more}content-length: {len(body)}\r\n\r\n".encode() + body


class TcpHost:
    """Each connection is answered by its own list of byte strings, one a request, and then closed.

    `connections` says how many there were, `requests` what was asked, `gone` is set once the other side has
    closed one that hangs.
    """

    def __init__(self, *answers: list[bytes], tls: ssl.SSLContext | None = None) -> None:
        self._answers = list(answers)
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[bytes] = []
        self.connections = 0
        self.gone = threading.Event()
        self.closed = threading.Event()

    @property
    def url(self) -> str:
        """Where it listens, on localhost."""
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while self._answers:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection, self._answers.pop(0)), daemon=True).start()

    def _serve(self, connection: socket.socket, answers: list[bytes]) -> None:
        try:
            with self._tls.wrap_socket(connection, server_side=True) if self._tls else connection as served:
                for answer in answers:
                    asked = _request(served)
                    self.requests.append(asked)
                    if answer == HANG:
                        served.recv(1)
                        self.gone.set()
                        return
                    served.sendall(an_answer(asked.partition(b"\r\n\r\n")[2]) if answer == ECHO else answer)
        except OSError:
            self.gone.set()
        finally:
            self.closed.set()


def _request(connection: socket.socket) -> bytes:
    found = b""
    while b"\r\n\r\n" not in found:
        if not (more := connection.recv(65536)):
            raise ConnectionResetError
        found += more
    head, _, body = found.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
