"""A way to an endpoint that can be closed: what a service looks like when it, or the network, is gone."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Relay:
    """Passes TCP connections on to the address of `url`, byte by byte, from a port of its own.

    `stop` refuses connections and breaks those there are. `hang` accepts them and says nothing. `mend` passes
    on again.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._to = (parts.hostname or "", parts.port or 0)
        self._port = 0
        self._listener: socket.socket | None = None
        self._hanging = False
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.mend()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Refuse and break every connection."""
        listener, self._listener = self._listener, None
        if listener is not None:
            _end(listener)
        self._break()

    def hang(self) -> None:
        """Break every connection, and answer nothing on new ones."""
        self._hanging = True
        self._break()

    def mend(self) -> None:
        """Pass on again; what hung is broken."""
        self._hanging = False
        self._break()
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self._port))
            self._port = self._listener.getsockname()[1]
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:  # it was stopped
                return
            if self._hanging:
                self._keep(near)
                continue
            far = socket.create_connection(self._to)
            self._keep(near, far)
            if self._listener is not listener or self._hanging:
                self._break()  # it was closed while this connection came
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _keep(self, *sockets: socket.socket) -> None:
        with self._lock:
            self._open.update(sockets)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:  # one of the two has ended
            pass
        with self._lock:
            self._open.difference_update((source, target))
        _end(source)
        _end(target)

    def _break(self) -> None:
        with self._lock:
            broken, self._open = self._open, set()
        for each in broken:
            _end(each)


def _end(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it had ended already
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
