"""How often somebody was wrong, and which code they used last: one row per person, changed only by version.

So two who give one code at once cannot both be taken, and no number of guesses at once is more than `MOST`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sentinel_server.clock import parse_sortable, sortable
from sentinel_server.errors import MfaUnavailable
from sentinel_server.frozen import frozen
from sentinel_server.records.model import RETENTION, Change, Ledger, Ref, Row, Value, kept

MOST = 5
"""Wrong codes within `WINDOW` before none is taken for `LOCK`; and codes sent within it."""

WINDOW = timedelta(minutes=15)
LOCK = timedelta(minutes=15)

KEPT = timedelta(days=400)
"""How long a row is kept after its last use: so long that no code of then is taken by a clock set back."""

KIND = "mfa"


@frozen
class Attempts:
    """What is remembered of one person, read from a row or new."""

    ref: Ref
    version: int | None = None
    last_step: int = -1
    failures: int = 0
    sent: int = 0
    since: datetime | None = None
    locked_until: datetime | None = None

    def at(self, now: datetime) -> Attempts:
        """The same, with counts that are too old begun anew."""
        fresh = self.since is None or now - self.since >= WINDOW or now < self.since - WINDOW
        return replace(self, since=now, failures=0, sent=0) if fresh else self

    def is_locked(self, now: datetime) -> bool:
        """Whether not even the right code is taken."""
        return self.locked_until is not None and now < self.locked_until

    def failed(self, now: datetime) -> Attempts:
        """After one more wrong code."""
        failures = self.failures + 1
        locked = now + LOCK if failures >= MOST else self.locked_until
        return replace(self, failures=failures, locked_until=locked)

    def passed(self, step: int | None = None) -> Attempts:
        """After a right code, of that step of TOTP."""
        return replace(self, failures=0, last_step=self.last_step if step is None else step)

    def change(self, now: datetime) -> Change:
        """What writes it down, if nobody else has changed it since it was read."""
        values: dict[str, Value | None] = {
            "last_step": self.last_step,
            "failures": self.failures,
            "sent": self.sent,
            "counted_since": None if self.since is None else sortable(self.since),
            "locked_until": None if self.locked_until is None else sortable(self.locked_until),
            RETENTION: kept(now, KEPT),
        }
        if self.version is None:
            values |= {"kind": KIND, "created_at": sortable(now)}
        return Change(ref=self.ref, seen=self.version, set=values)


def attempts_ref(person: str) -> Ref:
    """Where the row of a person is."""
    return Ref(ledger=Ledger.BREAKGLASS, key=f"mfa#{person}")


def read_attempts(ref: Ref, row: Row | None) -> Attempts:
    """What the row says; a new one when there is none. Raises MfaUnavailable for one that cannot be read."""
    if row is None:
        return Attempts(ref=ref)
    values = row.values
    try:
        return Attempts(
            ref=ref,
            version=row.version,
            last_step=int(values["last_step"]),
            failures=int(values["failures"]),
            sent=int(values["sent"]),
            since=_instant(values.get("counted_since")),
            locked_until=_instant(values.get("locked_until")),
        )
    except (KeyError, ValueError) as error:
        raise MfaUnavailable(f"what is remembered under {ref} cannot be read") from error


def _instant(value: Value | None) -> datetime | None:
    return None if value is None else parse_sortable(str(value))
