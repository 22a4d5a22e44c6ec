"""The load: a program that fetches over kept-alive connections, as lean as Python allows.

It reads one JSON order per line on stdin and writes one JSON outcome per line on stdout. Every order is
bounded, by a number of requests and by seconds.
"""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

_READ = 16 * 1024
_STUCK = 5.0
"""Seconds without any answer after which the load gives up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to do: so many requests in all over so many connections, `warm` unmeasured ones before that."""

    port: int
    token: str = ""
    path: str = "/credentials"
    connections: int = 1
    asking: int = 0
    """How many of the connections ask anything, the others being held open; 0 for all of them."""
    requests: int = 500
    warm: int = 50
    seconds: float = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Requests a second, milliseconds from request to answer of each, and the last answer's body."""

    rate: float
    times: list[float]
    body: str


class Load:
    """The program, running; a context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, order: Order) -> Outcome:
        """Carry out one order. Raises RuntimeError when an answer was not a 200 or none came."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        if "error" in told:
            raise RuntimeError(told["error"])
        return Outcome(**told)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=10)


class _Client:
    """One connection: `began` is when its request went out."""

    __slots__ = ("began", "buffer", "socket", "whole")

    def __init__(self, order: Order) -> None:
        self.socket = socket.create_connection(("127.0.0.1", order.port), timeout=_STUCK)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.whole = 0
        self.began = 0.0

    def send(self, request: bytes) -> None:
        self.began = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bytes | None:
        """The whole answer, or None while some of it is missing."""
        data = self.socket.recv(_READ)
        if not data:
            raise RuntimeError("the server closed the connection")
        self.buffer = self.buffer + data if self.buffer else data
        if not self.whole:
            self.whole = _length(self.buffer)
        if not self.whole or len(self.buffer) < self.whole:
            return None
        answer, self.buffer, self.whole = self.buffer, b"", 0
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"not served: {answer[:400]!r}")
        return answer


def _length(data: bytes) -> int:
    """Bytes of the answer that begins with `data`; 0 while its header is incomplete."""
    head, end, _ = data.partition(b"\r\n\r\n")
    if not end:
        return 0
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return len(head) + 4 + int(length)


def _request(order: Order) -> bytes:
    return (
        f"GET {order.path} HTTP/1.1\r\nHost: 127.0.0.1:{order.port}\r\nAccept: application/json\r\n"
        f"Accept-Encoding: identity\r\nUser-Agent: botocore\r\nAuthorization: {order.token}\r\n\r\n"
    ).encode()


def carry_out(order: Order) -> Outcome:
    """Send what is ordered and time every answer."""
    clients = [_Client(order) for _ in range(order.connections)]
    try:
        if order.warm:
            _drive(clients, order, order.warm)
        began = time.perf_counter()
        times, answer = _drive(clients, order, order.requests)
        spent = time.perf_counter() - began
    finally:
        for client in clients:
            client.socket.close()
    return Outcome(
        rate=len(times) / spent,
        times=[1000 * each for each in times],
        body=answer.partition(b"\r\n\r\n")[2].decode(),
    )


def _drive(clients: list[_Client], order: Order, requests: int) -> tuple[list[float], bytes]:
    request, answer = _request(order), b""
    times: list[float] = []
    left = requests
    until = time.monotonic() + order.seconds
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
        for client in clients[: order.asking or len(clients)]:
            client.send(request)
        waiting = order.asking or len(clients)
        left -= waiting
        while waiting:
            ready = selector.select(_STUCK)
            if not ready:
                raise RuntimeError(f"no answer within {_STUCK:g} s")
            for key, _ in ready:
                client = key.data
                whole = client.receive()
                if whole is None:
                    continue
                times.append(time.perf_counter() - client.began)
                answer = whole
                if left > 0 and time.monotonic() < until:
                    left -= 1
                    client.send(request)
                else:
                    waiting -= 1
    return times, answer


def main() -> None:
    """Carry out orders until stdin ends."""
    for line in sys.stdin:
        try:
            told: dict[str, Any] = asdict(carry_out(Order(**json.loads(line))))
        except (OSError, RuntimeError, ValueError) as error:
            told = {"error": str(error)}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
