"""The root of the tree: a message, the next step, and the numbers that the outside sees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

BODY_LIMIT = 300
"""Characters a refusal may take in an HTTP body: SDKs print it inside their own exception."""


class SentinelError(Exception):
    """Something a person must read: what happened and why, and in `hint` what to do next."""

    code: ClassVar[str] = "Failed"
    exit_status: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    default_hint: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.default_hint if hint is None else hint

    def line(self, limit: int = BODY_LIMIT) -> str:
        """The message and the next step on one line of at most `limit` characters.

        What is too long is cut in the message, because nobody can act on half a next step.
        """
        message, hint = " ".join(self.message.split()), " ".join(self.hint.split())
        if not hint:
            return _cut(message, limit)
        hint = _cut(hint, limit * 2 // 3)
        return f"{_cut(message, limit - len(hint) - 2)}; {hint}"


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def all_errors() -> Iterator[type[SentinelError]]:
    """Every error class, parents first, in the order of the tree that the package draws."""

    def below(kind: type[SentinelError]) -> Iterator[type[SentinelError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from below(child)

    return below(SentinelError)
