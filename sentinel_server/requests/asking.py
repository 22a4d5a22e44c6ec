"""Asking for access: what may be asked, by whom, how often, and what needs nobody's approval."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from shlex import quote

from sentinel_server.errors import AlreadyExists, RequestOver, RequestRefused, StoreUnavailable
from sentinel_server.frozen import frozen
from sentinel_server.identity.principal import Principal
from sentinel_server.notifications.event import SYSTEM, EventType
from sentinel_server.policy.approval import ApprovalRule
from sentinel_server.policy.durations import format_duration
from sentinel_server.records.model import RETENTION, Change, Ledger, Ref, Row, Value, kept
from sentinel_server.records.store import Records
from sentinel_server.requests.deeds import Deed, Done
from sentinel_server.requests.desk import (
    CONTENTION,
    Desk,
    Rulebook,
    change,
    contended,
    is_requester,
    parse_request_id,
    read_one,
)
from sentinel_server.requests.model import REQUEST_TTL, AccessRequest, Status
from sentinel_server.requests.rows import is_request_id, read_request, request_ref, request_values
from sentinel_server.requests.rules import approves_itself, route
from sentinel_server.requests.steps import ask_anew
from sentinel_server.requests.words import checked_duration, checked_justification, checked_ticket

PENDING = "pending"
"""The `kind` of the row that counts a person's open requests."""
SLACK = timedelta(days=7)
"""How much longer than a request can be open that row is kept."""


@frozen
class Wanted:
    """What somebody asks for. `principal` is who the base credentials of the profile belong to."""

    principal: Principal
    profile: str
    duration: timedelta
    justification: str
    ticket: str = ""
    extends: str = ""


@frozen
class _Open:
    """A person's open requests, and the version of the row that counts them."""

    ref: Ref
    version: int | None
    requests: tuple[AccessRequest, ...]


async def ask(desk: Desk, wanted: Wanted) -> Done:
    """Make a request; one that a rule approves by itself is approved at once.

    Raises BadInput, RequestRefused, AlreadyExists for one that is open already, PolicyUnavailable and
    StoreUnavailable.
    """
    wanted = replace(
        wanted,
        duration=checked_duration(wanted.duration),
        justification=checked_justification(wanted.justification),
        ticket=checked_ticket(wanted.ticket, desk.limits.ticket),
    )
    for attempt in range(1, CONTENTION + 1):
        rules = await desk.rules()
        rule = _rule(rules, wanted)
        now = desk.clock.now()
        request = _request(desk, rules, rule, wanted, now)
        if request.auto_rule:
            done = await _made(desk, request, now, others=())
        else:
            open_ = await _open(desk, request.person, now)
            _check_open(desk, open_, wanted)
            done = await _made(desk, request, now, others=(_counted(open_, request, now),))
        if done is not None:
            return done
        await desk.rest(attempt)
    raise contended(_pending_ref(desk.persons.key(wanted.principal)))


async def extend(desk: Desk, request_id: str, wanted: Wanted) -> Done:
    """Ask anew for what `request_id` gives, before that ends. It takes an approval of its own, and lasts its
    own duration from that approval on.

    Raises what `ask` does, NotFound, RequestRefused for another's request, and RequestOver unless it is
    approved and not over.
    """
    old = await read_one(desk.records, parse_request_id(request_id))
    now = desk.clock.now()
    if not is_requester(old, wanted.principal, desk.persons):
        raise RequestRefused(
            f"request {old.id} is of {old.person}, and only they can extend it",
            hint=ask_anew(old.profile, "ask for yourself"),
        )
    if old.status(now) is not Status.APPROVED or old.ends_at is None or now >= old.ends_at:
        state = "over" if old.status(now) is Status.APPROVED else old.status(now).value
        raise RequestOver(
            f"request {old.id} is {state}, so there is nothing to extend", hint=ask_anew(old.profile)
        )
    return await ask(desk, replace(wanted, profile=old.profile, extends=old.id))


def _rule(rules: Rulebook, wanted: Wanted) -> ApprovalRule:
    principal = wanted.principal
    if rules.policy is None:
        hint = (
            f"write one: sentinel config generate --template approvals --profile {quote(wanted.profile)} "
            f"--user {quote(principal.name)}"
        )
        raise RequestRefused("there is no approval policy, so nobody may approve", hint=hint)
    rule = route(rules.policy, principal, wanted.profile, rules.home(principal))
    if rule is None:
        raise RequestRefused(
            f"no approval rule is about user {principal.name!r} and "
            f"profile {wanted.profile!r}, so nobody may approve"
        )
    if rule.max_duration is not None and wanted.duration > rule.max_duration:
        longest = format_duration(rule.max_duration)
        raise RequestRefused(
            f"rule '{rule.name}' gives {wanted.profile} for {longest} at most",
            hint=f"ask for less: --duration {longest}",
        )
    return rule


def _request(desk: Desk, rules: Rulebook, rule: ApprovalRule, wanted: Wanted, now: datetime) -> AccessRequest:
    principal = wanted.principal
    assert rules.policy is not None  # noqa: S101  # `_rule` has refused the other case
    itself = approves_itself(rules.policy, rule, principal, wanted.duration, now, rules.home(principal))
    return AccessRequest(
        id=desk.ids.fresh(),
        person=desk.persons.key(principal),
        user=principal.name,
        principal_arn=principal.arn,
        profile=wanted.profile,
        duration=wanted.duration,
        justification=wanted.justification,
        created_at=now,
        expires_at=now + REQUEST_TTL,
        ticket=wanted.ticket,
        extends=wanted.extends,
        auto_rule=rule.name if itself else "",
    )


async def _made(desk: Desk, request: AccessRequest, now: datetime, others: tuple[Change, ...]) -> Done | None:
    after = replace(request, version=1)
    deeds = [
        Deed(
            type=EventType.REQUEST_CREATED,
            request=after,
            at=now,
            by=request.person,
            principal_arn=request.principal_arn,
        )
    ]
    if request.auto_rule:
        comment = f"rule '{request.auto_rule}' approves it by itself"
        deeds.append(Deed(type=EventType.REQUEST_GRANTED, request=after, at=now, by=SYSTEM, comment=comment))
    try:
        return await change(desk, request, request_values(request, now), deeds, others)
    except StoreUnavailable as error:
        raise StoreUnavailable(
            f"the store did not say whether request {request.id} was made: {error.message}",
            hint=f"ask it: sentinel check {request.id}",
        ) from error


def _pending_ref(person: str) -> Ref:
    return Ref(ledger=Ledger.REQUESTS, key=f"{PENDING}#{person}")


async def _open(desk: Desk, person: str, now: datetime) -> _Open:
    """What is open, by the requests themselves: others may write the counting row, too, and count nothing by
    naming theirs in it.
    """
    ref = _pending_ref(person)
    row = (await desk.records.get((ref,))).get(ref)
    listed = () if row is None else _listed(row)
    found = await _read_all(desk.records, listed)
    theirs = (each for each in found if desk.persons.joined(each.person) == person)
    still = tuple(each for each in theirs if each.status(now) is Status.PENDING)
    return _Open(ref=ref, version=None if row is None else row.version, requests=still)


def _listed(row: Row) -> tuple[str, ...]:
    try:
        found = json.loads(str(row.values.get("requests", "")))
    except ValueError:
        return ()
    listed = found if isinstance(found, list) else []
    return tuple(each for each in listed[:100] if isinstance(each, str) and is_request_id(each))


async def _read_all(records: Records, ids: tuple[str, ...]) -> tuple[AccessRequest, ...]:
    rows = await records.get([request_ref(each) for each in ids]) if ids else {}
    found = []
    for row in rows.values():
        try:
            found.append(read_request(row))
        except StoreUnavailable:
            continue
    return tuple(found)


def _check_open(desk: Desk, open_: _Open, wanted: Wanted) -> None:
    for each in open_.requests:
        if each.profile == wanted.profile:
            raise AlreadyExists(
                f"request {each.id} for {each.profile} is waiting for an approval already",
                hint=f"wait for it: sentinel check {each.id}; or take it back: sentinel cancel {each.id}",
            )
    if len(open_.requests) >= desk.limits.max_pending:
        oldest = min(open_.requests, key=lambda each: each.created_at)
        raise RequestRefused(
            f"{len(open_.requests)} requests of yours wait for approvals, and that is the limit",
            hint=f"take the oldest back: sentinel cancel {oldest.id}; "
            "see them: sentinel list --mine --status pending",
        )


def _counted(open_: _Open, request: AccessRequest, now: datetime) -> Change:
    ids = [*(each.id for each in open_.requests), request.id]
    values: Mapping[str, Value] = {
        "kind": PENDING,
        "requests": json.dumps(ids),
        RETENTION: kept(now, REQUEST_TTL + SLACK),
    }
    return Change(ref=open_.ref, seen=open_.version, set=values)
