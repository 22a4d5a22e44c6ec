"""An attacker of the loopback server: sends bytes in pieces, reads to the end, and looks at what they did.

A real child is there before, during and after it, on a connection of its own.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from sentinel_server.secret import Secret
from sentinel_server.web.options import WebOptions
from tests.fakes.doors import FakeDoor
from tests.fakes.raw_http import Answer, RawClient, connected
from tests.fakes.sites import TOKEN, Site

STATUSES = {200, 400, 403, 404, 405, 500}
"""All that the server ever answers."""


def a_site(max_connections: int = 768) -> Site:
    """A server whose answers are counted, and that no stall of this machine makes late."""
    options = WebOptions(token=Secret(TOKEN), deadline=30.0, max_connections=max_connections)
    return Site(door=Counting(), options=options)


class Counting(FakeDoor):
    """Its answers say which of them they are."""

    async def fetch(self) -> bytes:
        """The body, with the number of the fetch in it."""
        body = await FakeDoor.fetch(self)
        return body.replace(b"ASIACANARY", b"ASIACANARY%d" % self.asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one attack; `fetches` are those of the attacker alone."""

    answers: list[Answer]
    fetches: int
    log: str

    @property
    def statuses(self) -> list[int]:
        """Of the answers, in order."""
        return [answer.status for answer in self.answers]

    @property
    def credentials(self) -> int:
        """How many answers hold some."""
        return sum(b"canary" in answer.body.lower() for answer in self.answers)


class _Log(logging.Handler):
    """Keeps what every logger says, at any level."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it, as it would be written."""
        self.said.append(self.format(record))


@contextmanager
def _overheard() -> Iterator[_Log]:
    root, log = logging.getLogger(), _Log()
    before = root.level
    root.addHandler(log)
    root.setLevel(logging.DEBUG)
    try:
        yield log
    finally:
        root.removeHandler(log)
        root.setLevel(before)


@dataclass(slots=True)
class Battle:
    """A site under attack; `ours` is whether the attacker's socket counts as one of the child's user."""

    ours: bool = True
    site: Site = field(default_factory=a_site)

    async def fight(self, pieces: Sequence[bytes]) -> Outcome:
        """Attack once, while the child fetches before and after; AssertionError when it is not served."""
        with _overheard() as log:
            async with self.site.server, connected(self.site.port) as child:
                await self._child(child)
                before, self.site.ours = self.site.door.asked, self.ours
                got = await _converse(self.site.port, pieces)
                fetches = self.site.door.asked - before
                await self._child(child)
        return Outcome(answers=list(_read(got)), fetches=fetches, log="\n".join(log.said))

    async def _child(self, child: RawClient) -> None:
        child.send(self.site.request())
        answer = await child.answer()
        assert (answer.status, answer.json()["Code"]) == (200, "Success")


async def _converse(port: int, pieces: Sequence[bytes]) -> bytes:
    """All that comes until the server closes, which the last piece must make it do.

    By a bare socket: a stream of asyncio forgets what it has read when the connection is reset.
    """
    loop, got = asyncio.get_running_loop(), bytearray()
    with socket.socket() as attacker:
        attacker.setblocking(False)
        await loop.sock_connect(attacker, ("127.0.0.1", port))
        with suppress(ConnectionError):
            for piece in pieces:
                await loop.sock_sendall(attacker, piece)
                await asyncio.sleep(0)
        with suppress(ConnectionError):
            async with asyncio.timeout(30):
                while data := await loop.sock_recv(attacker, 65536):
                    got += data
    return bytes(got)


def _read(data: bytes) -> Iterator[Answer]:
    """Every answer; AssertionError when there is anything but answers of ours."""
    while data:
        head, end, rest = data.partition(b"\r\n\r\n")
        header = head.decode("ascii")
        assert end
        assert header.split("\r\n")[1] == "Content-Type: application/json"
        size = int(header.partition("\r\nContent-Length: ")[2].partition("\r\n")[0])
        body, data = rest[:size], rest[size:]
        answer = Answer(status=int(header.split()[1]), header=header, body=body)
        assert len(body) == size
        assert answer.status in STATUSES
        yield answer


def attack(pieces: Sequence[bytes], *, ours: bool = True) -> Outcome:
    """One attack on a server of its own, by one of the child's user's processes or another's."""
    return asyncio.run(Battle(ours=ours).fight(pieces))
