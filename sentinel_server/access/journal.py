"""Turns what a door does, many times a second, into audit lines somebody can read.

A change of outcome is a line at once. More of the same is counted, and the count written at most once a
minute and at the end. When the log is mandatory its failure stops the serving, because every line passes here
before a secret leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
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


@dataclass(slots=True)
class _Run:
    """Equal outcomes in a row, of which the first `written` are in the log."""

    key: tuple[str, str]
    event: AuditEvent
    count: int = 0
    written_at: float = 0.0


class Journal:
    """The audit lines of one door. `about` holds the fields that every line of it shares."""

    def __init__(self, sink: AuditSink, clock: Clock, about: AuditEvent, told: Told | None = None) -> None:
        self._sink = sink
        self._clock = clock
        self._about = about
        self._told = told
        self._run: _Run | None = None
        self._last_told: tuple[str, str] | None = None
        self._changing = asyncio.Lock()
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
        """Write one line now. Raises AuditUnavailable."""
        await self._sink.record(event, durable=durable)

    async def served(self, allow: Allow, issue_id: str, times: int = 1) -> None:
        """Count answers with credentials. Raises AuditUnavailable when the log must have it and cannot."""
        key = ("allow", issue_id)
        if self._differs(key):
            async with self._changing:
                await self._serving(key, allow, issue_id)
        await self._more(key, times)

    async def refused(self, decision: Deny | NeedsApproval, times: int = 1) -> None:
        """Note one refusal, of so many asks; a log that fails here cannot make it any less of one."""
        error = decision.error
        key = (error.code, error.message)
        self._tell(key, error)
        with suppress(AuditUnavailable):
            if self._differs(key):
                async with self._changing:
                    if self._differs(key):  # else one who was refused with us has written it
                        await self._change(key, self._refusal(decision), write=True)
            await self._more(key, times)

    def count(self, action: Action, code: str | None = None) -> None:
        """Count something the door refused by itself (`auth_failed`, `rate_limited`); `flush` writes it."""
        key = (action, code)
        self._counted[key] = self._counted.get(key, 0) + 1

    async def flush(self, *, end: bool = False) -> None:
        """Write the counts that are due, or with `end` all of them. Raises AuditUnavailable."""
        for action, code in list(self._counted):
            await self._write_counted(action, code)
        if self._run is not None and self._run.count:
            await self._settle(self._run, force=end)

    async def _write_counted(self, action: Action, code: str | None) -> None:
        count = self._counted.pop((action, code), 0)
        try:
            if count:
                await self.write(self.line(action, code=code, count=count))
        except AuditUnavailable:
            self._counted[action, code] = self._counted.get((action, code), 0) + count
            raise

    def _differs(self, key: tuple[str, str]) -> bool:
        return self._run is None or self._run.key != key

    async def _serving(self, key: tuple[str, str], allow: Allow, issue_id: str) -> None:
        if not self._differs(key):
            return
        again = self._run is not None and self._run.key[0] != "allow"
        action = Action.CHANGED if again else Action.SERVED
        await self._change(key, self.line(action, allow, effect="allow", issue_id=issue_id), write=again)
        if again:
            self._tell(None, None)

    def _tell(self, refusal: tuple[str, str] | None, error: SentinelError | None) -> None:
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

    async def _change(self, key: tuple[str, str], event: AuditEvent, *, write: bool) -> None:
        """Begin a new run of equal outcomes; if its line cannot be written, the next answer tries again."""
        before = self._run
        if before is not None and before.count:
            await self._settle(before, force=True)
        if write:
            await self.write(event)
        self._run = _Run(key, event, written_at=self._clock.monotonic())

    async def _more(self, key: tuple[str, str], times: int) -> None:
        if self._run is not None and self._run.key == key:
            self._run.count += times
            await self._settle(self._run, force=False)

    async def _settle(self, run: _Run, *, force: bool) -> None:
        now = self._clock.monotonic()
        if not force and now - run.written_at < EVERY:
            return
        count, run.count, run.written_at = run.count, 0, now
        try:
            await self.write(replace(run.event, at=self._clock.now(), count=count))
        except AuditUnavailable:
            run.count += count
            run.written_at = now - EVERY
            raise


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
