"""Files to send, a place that takes them or not, and a memory of how far, all without a disk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sentinel_server.auditlog.shipping import Batch, Limits
from sentinel_server.errors import AuditUnavailable


@dataclass(slots=True)
class MemoryFiles:
    """LogFiles in a mapping; tests write to it."""

    contents: dict[str, bytes] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Sorted, as on a disk."""
        return sorted(self.contents)

    def lines(self, name: str, start: int = 0) -> Iterator[tuple[bytes, int]]:
        """The whole lines from there on."""
        *whole, _ = self.contents.get(name, b"")[start:].split(b"\n")
        for line in whole:
            start += len(line) + 1
            yield line, start

    def end(self, name: str) -> int:
        """Where the last whole line ends."""
        return self.contents.get(name, b"").rfind(b"\n") + 1


@dataclass(slots=True)
class MemoryOutlet:
    """Takes batches. `fails` is raised, at once or `after` so many; a `silent` one never answers."""

    name: str = "elsewhere"
    limits: Limits = field(default_factory=lambda: Limits(lines=3, size=10_000))
    batches: list[Batch] = field(default_factory=list)
    fails: AuditUnavailable | None = None
    after: int = 0
    silent: bool = False

    async def send(self, batch: Batch) -> None:
        """Take it, or fail."""
        if self.silent:
            await asyncio.Event().wait()
        if self.fails is not None and len(self.batches) >= self.after:
            raise self.fails
        self.batches.append(batch)

    def got(self) -> list[bytes]:
        """Every line that was taken, in order."""
        return [line for batch in self.batches for line in batch.lines]


@dataclass(slots=True)
class MemoryCursor:
    """A cursor that may be somebody else's, and may be lost."""

    sent: dict[str, int] = field(default_factory=dict)
    taken: bool = False
    saves: int = 0

    def claim(self) -> bool:
        """Unless somebody else has it."""
        return not self.taken

    def release(self) -> None:
        """Nothing is held."""

    def load(self) -> dict[str, int]:
        """A copy."""
        return dict(self.sent)

    def save(self, sent: Mapping[str, int]) -> None:
        """Remember it."""
        self.sent = dict(sent)
        self.saves += 1
