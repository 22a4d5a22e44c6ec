"""A push stopped anywhere leaves a pair that verifies, old or new, and the same push again completes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest

from sentinel_server.canonical import sha256_hex
from sentinel_server.errors import BadInput, NotFound, PolicyChanged, PolicyUnverified, SentinelError
from sentinel_server.policy.keys import KeySet
from sentinel_server.policy.loading import policy_in
from sentinel_server.policy.shipping import earlier, ship, signed_by
from sentinel_server.policy.signing import next_serial, sign_policy
from sentinel_server.policy.statement import Signed
from sentinel_server.policy.stored import PolicyStore, Stored
from sentinel_server.policy.verified import Verified
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.policy_stores import (
    FlakyClient,
    MemorySerials,
    MemoryStore,
    StopAfter,
    Stopped,
    file_store,
    ssm_client,
    ssm_store,
)
from tests.fakes.signers import ALLOW, DENY, key_pair, pinned, signed

KEYS = KeySet(keys=(key_pair().public,))
_roots = count(1)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with embedded_aws() as running:
        yield running


@pytest.fixture(params=["memory", "files"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[PolicyStore]:
    if request.param == "memory":
        yield MemoryStore()
    else:
        async with file_store(tmp_path) as opened:
            yield opened


@dataclass(slots=True)
class Reader:
    """A door on another machine, which remembers what it has accepted."""

    store: PolicyStore
    required: bool
    serials: MemorySerials

    async def sees(self) -> str:
        """The hash of the policy it would go by, or why there is none."""
        source = Verified(
            self.store, pinned(KEYS), self.serials, FakeClock(), policy_in, required=self.required
        )
        try:
            return (await source.load("prod")).sha256
        except SentinelError as error:
            return type(error).__name__


def reader(store: PolicyStore, *, required: bool = True) -> Reader:
    return Reader(store, required, MemorySerials())


async def push(store: PolicyStore, data: bytes, *, sign: bool = True) -> None:
    """What the command does, from reading on."""
    seen = await store.read("prod")
    new = await _signature(seen, data) if sign else None
    await ship(store, seen, data, new)


async def _signature(seen: Stored, data: bytes) -> Signed:
    return await sign_policy(key_pair(), seen.place, data, serial=next_serial(seen, KEYS), now=NOON)


CALLS = range(1, 6)
"""The calls of a push: read, check, envelope, policy, read back."""


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", CALLS)
async def test_a10_a_push_that_stops_leaves_the_old_policy_or_the_new(
    store: PolicyStore, at: int, done: bool
) -> None:
    await push(store, ALLOW)
    door = reader(store)
    assert await door.sees() == sha256_hex(ALLOW)
    with pytest.raises(Stopped):
        await push(StopAfter(store, at, done), DENY)
    wrote = at > 4 or (at == 4 and done)
    assert await door.sees() == sha256_hex(DENY if wrote else ALLOW)
    await push(store, DENY)
    assert await door.sees() == sha256_hex(DENY)


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", CALLS)
async def test_a10_a_first_policy_is_there_whole_or_not_at_all(
    store: PolicyStore, at: int, done: bool
) -> None:
    door = reader(store)
    with pytest.raises(Stopped):
        await push(StopAfter(store, at, done), ALLOW)
    wrote = at > 4 or (at == 4 and done)
    assert await door.sees() == (sha256_hex(ALLOW) if wrote else "PolicyUnavailable")
    await push(store, ALLOW)
    assert await door.sees() == sha256_hex(ALLOW)


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", CALLS)
async def test_a10_signing_for_the_first_time_locks_nobody_out(
    store: PolicyStore, at: int, done: bool
) -> None:
    await push(store, ALLOW, sign=False)
    lenient, strict = reader(store, required=False), reader(store)
    with pytest.raises(Stopped):
        await push(StopAfter(store, at, done), DENY)
    wrote = at > 4 or (at == 4 and done)
    assert await lenient.sees() == sha256_hex(DENY if wrote else ALLOW)
    assert await strict.sees() == (sha256_hex(DENY) if wrote else "PolicyUnverified")
    await push(store, DENY)
    assert await strict.sees() == sha256_hex(DENY)


@pytest.mark.parametrize("at", range(1, 4))
async def test_a10_signing_anew_what_is_there_never_leaves_it_unsigned(store: PolicyStore, at: int) -> None:
    await push(store, ALLOW)
    for done in (False, True):
        with pytest.raises(Stopped):
            await push(StopAfter(store, at, done), ALLOW)
        assert await reader(store).sees() == sha256_hex(ALLOW)


async def test_a10_no_call_to_ssm_may_fail_in_a_way_that_locks_anybody_out(sandbox: Sandbox) -> None:
    async with ssm_client(sandbox) as client:
        root = f"/faults/{next(_roots)}"
        store = ssm_store(client, sandbox, root)
        await push(store, ALLOW)
        door, texts = reader(store), [DENY, ALLOW]
        counted = FlakyClient(client)
        await push(ssm_store(counted, sandbox, root), DENY)
        assert counted.calls.count("put_parameter") == 2
        for at in range(1, len(counted.calls) + 1):
            for done in (False, True):
                there, texts = await door.sees(), texts[::-1]
                with pytest.raises(SentinelError, match="gone"):
                    await push(ssm_store(FlakyClient(client, at, done), sandbox, root), texts[0])
                assert await door.sees() in {there, sha256_hex(texts[0])}, counted.calls[at - 1]
                await push(store, texts[0])
                assert await door.sees() == sha256_hex(texts[0])


async def test_a_signed_policy_is_not_replaced_by_an_unsigned_one(store: PolicyStore) -> None:
    await push(store, ALLOW)
    with pytest.raises(BadInput, match="is signed"):
        await push(store, DENY, sign=False)
    assert await reader(store).sees() == sha256_hex(ALLOW)


async def test_of_two_who_push_at_once_one_is_told(store: PolicyStore) -> None:
    await push(store, ALLOW)
    seen = await store.read("prod")
    mine, theirs = await _signature(seen, DENY), await _signature(seen, b"# theirs\n" + ALLOW)
    await ship(store, seen, b"# theirs\n" + ALLOW, theirs)
    with pytest.raises(PolicyChanged):
        await ship(store, seen, DENY, mine)
    assert await reader(store).sees() == theirs.statement.sha256


async def test_whoever_drops_our_half_of_the_envelope_has_it_put_back() -> None:
    store = MemoryStore()
    await push(store, ALLOW)
    seen = await store.read("prod")
    mine = await _signature(seen, DENY)

    class Rival(StopAfter):
        async def write_policy(self, seen: Stored, data: bytes) -> int:
            version = await store.write_policy(seen, data)
            store.envelopes.append(_only(signed(b"theirs", serial=9)))
            return version

    await ship(Rival(store, at=0, done=False), seen, DENY, mine)
    assert await reader(store).sees() == sha256_hex(DENY)


async def test_somebody_who_replaces_ours_at_once_is_noticed() -> None:
    store = MemoryStore()

    class Rival(StopAfter):
        async def write_policy(self, seen: Stored, data: bytes) -> int:
            await store.write_policy(seen, data)
            return await store.write_policy(await store.read("prod"), b"theirs")

    with pytest.raises(PolicyChanged, match="replaced by somebody"):
        await ship(Rival(store, at=0, done=False), await store.read("prod"), DENY, None)


def _only(one: Signed) -> bytes:
    from sentinel_server.policy.statement import Envelope, print_envelope

    return print_envelope(Envelope(signatures=(one,)))


# ---- going back


async def test_b25_an_earlier_version_comes_back_with_a_higher_serial(store: PolicyStore) -> None:
    door = reader(store)
    for text in (ALLOW, DENY):
        await push(store, text)
        assert await door.sees() == sha256_hex(text)
    seen = await store.read("prod")
    await push(store, earlier(await store.history("prod"), seen, None).data)
    assert await door.sees() == sha256_hex(ALLOW)
    history = await store.history("prod")
    serials = [found.statement.serial for each in history if (found := signed_by(each.data, each.envelope))]
    assert serials == [3, 2, 1]


async def test_the_version_before_is_the_newest_that_differs(store: PolicyStore) -> None:
    for text in (ALLOW, DENY, ALLOW):
        await push(store, text)
    history, seen = await store.history("prod"), await store.read("prod")
    assert earlier(history, seen, None).version == 2
    assert earlier(history, seen, 1).data == ALLOW
    with pytest.raises(NotFound, match="no version 9"):
        earlier(history, seen, 9)
    with pytest.raises(NotFound, match="no earlier version"):
        earlier(history[-1:], seen, None)


# ---- what a door makes of it


async def test_a7_bytes_and_envelope_moved_together_to_another_profile_are_refused(tmp_path: Path) -> None:
    async with file_store(tmp_path) as store:
        seen = await store.read("dev")
        await ship(store, seen, ALLOW, await _signature(seen, ALLOW))
        for name in ("dev.yaml", "dev.yaml.sig"):
            moved = tmp_path / "policies" / name.replace("dev", "prod")
            moved.write_bytes((tmp_path / "policies" / name).read_bytes())
            moved.chmod(0o600)
        source = Verified(store, pinned(KEYS), MemorySerials(), FakeClock(), policy_in)
        assert (await source.load("dev")).serial == 1
        with pytest.raises(PolicyUnverified, match=r"it is for dev\.yaml, not for prod\.yaml"):
            await source.load("prod")


async def test_a7_the_whole_older_pair_put_back_is_refused_by_whoever_saw_the_newer(
    store: PolicyStore,
) -> None:
    await push(store, ALLOW)
    old, door = await store.read("prod"), reader(store)
    await push(store, DENY)
    assert await door.sees() == sha256_hex(DENY)
    assert old.envelope is not None
    await store.write_envelope(await store.read("prod"), old.envelope)
    await store.write_policy(await store.read("prod"), ALLOW)
    assert await door.sees() == "PolicyUnverified"
    assert await replace(door, serials=MemorySerials()).sees() == sha256_hex(ALLOW), (
        "a new machine cannot know"
    )
