"""Cells of the matrix: one fault, met at one moment of a session's life."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from tests.faults.faults import Fault


class Moment(Enum):
    """When a fault is met."""

    START = "start"
    FIRST_FETCH = "first fetch"
    STEADY = "steady"
    RENEWAL = "renewal"
    REVOCATION = "revocation"
    SHUTDOWN = "shutdown"


@dataclass(slots=True, kw_only=True)
class Cell:
    """What one cell came to. `said` are the outcomes, in words: `Success`, a refusal's code, …

    `slowest` is in milliseconds, `back` in seconds from the fault's end; `wrong` is empty when all was well.
    """

    fault: Fault
    moment: Moment
    said: list[str] = field(default_factory=list)
    slowest: float = 0.0
    back: float | None = None
    wrong: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"{self.fault.name}, {self.moment.value}"

    def say(self, *words: str) -> None:
        """Note outcomes, each once."""
        self.said += [word for word in dict.fromkeys(words) if word not in self.said]

    def expect(self, words: Sequence[str], allowed: frozenset[str]) -> None:
        """Note outcomes, of which only some are right here."""
        self.say(*words)
        surprising = sorted(set(words) - allowed)
        if surprising:
            self.wrong.append(f"{', '.join(surprising)}, where only {', '.join(sorted(allowed))} is right")
