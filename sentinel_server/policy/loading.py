"""What every source does with the bytes it read: make a policy of them, or refuse."""

from __future__ import annotations

from functools import lru_cache

from sentinel_server.canonical import sha256_hex
from sentinel_server.errors import InvalidPolicy, PolicyUnavailable
from sentinel_server.policy.compiled import compiled
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.schema import LoadedPolicy, Origin, Policy


def loaded_policy(
    data: bytes, *, name: str, origin: Origin, version: str = "", account: str | None = None
) -> LoadedPolicy:
    """The policy that `data` says, read from `name`.

    The largest text takes a tenth of a second or more, so call it in a thread; text that was parsed a moment
    ago is not parsed again. Raises PolicyUnavailable, whose cause is the InvalidPolicy, when it is not a
    policy: at a door that is a policy that cannot be used.
    """
    try:
        policy = _parsed(data, name)
    except InvalidPolicy as error:
        first, *others = error.problems
        more = f" (and {len(others)} more)" if others else ""
        hint = "see every problem: sentinel policy validate FILE"
        raise PolicyUnavailable(f"the policy is not valid: {first}{more}", hint=hint) from error
    return LoadedPolicy(
        policy=policy, name=name, sha256=sha256_hex(data), origin=origin, version=version, account=account
    )


@lru_cache(maxsize=32)
def _parsed(data: bytes, name: str) -> Policy:
    policy = parse_policy(data, file=name)
    compiled(policy)  # in the caller's thread, lest the first fetch wait for it
    return policy
