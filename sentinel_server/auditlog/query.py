"""Which entries of the log somebody wants to see. Pure; entries are read as they stand and not verified."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from sentinel_server.auditlog.chain import CHECKPOINT, OPENED, day_of
from sentinel_server.canonical import Json
from sentinel_server.clock import sortable
from sentinel_server.frozen import frozen

Entry = Mapping[str, Json]
"""One line of the log, as its JSON says."""

PEOPLE = ("person", "principal", "requester", "approver", "by")
"""The fields that name somebody."""
_WORDS = ("effect", "outcome", "status", "code")


@frozen
class Query:
    """What to look for; a field that is None asks for nothing.

    `user` is a pattern (`*`, `?`) for any name in an entry, whole or its part after the last `:` or `/`.
    `person` is a key. `request` is the id of a request or an emergency, also where it lifted a rule.
    `effect` is the decision, its outcome, the status of a request, or an error code. Of the time,
    `since` is included and `until` is not.
    """

    user: str | None = None
    person: str | None = None
    profile: str | None = None
    request: str | None = None
    session: str | None = None
    effect: str | None = None
    actions: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    chain: bool = False

    def wants(self, entry: Entry) -> bool:
        """Whether the entry is one of those; a line that holds the chain together is, only with `chain`."""
        if not self.chain and entry.get("action") in (OPENED, CHECKPOINT) and not self.actions:
            return False
        return self._in_time(str(entry["at"])) and self._about(entry) and self._by(entry)

    def wants_day(self, day: str) -> bool:
        """Whether a file of that day (`20260301`, UTC) can hold such entries; events may be written late."""
        late = self.since is not None and day < day_of(self.since)
        return not late and (self.until is None or day <= day_of(self.until + timedelta(days=1)))

    def _in_time(self, at: str) -> bool:
        since = "" if self.since is None else sortable(self.since)
        return since <= at and (self.until is None or at < sortable(self.until))

    def _about(self, entry: Entry) -> bool:
        return (
            (not self.actions or entry.get("action") in self.actions)
            and _is(entry, self.profile, "profile")
            and _is(entry, self.request, "request_id", "event_id", "override")
            and _is(entry, self.session, "session_id")
            and _is(entry, self.effect, *_WORDS)
        )

    def _by(self, entry: Entry) -> bool:
        return _is(entry, self.person, "person", "requester", "approver", "by") and (
            self.user is None or any(_names(self.user, entry.get(field)) for field in PEOPLE)
        )


def read_entry(raw: bytes) -> Entry | None:
    """The entry on a line; None when the line is none."""
    try:
        fields = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or not isinstance(fields.get("at"), str):
        return None
    return fields if isinstance(fields.get("action"), str) else None


def summary(entry: Entry) -> str:
    """What happened, for people: the answer, what it was about and why, in one line."""
    return " ".join(_summary(entry))


def _summary(entry: Entry) -> Iterator[str]:
    for field in ("outcome", "status", "code"):
        if entry.get(field):
            yield str(entry[field])
    if entry.get("effect") and not entry.get("outcome") and not entry.get("code"):
        yield str(entry["effect"])
    for field, word in (
        *(("request_id", "request"), ("event_id", "event"), ("session_id", "session")),
        *(("override", entry.get("override_kind") or "override"), ("rule", "rule")),
        *(("ticket", "ticket"), ("reason_code", "for")),
    ):
        if entry.get(field):
            yield f"{word} {entry[field]}"
    yield from _others(entry)
    if entry.get("count") not in (None, 1):
        yield f"{entry['count']} times"
    said = [str(entry[field]) for field in ("reason", "justification", "comment") if entry.get(field)]
    if said:
        yield f"({'; '.join(said)})"


def _others(entry: Entry) -> Iterator[str]:
    """Who acted where that is not the person of the entry; an approver mostly is `by`, too."""
    told = [entry.get("person")]
    for field in ("by", "approver"):
        if entry.get(field) and entry[field] not in told:
            told.append(entry[field])
            yield f"{field} {entry[field]}"


def _is(entry: Entry, wanted: str | None, *fields: str) -> bool:
    return wanted is None or any(entry.get(field) == wanted for field in fields)


def _names(pattern: str, value: Json) -> bool:
    if not isinstance(value, str):
        return False
    return any(
        fnmatchcase(each, pattern) for each in (value, value.rsplit("/", 1)[-1], value.rsplit(":", 1)[-1])
    )
