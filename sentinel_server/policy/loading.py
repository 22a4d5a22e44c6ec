"""What every source does with the bytes it read: make a policy of them, or refuse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import TypedDict

from sentinel_server.canonical import sha256_hex
from sentinel_server.errors import InvalidPolicy, PolicyUnavailable
from sentinel_server.frozen import frozen
from sentinel_server.policy.compiled import compiled
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.schema import LoadedPolicy, Origin, Policy
from sentinel_server.policy.statement import Statement
from sentinel_server.policy.stored import Stored


@frozen
class Accepted:
    """A statement whose signature holds, and the instant from which it no longer does, if there is one."""

    statement: Statement
    until: datetime | None = None


class Facts(TypedDict):
    """What `Loaded` says of a text, by the names it has there."""

    name: str
    sha256: str
    origin: Origin
    version: str
    account: str | None
    signer: str
    serial: int | None
    not_after: datetime | None


def facts(stored: Stored, accepted: Accepted | None) -> Facts:
    """What is known of a text that was read, and of its signature when one was checked."""
    return Facts(
        name=stored.name,
        sha256=sha256_hex(stored.data or b""),
        origin=stored.origin,
        version=str(stored.version or ""),
        account=stored.place.account or None,
        signer="" if accepted is None else accepted.statement.key_id,
        serial=None if accepted is None else accepted.statement.serial,
        not_after=None if accepted is None else accepted.until,
    )


def policy_in(stored: Stored, accepted: Accepted | None) -> LoadedPolicy:
    """The policy that was read, in a thread as `loaded_policy`. Raises PolicyUnavailable, also for none."""
    if stored.data is None:
        hint = "put one there: sentinel policy push"
        raise PolicyUnavailable(f"no policy for {stored.profile}: {stored.name} does not exist", hint=hint)
    with invalid_is_unavailable():
        policy = _parsed(stored.data, stored.name)
    return LoadedPolicy(policy=policy, **facts(stored, accepted))


def loaded_policy(
    data: bytes, *, name: str, origin: Origin, version: str = "", account: str | None = None
) -> LoadedPolicy:
    """The policy that `data` says, read from `name`.

    The largest text takes a tenth of a second or more, so call it in a thread; text that was parsed a moment
    ago is not parsed again. Raises PolicyUnavailable, whose cause is the InvalidPolicy, when it is not a
    policy: at a door that is a policy that cannot be used.
    """
    with invalid_is_unavailable():
        policy = _parsed(data, name)
    return LoadedPolicy(
        policy=policy, name=name, sha256=sha256_hex(data), origin=origin, version=version, account=account
    )


@contextmanager
def invalid_is_unavailable() -> Iterator[None]:
    """A document that is not valid cannot be used at a door: PolicyUnavailable for InvalidPolicy."""
    try:
        yield
    except InvalidPolicy as error:
        first, *others = error.problems
        more = f" (and {len(others)} more)" if others else ""
        hint = "see every problem: sentinel config validate FILE"
        raise PolicyUnavailable(f"the policy is not valid: {first}{more}", hint=hint) from error


@lru_cache(maxsize=32)
def _parsed(data: bytes, name: str) -> Policy:
    policy = parse_policy(data, file=name)
    compiled(policy)  # in the caller's thread, lest the first fetch wait for it
    return policy
