"""Where codes of MFA devices come from, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from sentinel_server.canonical import Json, canonical
from sentinel_server.clock import Clock
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.credentials.ports import CodeAsk, CodeSource

_WORTH_KEEPING = timedelta(minutes=5)


class GivenCode:
    """The one code that came with the command; it cannot be given twice, because AWS takes each once."""

    def __init__(self, code: str) -> None:
        self._code: str | None = code

    async def code(self, ask: CodeAsk) -> str | None:
        """The code, the first time."""
        given, self._code = self._code, None
        return given


class FirstOf:
    """The first of several sources that has a code."""

    def __init__(self, sources: Sequence[CodeSource]) -> None:
        self._sources = tuple(sources)

    async def code(self, ask: CodeAsk) -> str | None:
        """Whatever the first one with a code says. Raises LoginRequired as they do."""
        for source in self._sources:
            code = await source.code(ask)
            if code is not None:
                return code
        return None


class MemorySessions:
    """A SessionCache for one process: what it asked a person for once, it does not ask for again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[bytes, AwsCredentials] = {}

    async def session(
        self,
        owner: str,
        about: Json,
        make: Callable[[], Awaitable[AwsCredentials]],
        spent: Callable[[AwsCredentials], bool] = lambda _: False,
    ) -> AwsCredentials:
        """The session kept under `about` while it lasts, else what `make` makes."""
        key = canonical(about)
        kept = self._kept.get(key)
        end = None if kept is None else kept.expires_at
        lasts = end is not None and end - self._clock.now() > _WORTH_KEEPING
        if kept is not None and lasts and not spent(kept):
            return kept
        made = self._kept[key] = await make()
        return made
