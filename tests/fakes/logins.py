"""Identity Center's sign-in, tokens and a person's screen, all in memory and under a test's hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from sentinel_server.credentials.sso import Client, Device, Login, Notes, Progress, Token, Turn
from sentinel_server.errors import LoginRequired, UpstreamFailed
from sentinel_server.secret import Secret
from tests.fakes.clock import FakeClock

LOGIN = Login(start_url="https://corp.example.com/start", region="eu-west-1", session="corp", profile="work")


@dataclass(slots=True)
class FakeFiles:
    """TokenFiles of one machine; `busy` says that another process has the turn."""

    token: Token | None = None
    notes: Notes = field(default_factory=Notes)
    busy: bool = False
    turns: int = 0
    written: int = 0

    def read(self, login: Login) -> Token | None:
        """What is there."""
        return self.token

    def write(self, login: Login, token: Token) -> None:
        """Keep it."""
        self.token, self.written = token, self.written + 1

    def remove(self, login: Login) -> None:
        """Forget it."""
        self.token = None

    def glance(self, login: Login) -> Notes:
        """What was left."""
        return self.notes

    @asynccontextmanager
    async def turn(self, login: Login) -> AsyncIterator[Turn | None]:
        """The turn, unless another has it."""
        self.turns += 1
        yield None if self.busy else _Turn(self)


@dataclass(slots=True)
class _Turn:
    files: FakeFiles

    def notes(self) -> Notes:
        return self.files.notes

    def leave(self, notes: Notes) -> None:
        self.files.notes = notes


Answer = Token | Progress | LoginRequired | UpstreamFailed


@dataclass(slots=True)
class FakeSignIn:
    """A SignIn that gives these answers, the last one for ever, and remembers what it was asked."""

    clock: FakeClock
    answers: list[Answer] = field(default_factory=list)
    refreshed: Token | UpstreamFailed | None = None
    begun: int = 0
    asked: list[Device] = field(default_factory=list)
    refreshes: list[Token] = field(default_factory=list)

    def device(self, number: int = 1) -> Device:
        """The code that is given out as the nth."""
        client = Client(id="c", secret=Secret("s"), expires_at=self.clock.now() + timedelta(days=90))
        return Device(
            code=Secret(f"device-{number}"),
            user_code=f"CODE-{number}",
            url=f"https://device.example.com/?user_code=CODE-{number}",
            expires_at=self.clock.now() + timedelta(minutes=10),
            interval=5,
            client=client,
        )

    async def begin(self, login: Login) -> Device:
        """A new code."""
        self.begun += 1
        return self.device(self.begun)

    async def ask(self, login: Login, device: Device) -> Token | Progress:
        """The next answer."""
        self.asked.append(device)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, LoginRequired | UpstreamFailed):
            raise answer
        return answer

    async def refresh(self, login: Login, token: Token) -> Token | None:
        """The new token, if there is to be one."""
        self.refreshes.append(token)
        if isinstance(self.refreshed, UpstreamFailed):
            raise self.refreshed
        return self.refreshed


@dataclass(slots=True)
class FakeScreen:
    """A Screen that remembers; nobody sees it unless `there`."""

    there: bool = True
    shown: list[tuple[str, bool]] = field(default_factory=list)
    waited: int = 0

    def reaches(self, *, open_browser: bool) -> bool:
        """Whether somebody is there."""
        return self.there

    def show(self, login: Login, device: Device, *, open_browser: bool) -> None:
        """Take note."""
        self.shown.append((device.user_code, open_browser))

    def wait_for_others(self, login: Login, device: Device | None) -> None:
        """Take note."""
        self.waited += 1


def passing(clock: FakeClock, then: Callable[[], None] = lambda: None) -> Callable[[float], Awaitable[None]]:
    """A pause during which the fake clock goes on and `then` happens."""

    async def pause(seconds: float) -> None:
        clock.pass_(timedelta(seconds=seconds))
        then()

    return pause
