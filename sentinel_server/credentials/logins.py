"""Tokens of Identity Center: kept ones, refreshed ones, and those for which a person is asked.

Rules kept here:
- One process at a time changes a login; the others wait for what it brings. A process that dies gives its
  turn back, and the next one goes on with the very code that the person has in front of them.
- A login that failed is not tried again by those who were waiting for it: one browser tab, one answer.
- Nobody is asked unless the caller says that a person is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from sentinel_server.clock import Clock
from sentinel_server.credentials.sso import (
    REFRESHED_FROM,
    Device,
    Login,
    Notes,
    Progress,
    Screen,
    SignIn,
    Token,
    TokenFiles,
    Turn,
)
from sentinel_server.errors import LoginRequired, UpstreamFailed
from sentinel_server.secret import Secret

LOOK_EVERY = 0.2
"""Seconds between two looks at a login that another process has in hand."""

OTHERS = 3.0
"""Seconds that a fetch waits for another process; that one may be waiting for a person."""

OTHERS_ATTENDED = 660.0
"""Seconds that a person's command waits for another process: a code lasts ten minutes."""

SLOWER = 5.0
"""Seconds that the service wants added when it is asked too often (RFC 8628, 3.5)."""

WORTH_RESUMING = timedelta(seconds=10)
"""What must be left of a code for it to be taken over."""

_TROUBLES = 5
"""Failed questions in a row that a login survives."""

Pause = Callable[[float], Awaitable[None]]


class Logins:
    """Gives tokens. For one event loop; any number of processes may do the same."""

    def __init__(
        self,
        files: TokenFiles,
        sign_in: SignIn,
        clock: Clock,
        *,
        screen: Screen | None = None,
        open_browser: bool = True,
        pause: Pause = asyncio.sleep,
    ) -> None:
        """Without a `screen` no person is ever asked."""
        self._files = files
        self._sign_in = sign_in
        self._clock = clock
        self._screen = screen
        self._open_browser = open_browser
        self._pause = pause
        self._rejected: set[Secret] = set()
        self._spent: set[Secret] = set()

    def reject(self, token: Token) -> None:
        """Take note that the portal did not accept this token, whatever its end says."""
        self._rejected.add(token.access)

    def kept(self, login: Login) -> Token | None:
        """The token that is there now, however little of it is left."""
        return self._files.read(login)

    def forget(self, login: Login) -> None:
        """Drop the token that is there. Raises InvalidSetting where that cannot be done."""
        self._files.remove(login)

    def renews(self, token: Token) -> bool:
        """Whether it can be renewed without a person, as far as is known."""
        return token.renews(self._clock.now()) and token.refresh not in self._spent

    async def token(self, login: Login, *, attended: bool = False, anew: bool = False) -> Token:
        """A token that is good now. `attended` says that a person may be asked; `anew`, that one must be.

        Raises LoginRequired, UpstreamFailed, InvalidSetting.
        """
        kept = self._files.read(login)
        if kept is not None and not anew and self._settled(kept):
            return kept
        if not attended and (kept is None or not (self.renews(kept) or self._lasts(kept))):
            raise _lapsed(login, kept)
        failures, waited, said = self._files.glance(login).failures, 0.0, False
        while True:
            async with self._files.turn(login) as turn:
                if turn is not None:
                    return await self._in_turn(login, turn, failures, attended=attended, anew=anew)
            found = self._files.read(login)
            if found is not None and self._lasts(found) and not (anew and found == kept):
                return found
            if waited >= (OTHERS_ATTENDED if attended else OTHERS):
                raise LoginRequired(
                    f"another process is logging in to {login}", hint="finish that login, then try again"
                )
            said = said or self._say(login, attended)
            await self._pause(LOOK_EVERY)
            waited += LOOK_EVERY

    async def _in_turn(self, login: Login, turn: Turn, failures: int, *, attended: bool, anew: bool) -> Token:
        kept = self._files.read(login)
        if kept is not None and not anew:
            if self._settled(kept):
                return kept
            if (fresh := await self._refreshed(login, kept)) is not None:
                return fresh
            if self._lasts(kept):
                return kept
        notes = turn.notes()
        if notes.failures != failures:
            raise LoginRequired(notes.why or f"the login to {login} has failed", hint=again(login))
        if not attended or self._screen is None:
            raise _lapsed(login, kept)
        if not self._screen.reaches(open_browser=self._open_browser):
            raise LoginRequired(
                f"{_state(login, kept)}, and there is neither a terminal nor a browser to log in with",
                hint=again(login),
            )
        return await self._by_person(login, turn, notes, self._screen)

    async def _refreshed(self, login: Login, kept: Token) -> Token | None:
        if not self.renews(kept):
            return None
        try:
            fresh = await self._sign_in.refresh(login, kept)
        except UpstreamFailed:
            if self._lasts(kept):
                return kept
            raise
        if fresh is None:
            if kept.refresh is not None:
                self._spent.add(kept.refresh)
            return None
        self._files.write(login, fresh)
        return fresh

    async def _by_person(self, login: Login, turn: Turn, notes: Notes, screen: Screen) -> Token:
        under_way = notes.device
        resumed = under_way is not None and under_way.expires_at - self._clock.now() > WORTH_RESUMING
        device = under_way if under_way is not None and resumed else await self._sign_in.begin(login)
        turn.leave(replace(notes, device=device))
        screen.show(login, device, open_browser=self._open_browser and not resumed)
        try:
            token = await self._polled(login, device)
        except LoginRequired as error:
            turn.leave(Notes(failures=notes.failures + 1, why=error.message))
            raise
        if token is None:
            left = Notes(failures=notes.failures)
            turn.leave(left)
            if resumed:  # whoever had it before has used it, and died before telling anybody
                return await self._by_person(login, turn, left, screen)
            raise LoginRequired(f"the login to {login} is not known any more", hint=again(login))
        self._files.write(login, token)
        turn.leave(Notes(failures=notes.failures))
        return token

    async def _polled(self, login: Login, device: Device) -> Token | None:
        """The token; None when the code is gone. Raises LoginRequired when nobody confirms it in time."""
        left = (device.expires_at - self._clock.now()).total_seconds()
        end, interval, troubles = self._clock.monotonic() + left, device.interval, 0
        while True:
            await self._pause(interval)
            try:
                answer: Token | Progress = await self._sign_in.ask(login, device)
                troubles = 0
            except UpstreamFailed:
                troubles, answer = troubles + 1, Progress.WAITING
                if troubles >= _TROUBLES:
                    raise
            if isinstance(answer, Token):
                return answer
            if answer is Progress.GONE:
                return None
            interval += SLOWER if answer is Progress.TOO_FAST else 0
            if self._clock.monotonic() >= end:
                raise LoginRequired(
                    f"nobody confirmed the code {device.user_code} in time to log in to {login}",
                    hint=again(login),
                )

    def _say(self, login: Login, attended: bool) -> bool:
        device = self._files.glance(login).device
        if attended and self._screen is not None and device is not None:
            self._screen.wait_for_others(login, device)
            return True
        return False

    def _lasts(self, token: Token) -> bool:
        return token.access not in self._rejected and token.lasts(self._clock.now())

    def _settled(self, token: Token) -> bool:
        """Whether nothing can or need be done about it now."""
        early = token.lasts(self._clock.now(), REFRESHED_FROM)
        return self._lasts(token) and (early or not self.renews(token))


def again(login: Login) -> str:
    """The command that logs in."""
    if not login.profile and not login.session:
        return "log in again: sentinel sso login --profile NAME"
    what = f"--profile {_quoted(login.profile)}" if login.profile else f"--sso-session {login.session}"
    return f"log in: sentinel sso login {what}, or: aws sso login {what}"


def _lapsed(login: Login, kept: Token | None) -> LoginRequired:
    return LoginRequired(_state(login, kept), hint=again(login))


def _state(login: Login, kept: Token | None) -> str:
    return f"there is no login to {login}" if kept is None else f"the login to {login} has ended"


def _quoted(name: str) -> str:
    from shlex import quote

    return quote(name)
