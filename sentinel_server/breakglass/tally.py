"""What is remembered of emergencies so that they can be limited: rows that change with the event, or not at
all.

- `active#PERSON#PROFILE` names the latest emergency of a person for a profile. It is what two who open one
  at the same moment contend for. Whether that emergency is still open is told by its own row, so closing it
  needs no word here and nothing that has ended can stay in the way.
- `quota#user#PERSON` and `quota#profile#PROFILE` list openings, newest last.

Drills have rows of their own (`active#drill#…`, `quota#drill#…`): they meet the same limits among themselves,
and never use up what an emergency needs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sentinel_server.breakglass.limits import Opening, Past
from sentinel_server.breakglass.model import Emergency
from sentinel_server.breakglass.rows import escaped, event_ref, is_event_id, person_profile, read_event
from sentinel_server.clock import parse_sortable, sortable
from sentinel_server.errors import StoreUnavailable
from sentinel_server.frozen import frozen
from sentinel_server.policy.ratelimit import LONGEST_WINDOW
from sentinel_server.records.model import RETENTION, Change, Ledger, Ref, Row, Value, kept
from sentinel_server.records.store import Records

SLACK = timedelta(days=7)
"""How much longer than they can matter these rows are kept."""

REMEMBERED = 1000
"""Openings that a row lists at most: as many as the largest quota. Older ones than any window are dropped."""


@frozen
class Keys:
    """Where one person's opening for one profile is remembered: under each key that the person has."""

    locks: tuple[Ref, ...]
    people: tuple[Ref, ...]
    profile: Ref


def keys(persons: Sequence[str], profile: str, *, drill: bool) -> Keys:
    """The rows for this person and profile; those of drills are apart.

    `persons` are the person's key and the one before a `people` map. That map is a matter of the invoker's
    machine, and nobody may start anew by writing one.
    """
    kind = "drill#" if drill else ""

    def ref(key: str) -> Ref:
        return Ref(ledger=Ledger.BREAKGLASS, key=key)

    once = tuple(dict.fromkeys(persons))
    return Keys(
        locks=tuple(ref(f"active#{kind}{person_profile(each, profile)}") for each in once),
        people=tuple(ref(f"quota#{kind}user#{escaped(each)}") for each in once),
        profile=ref(f"quota#{kind}profile#{profile}"),
    )


@frozen
class Tally:
    """The rows as they were read, with what they say."""

    keys: Keys
    rows: Mapping[Ref, Row]
    past: Past

    def changes(self, event: Emergency) -> tuple[Change, ...]:
        """What remembers `event`; they hold only while nothing else was remembered since."""
        opened_at = sortable(event.created_at)
        lock: Mapping[str, Value] = {
            "kind": "lock",
            "event_id": event.id,
            "opened_at": opened_at,
            RETENTION: _kept(event),
        }
        return (
            *(Change(ref=ref, seen=self._seen(ref), set=lock) for ref in self.keys.locks),
            *(self._list(ref, self.past.of_person, event, event.profile) for ref in self.keys.people),
            self._list(self.keys.profile, self.past.of_profile, event, event.person),
        )

    def _list(self, ref: Ref, before: Sequence[Opening], event: Emergency, name: str) -> Change:
        now = event.created_at
        kept = [each for each in before if now - each.at < LONGEST_WINDOW]
        listed = [*kept, Opening(at=now, name=name)][-REMEMBERED:]
        text = json.dumps([[sortable(each.at), each.name] for each in listed], separators=(",", ":"))
        return Change(
            ref=ref, seen=self._seen(ref), set={"kind": "quota", "openings": text, RETENTION: _kept(event)}
        )

    def _seen(self, ref: Ref) -> int | None:
        row = self.rows.get(ref)
        return None if row is None else row.version


def _kept(event: Emergency) -> int:
    """Past every window and cool-down that may count this opening, so that nothing begins anew before."""
    return kept(event.created_at, LONGEST_WINDOW + SLACK)


async def read_tally(records: Records, where: Keys) -> Tally:
    """What is remembered there now. Raises StoreUnavailable, also for a row that cannot be read."""
    rows = await records.get((*where.locks, *where.people, where.profile))
    locks = [rows[ref] for ref in where.locks if ref in rows]
    openings = {opening for ref in where.people for opening in _openings(rows.get(ref))}
    past = Past(
        latest=await _latest(records, locks),
        opened_at=max((_opened_at(lock) for lock in locks), default=None),
        of_person=tuple(sorted(openings, key=lambda each: (each.at, each.name))),
        of_profile=_openings(rows.get(where.profile)),
    )
    return Tally(keys=where, rows=rows, past=past)


async def _latest(records: Records, locks: Sequence[Row]) -> tuple[Emergency, ...]:
    """The emergencies that locks name. A lock without one was not written by us and holds nobody up."""
    ids = (str(lock.values.get("event_id")) for lock in locks)
    named = {event_ref(each) for each in ids if is_event_id(each)}
    rows = await records.get(tuple(named)) if named else {}
    return tuple(read_event(row) for row in rows.values())


def _opened_at(lock: Row) -> datetime:
    try:
        return parse_sortable(str(lock.values.get("opened_at")))
    except ValueError as error:
        raise _unreadable(lock) from error


def _openings(row: Row | None) -> tuple[Opening, ...]:
    if row is None:
        return ()
    try:
        listed = json.loads(str(row.values.get("openings")))
        return tuple(Opening(at=parse_sortable(at), name=str(name)) for at, name in listed)
    except (ValueError, TypeError) as error:
        raise _unreadable(row) from error


def _unreadable(row: Row) -> StoreUnavailable:
    return StoreUnavailable(
        f"{row.ref} does not say what was opened before", hint="ask the security team to mend that row"
    )
