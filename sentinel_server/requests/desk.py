"""What the workflow needs of the world, the policy by which it judges, and how it changes a row.

Whoever loses a race reads again and is judged again, so that two people who act at once get one answer each,
and the second learns what the first did.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import field

from sentinel_server.clock import Clock, Ids
from sentinel_server.errors import InvalidArn, InvalidIdentifier, NotFound, StoreUnavailable
from sentinel_server.frozen import frozen
from sentinel_server.identity.arn import parse_principal
from sentinel_server.identity.people import Persons
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.approval import ApprovalPolicy
from sentinel_server.policy.signing import Signer
from sentinel_server.records.model import Change, Lacking, Ref, Value
from sentinel_server.records.store import Records
from sentinel_server.requests.deeds import Deed, Done, tell_all
from sentinel_server.requests.model import AccessRequest
from sentinel_server.requests.rows import is_request_id, read_request, request_ref
from sentinel_server.requests.rules import VoteCheck, no_signature_wanted

CONTENTION = 50
"""Times that others may be quicker before we give up; each of theirs was a change that was made."""

Rest = Callable[[int], Awaitable[None]]
"""Waits a little before another try; it is given how many there were."""


@frozen
class Rulebook:
    """The approval policy in force and the account it is stored in, if any. Without one nobody approves."""

    policy: ApprovalPolicy | None
    account: str | None = None

    def home(self, requester: Principal) -> str:
        """The account that bare names mean when the policy names none; the gate takes the same."""
        return self.account or requester.account


@frozen
class Limits:
    """What is asked of every request beside its rule."""

    ticket: re.Pattern[str] | None = None
    max_pending: int = 5


@frozen
class Desk:
    """Where requests are made and decided.

    `rules` gives the policy, or raises PolicyUnavailable. `check` and `signer` are about votes; without a
    signer they are not signed.
    """

    records: Records
    rules: Callable[[], Awaitable[Rulebook]]
    clock: Clock
    ids: Ids
    rest: Rest
    persons: Persons = field(default_factory=Persons)
    check: VoteCheck = no_signature_wanted
    signer: Signer | None = None
    limits: Limits = field(default_factory=Limits)


def parse_request_id(text: str) -> str:
    """The id that `text` is. Raises InvalidIdentifier."""
    if not is_request_id(text):
        raise InvalidIdentifier(
            f"{text!r} is not a request's id (16 lower-case hex digits)", hint="list them: sentinel list"
        )
    return text


async def read_one(records: Records, request_id: str) -> AccessRequest:
    """The request as it is. Raises InvalidIdentifier, NotFound, StoreUnavailable."""
    ref = request_ref(parse_request_id(request_id))
    row = (await records.get((ref,))).get(ref)
    if row is None:
        raise NotFound(f"there is no request {request_id}", hint="list them: sentinel list")
    return read_request(row)


def requester(request: AccessRequest) -> Principal:
    """The principal who asked. Raises StoreUnavailable when the row names nobody."""
    try:
        return parse_principal(request.principal_arn, unique_id="-")
    except InvalidArn as error:
        raise StoreUnavailable(f"request {request.id} is of nobody AWS could name") from error


def is_requester(request: AccessRequest, principal: Principal, persons: Persons) -> bool:
    """Whether the request is this principal's own, so that they may take it back. Raises StoreUnavailable."""
    return persons.key(principal) == persons.key(requester(request)) == persons.joined(request.person)


async def change(
    desk: Desk,
    before: AccessRequest,
    values: Mapping[str, Value | None],
    deeds: Sequence[Deed],
    others: Sequence[Change] = (),
    *,
    seen: Lacking | None = None,
) -> Done | None:
    """Change the row and tell of it in one commit; None when somebody else was quicker.

    It is decided on the version of `before`, or on what `seen` says.
    """
    outbox = tell_all(deeds, desk.ids)
    row = Change(ref=request_ref(before.id), seen=seen or before.version or None, set=values)
    if not await desk.records.commit((row, *others, *outbox.values())):
        return None
    return Done(request=deeds[-1].request, deeds=tuple(deeds), deliveries=tuple(outbox))


def contended(ref: Ref | str) -> StoreUnavailable:
    """The error of whoever was never the quickest."""
    return StoreUnavailable(f"{ref} was changed by others, {CONTENTION} times in a row")
