"""Approvals: the desk at which requests are made and decided, whose signatures count, and what signs ours."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from sentinel_server.clock import SystemClock, SystemIds
from sentinel_server.errors import InvalidSetting, PolicyUnverified, SentinelError
from sentinel_server.frozen import frozen
from sentinel_server.wiring.ledgers import LedgerOpener, open_records
from sentinel_server.wiring.policies import Reading, open_sides, side_source
from sentinel_server.wiring.principals import Visitor, load_profile, open_base, open_control
from sentinel_server.wiring.signing import open_signer

if TYPE_CHECKING:
    from sentinel_server.clock import Clock
    from sentinel_server.identity.principal import Principal
    from sentinel_server.policy.keys import KeySet
    from sentinel_server.policy.sides import SidePolicies
    from sentinel_server.policy.signing import Signer
    from sentinel_server.policy.stored import SerialMemory
    from sentinel_server.records.store import Records
    from sentinel_server.requests.desk import Desk, Rulebook
    from sentinel_server.requests.rules import VoteCheck
    from sentinel_server.settings.resolve import Settings

_FIRST_REST, _LONGEST_REST = 0.005, 0.25
"""Seconds to wait before another try at a commit, at most; they double."""


@frozen
class Asker:
    """Somebody at the desk who asks for access, known as the gate will know them."""

    desk: Desk
    principal: Principal


@asynccontextmanager
async def open_asking(settings: Settings, profile: str, visitor: Visitor) -> AsyncIterator[Asker]:
    """The desk, reached as a door of this profile would reach it.

    Raises UnknownProfile, InvalidSetting, LoginRequired and IdentityUnavailable.
    """
    from sentinel_server.credentials.endpoints import region_of

    async with AsyncExitStack() as stack:
        clock = SystemClock()
        base = await open_base(stack, settings, profile, clock, visitor)
        await base.prepare()
        target = load_profile(settings, profile)
        region = settings.region or region_of(target, settings.environ)
        control = await open_control(stack, settings, base, target, clock)
        reading = Reading(
            stack=stack, settings=settings, control=control, region=region, clock=clock, say=visitor.say
        )
        records = await LedgerOpener(stack, settings, control, region, clock)()
        principal = await base.principal()
        check = await vote_check(settings, clock)
        desk = _desk(settings, records, side_source(reading), check, clock, signer=None)
        yield Asker(desk=desk, principal=principal)


@asynccontextmanager
async def open_deciding(settings: Settings, *, signing: bool = False) -> AsyncIterator[Desk]:
    """The desk for those who look at requests and decide about them, with the credentials of operators.

    With `signing` it has our signer, when one is set.
    """
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        records = await stack.enter_async_context(open_records(settings, clock))
        sides = await stack.enter_async_context(open_sides(settings))
        signer = await stack.enter_async_context(open_vote_signer(settings)) if signing else None
        yield _desk(settings, records, sides, await vote_check(settings, clock), clock, signer)


async def vote_check(settings: Settings, clock: Clock) -> VoteCheck:
    """What looks at the signatures of votes: by `approvals.keys`, which are read anew for each vote.

    Where `signing.root` is set, those count only if it signed them, and no older set than was believed.

    Raises InvalidSetting when signatures are required and no keys are named.
    """
    from sentinel_server.requests.rules import no_signature_wanted

    path = settings.approvals_keys
    if path is None:
        if settings.approvals_signing:
            raise InvalidSetting(
                "approvals.signing is required, and approvals.keys names no keys to check with",
                hint="make a key set: sentinel policy keys add --keys FILE --owner PERSON",
            )
        return no_signature_wanted
    from sentinel_server.adapters.local.key_file import read_key_set
    from sentinel_server.requests.signing import SignedVotes

    required = settings.approvals_signing is not False
    read: Callable[[], KeySet] = partial(read_key_set, path)
    if settings.signing_root:
        read = await _rooted(settings, read, clock)
    return SignedVotes(read, settings.persons, required=required)


async def _rooted(settings: Settings, read: Callable[[], KeySet], clock: Clock) -> Callable[[], KeySet]:
    """What is read when a root signed it and it is no older than any that was believed; raises
    PolicyUnverified otherwise, at each call, because a door that needs no vote is not to be held up.
    """
    from sentinel_server.adapters.local.policy_memory import PolicyMemory
    from sentinel_server.policy.roots import PinnedKeys, check
    from sentinel_server.wiring.signing import memory_path

    memory, roots = PolicyMemory(memory_path(settings)), settings.signing_root
    pinned = PinnedKeys(read, roots, memory=_Apart(memory), clock=clock)
    failed: SentinelError | None = None
    highest = 0
    try:
        with suppress(PolicyUnverified):  # whoever needs a vote is told so then
            await pinned.now()
        highest = await pinned.highest()
    except SentinelError as error:
        failed = error
    finally:
        await memory.close()

    def checked() -> KeySet:
        if failed is not None:
            raise failed
        keys = read()
        check(keys, roots, now=clock.now(), highest=highest)
        return keys

    return checked


class _Apart:
    """The memory of serials, for a key set of approvers: a root numbers it apart from that of policies."""

    def __init__(self, memory: SerialMemory) -> None:
        self._memory = memory

    async def highest(self, key: str) -> int:
        """The highest serial seen."""
        return await self._memory.highest(f"approvals:{key}")

    async def saw(self, key: str, serial: int) -> None:
        """Remember a serial."""
        await self._memory.saw(f"approvals:{key}", serial)


@asynccontextmanager
async def open_vote_signer(settings: Settings) -> AsyncIterator[Signer | None]:
    """What signs our approvals, by `approvals.key_file` or `approvals.kms_key`; None when neither is set.

    Raises InvalidSetting when both are, and what `open_signer` raises.
    """
    key_file, kms_key = settings.approvals_key_file, settings.approvals_kms_key
    if key_file is not None and kms_key is not None:
        raise InvalidSetting("approvals.key_file and approvals.kms_key are both set; one key signs")
    if key_file is None and kms_key is None:
        yield None
        return
    async with open_signer(settings, key_file=key_file, kms_key=kms_key) as signer:
        yield signer


def _desk(
    settings: Settings,
    records: Records,
    sides: SidePolicies,
    check: VoteCheck,
    clock: SystemClock,
    signer: Signer | None,
) -> Desk:
    from sentinel_server.requests.desk import Desk, Limits

    limits = Limits(ticket=settings.approvals_ticket_pattern, max_pending=settings.approvals_max_pending)
    return Desk(
        records=records,
        rules=partial(_rulebook, sides),
        clock=clock,
        ids=SystemIds(),
        rest=_rest,
        persons=settings.persons,
        check=check,
        signer=signer,
        limits=limits,
    )


async def _rulebook(sides: SidePolicies) -> Rulebook:
    from sentinel_server.policy.sides import approvals
    from sentinel_server.requests.desk import Rulebook

    loaded = await approvals(sides)
    if loaded is None:
        return Rulebook(policy=None)
    return Rulebook(policy=loaded.document, account=loaded.account)


async def _rest(attempt: int) -> None:
    """A moment, longer each time and different for everybody, so that the same two do not meet again."""
    longest = min(_FIRST_REST * 2 ** min(attempt, 10), _LONGEST_REST)
    await asyncio.sleep(longest * secrets.randbelow(1000) / 1000)
