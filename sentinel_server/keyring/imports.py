"""Keys from elsewhere into the keyring: nothing is overwritten unasked, or counted before it is there."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from sentinel_server.errors import SentinelError
from sentinel_server.frozen import frozen
from sentinel_server.keyring.aws_vault import Found
from sentinel_server.keyring.keys import Keys


class Outcome(Enum):
    """What became of one thing that was found."""

    IMPORTED = "imported"
    THERE = "there already"
    DIFFERENT = "another key is there"
    LEFT = "left out"
    FAILED = "not imported"

    @property
    def fine(self) -> bool:
        """Whether nothing is left to do for it."""
        return self in (Outcome.IMPORTED, Outcome.THERE, Outcome.LEFT)


@frozen
class Line:
    """One thing that was found, what became of it, and why."""

    name: str
    outcome: Outcome
    key_id: str | None = None
    why: str = ""


async def bring_in(
    keys: Keys, found: Iterable[Found], *, replace: bool = False, dry_run: bool = False
) -> tuple[Line, ...]:
    """Keep what was found, and read each key back; what is there under its name stays unless `replace`.

    With `dry_run` nothing is changed, and the lines say what would be.
    """
    return tuple(
        [await _bring_in(keys, each, replace, dry_run) for each in sorted(found, key=lambda each: each.name)]
    )


async def _bring_in(keys: Keys, found: Found, replace: bool, dry_run: bool) -> Line:
    key = found.key
    if key is None:
        outcome = Outcome.LEFT if found.passing else Outcome.FAILED
        return Line(name=found.name, outcome=outcome, why=found.why)

    def line(outcome: Outcome, why: str = "") -> Line:
        return Line(name=found.name, outcome=outcome, key_id=key.id, why=why)

    try:
        kept = await keys.get(found.name)
        if kept is not None and kept.key.id == key.id and kept.key.secret.reveal() == key.secret.reveal():
            return line(Outcome.THERE)
        if kept is not None and not replace:
            return line(Outcome.DIFFERENT, f"{kept.key.id} was left in place")
        if not dry_run:
            await keys.add(found.name, key, replace=replace)
            again = await keys.get(found.name)
            if again is None or again.key.secret.reveal() != key.secret.reveal():
                return line(Outcome.FAILED, "the keyring did not keep it")
        return line(Outcome.IMPORTED)
    except SentinelError as error:
        return line(Outcome.FAILED, error.message)
