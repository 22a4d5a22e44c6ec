"""What is still to be told. A row is written in the same commit as the change that it tells of.

Rules kept here:
- A message is delivered at least once to every destination that wants it. Who receives it twice knows that
  by its delivery id, which never changes.
- A row is claimed before it is sent, so that two who deliver do not both send all the time; a claim ends by
  itself, so that who dies loses nothing. What a destination took is remembered before the row is let go.
- Nothing is dropped in silence: a row that nobody took for `GIVE_UP` stops being due, keeps its error and
  says when it was given up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from enum import Enum

from sentinel_server.canonical import canonical
from sentinel_server.clock import MAX_SKEW, parse_sortable, sortable
from sentinel_server.frozen import frozen
from sentinel_server.notifications.event import Event, clean, to_fields
from sentinel_server.notifications.message import read_message
from sentinel_server.records.model import RETENTION, Change, Ledger, Ref, Row, Search, Value, kept

KIND = "outbox"
"""The `kind` of a row of the outbox."""

INDEX = "outbox"
"""The attribute that is `DUE` while somebody still has to be told, and not there afterwards."""

DUE = "due"

GIVE_UP = timedelta(days=7)
"""The age after which a message that is still refused is given up."""

LEASE = timedelta(seconds=60)
"""How long a row stays claimed by one who has died; longer than a message and the commits around it take."""

KEPT_UNTOLD, KEPT_TOLD = timedelta(days=400), timedelta(days=30)
"""How long a message is kept for somebody to tell it, and a settled one for somebody to look at."""

LONGEST_WAIT = timedelta(minutes=90)
"""How long a row waits at most; a claim or a wait that is longer than any of ours is none."""

_PREFIX = "outbox#"
_ID = re.compile(r"[0-9a-f]{16,64}")
_FIRST_WAIT, _HOUR = timedelta(seconds=30), timedelta(hours=1)
_ERROR_LIMIT = 300


class Outcome(Enum):
    """What became of a row when it was its turn."""

    DELIVERED = "delivered"
    FAILING = "failing"
    GIVEN_UP = "given_up"
    TAKEN = "taken"


@frozen
class Entry:
    """One row: a stored event and how far it has got.

    `done` are the destinations that took it. Before `next_at` it is not tried again, and until `leased_until`
    somebody else is at it. `settled_at` is when it stopped being due, with `given_up` when nobody took it.
    """

    ref: Ref
    version: int
    type: str
    body: str
    created_at: datetime
    next_at: datetime
    leased_until: datetime | None = None
    attempts: int = 0
    done: tuple[str, ...] = ()
    last_error: str = ""
    settled_at: datetime | None = None
    given_up: bool = False

    @property
    def delivery_id(self) -> str:
        """What receivers know it by."""
        return self.ref.key.removeprefix(_PREFIX)

    @property
    def about(self) -> str:
        """The id of the request or the emergency that it tells of; empty when the body has none."""
        try:
            told = read_message(self.body, self.delivery_id).text("id")
        except ValueError:
            return ""
        return told if _ID.fullmatch(told) else ""

    def is_due(self, now: datetime) -> bool:
        """Whether it is to be tried at `now`, by whoever can claim it. The first try never waits."""
        waits = self.attempts > 0 and now < self.next_at <= now + LONGEST_WAIT + MAX_SKEW
        return self.settled_at is None and not waits and not self.is_taken(now)

    def is_taken(self, now: datetime) -> bool:
        """Whether somebody is at it."""
        return self.leased_until is not None and now < self.leased_until <= now + LEASE + MAX_SKEW

    def claim(self, until: datetime) -> Change:
        """The change by which somebody takes it in hand, for no longer than `until`."""
        return self._change({"attempts": self.attempts + 1, "leased_until": sortable(until)})

    def progress(self) -> Change:
        """The change that remembers who took it, while others are still asked."""
        return self._change({})

    def settle(self, now: datetime, *, given_up: str = "") -> Change:
        """The change after which it is due no longer: all have it, or it is given up for this reason."""
        ended: dict[str, Value | None] = {
            INDEX: None,
            "leased_until": None,
            "last_error": _short(given_up) or None,
            "given_up_at" if given_up else "delivered_at": sortable(now),
            RETENTION: kept(now, KEPT_TOLD),
        }
        return self._change(ended)

    def postpone(self, until: datetime, why: str) -> Change:
        """The change that lets it go and leaves it due, from `until` on."""
        return self._change({"leased_until": None, "next_at": sortable(until), "last_error": _short(why)})

    def _change(self, values: Mapping[str, Value | None]) -> Change:
        return Change(ref=self.ref, seen=self.version, set={**values, "done": " ".join(self.done) or None})


@frozen
class Delivery:
    """What became of one row: who has it now, and why each of the others has not."""

    ref: Ref
    type: str
    outcome: Outcome
    done: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def delivery_id(self) -> str:
        """What receivers know it by."""
        return self.ref.key.removeprefix(_PREFIX)


def outbox_ref(ledger: Ledger, delivery_id: str) -> Ref:
    """Where the row of a delivery is."""
    return Ref(ledger=ledger, key=f"{_PREFIX}{delivery_id}")


def outbox_change(ledger: Ledger, event: Event, delivery_id: str) -> Change:
    """The row that makes sure `event` is told; to be committed together with what it tells of.

    `delivery_id` is a fresh one of `Ids`.
    """
    return Change(
        ref=outbox_ref(ledger, delivery_id),
        seen=None,
        set={
            "kind": KIND,
            INDEX: DUE,
            "created_at": sortable(event.at),
            "type": event.type.value,
            "body": canonical(to_fields(event)).decode("ascii"),
            "attempts": 0,
            "next_at": sortable(event.at),
            RETENTION: kept(event.at, KEPT_UNTOLD),
        },
    )


def due(ledger: Ledger) -> Search:
    """Every row of a ledger that somebody still has to be told of, oldest first."""
    return Search(ledger=ledger, by=INDEX, value=DUE, newest_first=False)


def read_entry(row: Row) -> Entry:
    """The row as what it is. Raises ValueError when it is not one of ours."""
    values = row.values
    if values.get("kind") != KIND or not row.ref.key.startswith(_PREFIX):
        raise ValueError(f"{row.ref} is not a row of the outbox")
    settled = _instant(values, "delivered_at") or _instant(values, "given_up_at")
    created = _instant(values, "created_at")
    if created is None:
        raise ValueError(f"{row.ref} does not say when it was written")
    return Entry(
        ref=row.ref,
        version=row.version,
        type=str(values.get("type", "")),
        body=str(values.get("body", "")),
        created_at=created,
        next_at=_instant(values, "next_at") or created,
        leased_until=_instant(values, "leased_until"),
        attempts=int(values.get("attempts", 0)),
        done=tuple(str(values.get("done", "")).split()),
        last_error=str(values.get("last_error", "")),
        settled_at=settled,
        given_up="given_up_at" in values,
    )


def wait_before(attempts: int, chance: float, retry_after: timedelta | None) -> timedelta:
    """How long to wait after so many attempts: doubling to an hour, spread by `chance` from 0 to 1.

    Never less than what a destination asked for, unless that is more than an hour.
    """
    doubled: timedelta = _FIRST_WAIT * (1 << min(max(attempts - 1, 0), 10))
    spread = min(doubled, _HOUR) * (0.5 + chance)
    asked = min(retry_after or timedelta(0), _HOUR)
    return max(spread, asked)


def _short(text: str) -> str:
    told = clean(" ".join(text.split()))
    return told if len(told) <= _ERROR_LIMIT else told[: _ERROR_LIMIT - 1] + "…"


def _instant(values: Mapping[str, Value], name: str) -> datetime | None:
    value = values.get(name)
    return None if value is None else parse_sortable(str(value))
