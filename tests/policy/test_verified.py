"""A door with pinned keys: what it loads, what it refuses, and what it remembers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from sentinel_server.canonical import sha256_hex
from sentinel_server.errors import PolicyUnavailable, PolicyUnverified
from sentinel_server.policy.keys import KeySet
from sentinel_server.policy.loading import policy_in
from sentinel_server.policy.schema import LoadedPolicy
from sentinel_server.policy.stored import Stored
from sentinel_server.policy.verified import Verified
from tests.fakes.clock import FakeClock
from tests.fakes.policy_stores import MemorySerials
from tests.fakes.signers import ALLOW, DENY, PROD, key_pair, pinned, signed, stored

KEYS = KeySet(keys=(key_pair().public,))


@dataclass(slots=True)
class Reads:
    """A store whose contents change from one reading to the next; the last stays."""

    each: list[Stored]
    count: int = 0

    async def read(self, profile: str) -> Stored:
        self.count += 1
        return self.each.pop(0) if len(self.each) > 1 else self.each[0]


@dataclass(slots=True)
class Door:
    """A source over some readings."""

    reads: Reads
    serials: MemorySerials = field(default_factory=MemorySerials)
    said: list[str] = field(default_factory=list)

    def source(self, *, required: bool = True, keys: KeySet = KEYS) -> Verified[LoadedPolicy]:
        return Verified(
            self.reads,
            pinned(keys),
            self.serials,
            FakeClock(),
            policy_in,
            required=required,
            say=self.said.append,
        )


def door(*each: Stored) -> Door:
    return Door(Reads(list(each)))


async def test_a_signed_policy_is_loaded_with_its_signer_and_serial() -> None:
    loaded = await door(stored(ALLOW, signed(serial=5))).source().load("prod")
    assert (loaded.signer, loaded.serial, loaded.account) == ("team", 5, "111122223333")
    assert loaded.sha256 == sha256_hex(ALLOW)
    assert loaded.policy.rules[0].name == "all"


async def test_an_unsigned_policy_is_refused() -> None:
    with pytest.raises(PolicyUnverified, match="is not signed, and signatures are required"):
        await door(stored(ALLOW)).source().load("prod")


async def test_an_unsigned_policy_is_used_where_none_is_required_and_that_is_said_once() -> None:
    at = door(stored(ALLOW))
    source = at.source(required=False)
    for _ in range(3):
        assert (await source.load("prod")).signer == ""
    assert at.said == [
        "/sentinel/policies/prod is not signed; signing.required is false, so it is used all the same"
    ]


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize(
    "seen",
    [
        stored(DENY, signed(ALLOW)),
        stored(ALLOW, signed(place=replace(PROD, account="444455556666"))),
        stored(ALLOW, signed(by=key_pair("other"))),
        stored(ALLOW, envelope=b"nonsense"),
    ],
    ids=["tampered", "elsewhere", "unknown key", "nonsense"],
)
async def test_a9_a_signature_that_does_not_hold_is_always_a_refusal_of_its_own(
    seen: Stored, required: bool
) -> None:
    with pytest.raises(PolicyUnverified) as caught:
        await door(seen).source(required=required).load("prod")
    assert (caught.value.code, caught.value.exit_status, caught.value.http_status) == (
        *("PolicyUnverified", 6),
        500,
    )


async def test_a_reading_torn_by_a_push_is_repeated_once() -> None:
    at = door(stored(ALLOW, signed(DENY, serial=2)), stored(DENY, signed(DENY, serial=2)))
    assert (await at.source().load("prod")).serial == 2
    assert at.reads.count == 2


async def test_a_reading_that_stays_torn_is_tampered_with() -> None:
    at = door(stored(ALLOW, signed(DENY)))
    with pytest.raises(PolicyUnverified, match="is not what was signed"):
        await at.source().load("prod")
    assert at.reads.count == 2


async def test_the_highest_serial_is_remembered_and_older_ones_are_refused() -> None:
    at = door(stored(ALLOW, signed(serial=5)), stored(DENY, signed(DENY, serial=4)))
    await at.source().load("prod")
    assert at.serials.serials == {str(PROD): 5}
    with pytest.raises(PolicyUnverified, match="its serial 4 is older than 5"):
        await at.source().load("prod")


async def test_a_policy_that_cannot_be_used_does_not_raise_the_serial() -> None:
    at = door(stored(b"version: 9\n", signed(b"version: 9\n", serial=5)))
    with pytest.raises(PolicyUnavailable, match="not valid"):
        await at.source().load("prod")
    assert at.serials.serials == {}


async def test_keys_are_read_anew_for_every_load() -> None:
    rings = [KEYS, KEYS.retire("team", FakeClock().now())]
    source = Verified(
        Reads([stored(ALLOW, signed())]), pinned(*rings), MemorySerials(), FakeClock(), policy_in
    )
    await source.load("prod")
    with pytest.raises(PolicyUnverified, match="counts no longer"):
        await source.load("prod")


async def test_a16_a_policy_that_is_missing_or_empty_is_unavailable() -> None:
    with pytest.raises(PolicyUnavailable, match="no policy for prod"):
        await door(stored(None)).source().load("prod")
    with pytest.raises(PolicyUnavailable, match="not valid"):
        await door(stored(b"", signed(b""))).source().load("prod")


async def test_what_is_loaded_ends_with_its_signature_or_its_key_whichever_is_first() -> None:
    now, day = FakeClock().now(), timedelta(days=1)
    retiring = KEYS.retire("team", now + day)
    long = stored(ALLOW, signed(valid_for=2 * day))
    assert (await door(long).source().load("prod")).not_after == now + 2 * day
    assert (await door(long).source(keys=retiring).load("prod")).not_after == now + day
    assert (await door(stored(ALLOW, signed())).source().load("prod")).not_after is None
