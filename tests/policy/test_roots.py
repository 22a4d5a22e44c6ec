"""A key set that a root key signed: no other set is believed, and no older one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.clock import MAX_SKEW
from sentinel_server.errors import InvalidSetting, PolicyUnverified, SentinelError
from sentinel_server.policy.keys import KeySet, RootSignature, parse_key_set, print_key_set
from sentinel_server.policy.roots import PinnedKeys, check, sign_key_set, to_sign
from sentinel_server.policy.statement import Algorithm
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.policy_stores import MemorySerials
from tests.fakes.signers import PROD, KeyPair, key_pair, signed

ROOT = key_pair("root")
TEAM = KeySet(keys=(key_pair().public,))
DAY = timedelta(days=1)


async def rooted(
    keys: KeySet = TEAM, *, serial: int = 1, by: KeyPair = ROOT, valid_for: timedelta | None = None
) -> KeySet:
    return await sign_key_set(by, keys, serial=serial, now=NOON, valid_for=valid_for)


def believes(keys: KeySet, *roots: KeyPair, highest: int = 0, later: timedelta = timedelta(0)) -> bytes:
    ders = tuple(each.public.der for each in roots or (ROOT,))
    return check(keys, ders, now=NOON + later, highest=highest)


@pytest.mark.parametrize("algorithm", Algorithm)
async def test_a_set_that_a_root_signed_is_believed_also_after_it_was_written_and_read(
    algorithm: Algorithm,
) -> None:
    root = key_pair(f"root {algorithm.value}", algorithm)
    keys = await rooted(TEAM.pin(PROD, 7), by=root, serial=3, valid_for=DAY)
    again = parse_key_set(print_key_set(keys).encode(), "keys.json")
    assert again == keys
    assert believes(again, ROOT, root) == root.public.der
    assert again.minimum(PROD) == 7


async def test_an_unsigned_set_is_refused() -> None:
    with pytest.raises(PolicyUnverified, match=r"is not signed, and signing\.root asks for a signature"):
        believes(TEAM)


@pytest.mark.parametrize(
    "change",
    [
        lambda keys: replace(keys, keys=(key_pair("other").public,)),
        lambda keys: replace(keys, keys=(replace(keys.keys[0], not_after=NOON + DAY),)),
        lambda keys: replace(keys, minimum_serials={}),
        lambda keys: replace(keys, minimum_serials={str(PROD): 6}),
        lambda keys: replace(keys, serial=9),
        lambda keys: replace(keys, signature=replace(keys.signature, not_after=None)),
        lambda keys: replace(keys, signature=replace(keys.signature, signed_at=NOON - DAY)),
        lambda keys: replace(keys, signature=replace(keys.signature, algorithm=Algorithm.ECDSA)),
        lambda keys: replace(keys, signature=replace(keys.signature, value=b"")),
    ],
)
async def test_whatever_is_changed_in_it_it_is_no_longer_believed(change: Callable[[KeySet], KeySet]) -> None:
    keys = await rooted(TEAM.pin(PROD, 7), valid_for=DAY)
    believes(keys)
    with pytest.raises(PolicyUnverified, match="is not the one that was signed"):
        believes(change(keys))


async def test_only_a_root_signs_sets_and_no_key_that_is_in_one() -> None:
    with pytest.raises(PolicyUnverified, match="no root key made its signature, which names team"):
        believes(await rooted(by=key_pair()))


async def test_it_ends_with_its_signature_and_does_not_begin_in_the_future() -> None:
    keys = await rooted(valid_for=DAY)
    believes(keys, later=DAY - timedelta(seconds=1))
    with pytest.raises(PolicyUnverified, match="it expired at"):
        believes(keys, later=DAY)
    with pytest.raises(PolicyUnverified, match="signed in the future"):
        believes(keys, later=-MAX_SKEW - timedelta(seconds=1))


async def test_a_set_older_than_one_that_was_believed_is_refused_here_and_in_the_next_process() -> None:
    old, new = await rooted(serial=4), await rooted(serial=5)
    memory, clock, there = MemorySerials(), FakeClock(), [new]

    def pinned() -> PinnedKeys:
        return PinnedKeys(lambda: there[0], (ROOT.public.der,), memory=memory, clock=clock)

    assert await pinned().now() == new
    there[0] = old
    with pytest.raises(PolicyUnverified, match="its serial 4 is older than 5"):
        await pinned().now()
    there[0] = new
    assert await pinned().now() == new


async def test_a_set_that_is_not_believed_is_not_remembered() -> None:
    memory = MemorySerials()
    forged = await rooted(serial=9, by=key_pair("thief"))
    keys = PinnedKeys(lambda: forged, (ROOT.public.der,), memory=memory, clock=FakeClock())
    with pytest.raises(PolicyUnverified):
        await keys.now()
    assert memory.serials == {}


async def test_without_a_root_any_set_is_believed_as_it_lies_there() -> None:
    assert await PinnedKeys(lambda: TEAM, memory=MemorySerials(), clock=FakeClock()).now() == TEAM


async def test_a_set_that_cannot_be_read_and_a_root_that_is_no_key_are_refusals() -> None:
    def gone() -> KeySet:
        raise InvalidSetting("cannot read the key set")

    with pytest.raises(PolicyUnverified, match="cannot read the key set"):
        await PinnedKeys(gone, memory=MemorySerials(), clock=FakeClock()).now()
    keys = await rooted()
    with pytest.raises(PolicyUnverified, match=r"signing\.root is not a public key"):
        await PinnedKeys(lambda: keys, (b"0junk",), memory=MemorySerials(), clock=FakeClock()).now()


async def test_whatever_changes_a_set_takes_its_signature_away_and_keeps_its_serial() -> None:
    keys = await rooted(TEAM.pin(PROD, 7), serial=3)
    for changed in (keys.add(key_pair("new").public), keys.retire("team", NOON), keys.pin(PROD, 8)):
        assert (changed.signature, changed.serial) == (None, 3)
    assert keys.pin(PROD, 7) is keys


async def test_a_root_that_gives_a_bad_signature_is_found_out() -> None:
    liar = KeyPair(public=ROOT.public, private=key_pair("other").private)
    with pytest.raises(SentinelError, match="does not hold"):
        await rooted(by=liar)
    with pytest.raises(SentinelError, match="0 cannot be a serial"):
        await rooted(serial=0)


def test_no_statement_of_a_policy_can_pass_for_a_key_set() -> None:
    about = RootSignature(key_id="root", algorithm=Algorithm.ED25519, signed_at=NOON)
    assert to_sign(TEAM, about) != signed().statement.to_sign()
    assert b'"format":"sentinel-key-set/1"' in to_sign(TEAM, about)


@given(st.binary(max_size=200))
def test_whatever_is_taken_for_a_set_is_either_one_or_an_invalid_setting(data: bytes) -> None:
    for text in (data, b'{"format": "sentinel-key-set/1", "keys": [], "signature": ' + data + b"}"):
        try:
            parse_key_set(text, "keys.json")
        except InvalidSetting:
            continue
