"""Turns what a door does, many times a second, into audit lines somebody can read.

A change of outcome is a line at once. More of the same is counted, and the count written at most once a
minute and at the end. Every answer is in one line and no more, so that the sum of `count` is their number.
When the log is mandatory its failure stops the serving, because every line passes here before a secret
leaves.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from sentinel_server.access.facts import Allow, Basis, Deny, NeedsApproval
from sentinel_server.auditlog.event import Action, AuditEvent
from sentinel_server.auditlog.sink import AuditSink
from sentinel_server.clock import Clock
from sentinel_server.errors import AuditUnavailable, SentinelError, StoreUnavailable
from sentinel_server.identity.source_identity import Marker

EVERY = 60.0
"""Seconds between two lines that count more of the same."""

Told = Callable[[SentinelError | None], None]
"""Is told a refusal when it is a new one, and None when serving goes on after one."""


Key = tuple[str, str]
"""What makes outcomes equal: `allow` and the mint, or a refusal's code and message."""


@dataclass(slots=True)
class _Run:
    """Equal outcomes in a row: `count` of them are in no line yet, and their line is due at `due`.

    That line will be `event`, and those after it the same with the word `later`.
    """

    event: AuditEvent
    later: Action
    due: float = -math.inf
    count: int = 0


class Journal:
    """The audit lines of one door. `about` holds the fields that every line of it shares."""

    def __init__(self, sink: AuditSink, clock: Clock, about: AuditEvent, told: Told | None = None) -> None:
        self._sink = sink
        self._clock = clock
        self._about = about
        self._told = told
        self._runs: dict[Key, _Run] = {}
        """The last is the one that goes on; the lines of those before it are still owed."""
        self._last_told: Key | None = None
        self._writing = asyncio.Lock()
        self._counted: dict[tuple[Action, str | None], int] = {}

    def know(self, **fields: str) -> None:
        """Add what has become known (person, principal, session_id) to every later line."""
        known: dict[str, Any] = dict(fields)
        self._about = replace(self._about, **known)

    def line(self, action: Action, allow: Allow | None = None, **fields: object) -> AuditEvent:
        """An event of this door, now; with `allow`, the rule and policy behind it, and what lifted it."""
        told = {} if allow is None else {**_basis(allow.basis), **_lift(allow)}
        return self._about_now(action, {**told, **fields})

    def _about_now(self, action: Action, fields: dict[str, object]) -> AuditEvent:
        known: dict[str, Any] = {"action": action, "at": self._clock.now(), **fields}
        return replace(self._about, **known)

    async def write(self, event: AuditEvent, *, durable: bool = True) -> None:
        """Write one line now. Raises AuditUnavailable, and tells of it: nothing is served then."""
        with self._telling():
            await self._sink.record(event, durable=durable)

    async def served(self, allow: Allow, issue_id: str, times: int = 1) -> None:
        """Count answers with credentials. Raises AuditUnavailable when the log must have it and cannot."""
        key = ("allow", issue_id)
        if not self._goes_on(key):
            after_refusal = bool(self._runs) and self._current[0] != "allow"
            word = Action.CHANGED if after_refusal else Action.SERVED
            due = -math.inf if after_refusal else self._clock.monotonic() + EVERY
            event = self.line(word, allow, effect="allow", issue_id=issue_id)
            self._begin(key, _Run(event, later=Action.SERVED, due=due))
        self._runs[key].count += times
        with self._telling():
            await self._settle()
        self._tell(None, None)

    async def refused(self, decision: Deny | NeedsApproval, times: int = 1) -> None:
        """Note one refusal, of so many asks; a log that fails here cannot make it any less of one."""
        error = decision.error
        key = (error.code, error.message)
        self._tell(key, error)
        if not self._goes_on(key):
            event = self._refusal(decision)
            self._begin(key, _Run(event, later=event.action))
        self._runs[key].count += times
        with suppress(AuditUnavailable):
            await self._settle()

    def count(self, action: Action, code: str | None = None) -> None:
        """Count something the door refused by itself (`auth_failed`, `rate_limited`); `flush` writes it."""
        key = (action, code)
        self._counted[key] = self._counted.get(key, 0) + 1

    async def flush(self, *, end: bool = False) -> None:
        """Write the counts that are due, or with `end` all of them. Raises AuditUnavailable."""
        await _to_its_end(self._flush(end))

    async def _flush(self, end: bool) -> None:
        async with self._writing:
            for action, code in list(self._counted):
                await self._write_counted(action, code)
        await self._settle(all_=end)

    async def _write_counted(self, action: Action, code: str | None) -> None:
        count = self._counted.pop((action, code), 0)
        try:
            if count:
                await self.write(self.line(action, code=code, count=count))
        except AuditUnavailable:
            self._counted[action, code] = self._counted.get((action, code), 0) + count
            raise

    @property
    def _current(self) -> Key:
        return next(reversed(self._runs))

    def _goes_on(self, key: Key) -> bool:
        return bool(self._runs) and self._current == key

    def _begin(self, key: Key, run: _Run) -> None:
        """Make it the current run; what an earlier one of that key still owes goes with it."""
        before = self._runs.pop(key, None)
        run.count = 0 if before is None else before.count
        self._runs[key] = run

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except AuditUnavailable as error:
            self._tell((error.code, error.message), error)
            raise

    def _tell(self, refusal: Key | None, error: SentinelError | None) -> None:
        if refusal != self._last_told:
            self._last_told = refusal
            if self._told is not None:
                self._told(error)

    def _refusal(self, decision: Deny | NeedsApproval) -> AuditEvent:
        error = decision.error
        action = Action.STORE_FAILED if isinstance(error, StoreUnavailable) else Action.REFUSED
        effect = "require_approval" if isinstance(decision, NeedsApproval) else "deny"
        told: dict[str, object] = {"effect": effect, "code": error.code, "reason": error.message}
        return self._about_now(action, {**_basis(decision.basis), **told})

    async def _settle(self, *, all_: bool = False) -> None:
        """Write the lines that are due, the oldest first; who comes meanwhile waits for them."""
        if self._due(all_):
            await _to_its_end(self._write_due(all_))

    async def _write_due(self, all_: bool) -> None:
        async with self._writing:
            for key in self._due(all_):
                await self._write_run(key)
            owed = {key: run for key, run in self._runs.items() if run.count or key == self._current}
            self._runs = owed

    def _due(self, all_: bool) -> list[Key]:
        """What has a line to be written; a run that does not go on has one whenever it has a count."""
        now = self._clock.monotonic()
        return [
            key
            for key, run in self._runs.items()
            if run.count and (all_ or now >= run.due or key != self._current)
        ]

    async def _write_run(self, key: Key) -> None:
        run = self._runs[key]
        count, run.count = run.count, 0
        try:
            await self._sink.record(replace(run.event, at=self._clock.now(), count=count))
        except AuditUnavailable:
            owing = self._runs[key]  # perhaps another by now, which owes what this one did
            owing.count, owing.due = owing.count + count, -math.inf
            raise
        run.event = replace(run.event, action=run.later)
        run.due = self._clock.monotonic() + EVERY


async def _to_its_end(writing: Coroutine[Any, Any, None]) -> None:
    """Wait for `writing`, which goes on when whoever waits is cancelled: no count it took is lost."""
    task = asyncio.create_task(writing)
    task.add_done_callback(_seen)
    await asyncio.shield(task)


def _seen(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()  # whoever waits is told; perhaps nobody does any more


def _lift(allow: Allow) -> dict[str, object]:
    lift = allow.lift
    return {} if lift is None else {"override": lift.id, "override_kind": _KINDS[lift.marker]}


_KINDS = {Marker.APPROVED: "approval", Marker.EMERGENCY: "emergency"}
"""What lifted a refusal, in the log's words."""


def _basis(basis: Basis) -> dict[str, object]:
    fields: dict[str, object] = {"rule_index": basis.index if basis.rule else None}
    if basis.rule is not None:
        fields["rule"] = basis.rule.name
    if basis.policy is not None:
        fields.update(
            policy_name=basis.policy.name,
            policy_version=basis.policy.version or None,
            policy_sha256=basis.policy.sha256,
            policy_signer=basis.policy.signer or None,
        )
    return fields
