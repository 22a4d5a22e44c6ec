"""When a signature is accepted, and every reason for which it is not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel_server.canonical import sha256_hex
from sentinel_server.errors import InvalidSetting, PolicyUnverified, SentinelError
from sentinel_server.policy.keys import KeySet, PublicKey
from sentinel_server.policy.signing import (
    Torn,
    Unsigned,
    check_key,
    envelope_for,
    holds,
    next_serial,
    sign_policy,
    verify,
)
from sentinel_server.policy.statement import Algorithm, Place, Signed, Statement, print_envelope
from sentinel_server.policy.stored import Stored
from tests.fakes.clock import NOON
from tests.fakes.signers import ALLOW, DENY, PROD, KeyPair, der_of, key_pair, signed, stored

KEYS = KeySet(keys=(key_pair().public,))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def check(seen: Stored, keys: KeySet = KEYS, highest: int = 0) -> Statement | Unsigned:
    """What comes of it at noon."""
    return verify(seen, keys, now=NOON, highest=highest)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_signature_by_a_pinned_key_is_accepted(algorithm: Algorithm) -> None:
    pair = key_pair("pinned", algorithm)
    said = check(stored(ALLOW, signed(by=pair, serial=3)), KeySet(keys=(pair.public,)))
    assert isinstance(said, Statement)
    assert (said.key_id, said.serial) == ("pinned", 3)


@pytest.mark.parametrize("algorithm", Algorithm)
@settings(max_examples=40, deadline=None)
@given(where=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_one_wrong_bit_anywhere_is_not_accepted(algorithm: Algorithm, where: int, bit: int) -> None:
    good = signed(by=key_pair("pinned", algorithm))
    flipped = bytearray(good.signature)
    flipped[where % len(flipped)] ^= 1 << bit
    assert not holds(key_pair("pinned", algorithm).public, replace(good, signature=bytes(flipped)))


@pytest.mark.parametrize(
    "changed",
    [
        {"serial": 2},
        {"not_after": NOON + DAY},
        {"signed_at": NOON - HOUR},
        {"place": replace(PROD, account="444455556666")},
        {"sha256": "0" * 64},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_no_part_of_a_statement_can_be_changed(changed: dict[str, object]) -> None:
    good = signed()
    forged = replace(good, statement=replace(good.statement, **changed))  # type: ignore[arg-type]
    assert holds(key_pair().public, good)
    assert not holds(key_pair().public, forged)


def test_bytes_that_no_signature_is_about_are_torn_or_tampered_with() -> None:
    with pytest.raises(Torn):
        check(stored(DENY, signed(ALLOW)))


def test_a_policy_without_an_envelope_is_unsigned() -> None:
    assert check(stored(ALLOW)) == Unsigned()


def refused(seen: Stored, keys: KeySet = KEYS, highest: int = 0) -> str:
    """The message with which it is not accepted."""
    with pytest.raises(PolicyUnverified) as caught:
        check(seen, keys, highest)
    return caught.value.message


DEV = Place(parameter="/sentinel/policies/dev", account=PROD.account, region=PROD.region)


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (DEV, "it is for 111122223333/eu-west-1/sentinel/policies/dev, not for"),
        (replace(PROD, account="444455556666"), "it is for 444455556666/eu-west-1"),
        (replace(PROD, region="us-east-1"), "it is for 111122223333/us-east-1"),
        (Place(parameter="prod.yaml"), "it is for prod.yaml, not for"),
    ],
    ids=["profile", "account", "region", "store"],
)
def test_a7_a_signature_for_another_place_is_refused(place: Place, why: str) -> None:
    assert why in refused(stored(ALLOW, signed(place=place)))


def test_a7_an_older_policy_cannot_come_back() -> None:
    old = stored(ALLOW, signed(serial=4))
    assert "its serial 4 is older than 5" in refused(old, highest=5)
    assert isinstance(check(old, highest=4), Statement)


def test_a7_a_pinned_serial_keeps_older_ones_out_where_nothing_was_seen_before() -> None:
    assert "its serial 4 is below 5" in refused(stored(ALLOW, signed(serial=4)), KEYS.pin(PROD, 5))


def test_a7_a_signature_expires() -> None:
    assert "it expired at 2026-01-31T12:00:00Z" in refused(
        stored(ALLOW, signed(at=NOON - HOUR, valid_for=HOUR))
    )
    assert isinstance(check(stored(ALLOW, signed(at=NOON - HOUR, valid_for=HOUR * 2))), Statement)


def test_a_signature_from_the_future_is_refused_beyond_what_clocks_differ() -> None:
    assert "made in the future" in refused(stored(ALLOW, signed(at=NOON + HOUR)))
    assert isinstance(check(stored(ALLOW, signed(at=NOON + timedelta(minutes=4)))), Statement)


def test_an_unknown_key_is_refused() -> None:
    assert "the key other is not in the key set" in refused(stored(ALLOW, signed(by=key_pair("other"))))


def test_a_key_that_borrows_the_id_of_a_pinned_one_is_refused() -> None:
    mine = signed(by=key_pair("other"), key_id="team")
    assert "the key team did not make it" in refused(stored(ALLOW, mine))


@pytest.mark.parametrize("algorithm", [Algorithm.RSA_PSS, Algorithm.ECDSA])
def test_a_signature_by_another_algorithm_than_the_keys_is_refused(algorithm: Algorithm) -> None:
    wrong = replace(signed(), algorithm=algorithm)
    assert f"it says {algorithm.value}, and the key team is for ED25519" in refused(stored(ALLOW, wrong))


def test_what_a_retired_key_signed_before_counts_no_more() -> None:
    early = stored(ALLOW, signed(at=NOON - DAY))
    assert isinstance(check(early), Statement)
    assert "counts no longer since" in refused(early, KEYS.retire("team", NOON))


def test_a_key_does_not_count_before_its_time() -> None:
    later = KeySet(keys=(replace(key_pair().public, not_before=NOON - HOUR),))
    assert "does not count before" in refused(stored(ALLOW, signed(at=NOON - HOUR * 2)), later)
    assert isinstance(check(stored(ALLOW, signed()), later), Statement)


def test_of_several_signatures_of_the_bytes_one_good_one_is_enough() -> None:
    both = stored(ALLOW, signed(by=key_pair("old"), serial=9), signed(serial=2))
    said = check(both)
    assert isinstance(said, Statement)
    assert said.serial == 2


def test_an_envelope_that_cannot_be_read_is_a_refusal_and_not_a_missing_signature() -> None:
    assert "is not an envelope" in refused(stored(ALLOW, envelope=b"{}"))


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_key_of_another_kind_verifies_nothing(algorithm: Algorithm) -> None:
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    strange = (small, ec.generate_private_key(ec.SECP256K1()), ec.generate_private_key(ec.SECP384R1()))
    for der in (b"", b"\0" * 90, *map(der_of, strange)):
        key = PublicKey(id="team", algorithm=algorithm, der=der)
        assert not holds(key, replace(signed(), algorithm=algorithm))
        with pytest.raises(InvalidSetting, match="team is not a"):
            check_key(key)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_key_of_its_kind_is_fit_for_the_set(algorithm: Algorithm) -> None:
    check_key(key_pair("pinned", algorithm).public)


# ---- making signatures


async def test_a8_a_policy_of_any_size_can_be_signed() -> None:
    large = ALLOW + b"# " + b"x" * 60_000
    made = await sign_policy(key_pair(), PROD, large, serial=1, now=NOON)
    assert len(made.statement.to_sign()) < 4096
    assert check(stored(large, made)) == made.statement


async def test_a_signature_is_checked_before_anybody_relies_on_it() -> None:
    @dataclass(frozen=True)
    class Broken:
        public: PublicKey = key_pair().public

        async def sign(self, message: bytes) -> bytes:
            return key_pair("other").sign_now(message)

    with pytest.raises(SentinelError, match="the signature that team gave does not hold"):
        await sign_policy(Broken(), PROD, ALLOW, serial=1, now=NOON)


@pytest.mark.parametrize("serial", [0, -1, 2**53])
async def test_no_serial_that_could_not_be_read_is_signed(serial: int) -> None:
    with pytest.raises(SentinelError, match="cannot be a serial"):
        await sign_policy(key_pair(), PROD, ALLOW, serial=serial, now=NOON)


def test_the_next_serial_is_above_every_one_that_is_known() -> None:
    assert next_serial(stored(None), None) == 1
    assert next_serial(stored(ALLOW, signed(serial=4), signed(DENY, serial=6)), None) == 7
    assert next_serial(stored(ALLOW, signed(serial=4)), KEYS, highest=9) == 10
    assert next_serial(stored(ALLOW, signed(serial=4)), KEYS.pin(PROD, 20)) == 21


def test_nobody_can_use_up_the_serials_with_signatures_that_do_not_hold() -> None:
    forged = signed(by=key_pair("other"), serial=2**53 - 1, key_id="team")
    elsewhere = signed(place=DEV, serial=2**52)
    seen = stored(ALLOW, forged, elsewhere, signed(serial=4))
    assert next_serial(seen, KEYS) == 5


# ---- the envelope that is written before the bytes


def both_ways(seen: Stored, new: Signed) -> tuple[Stored, Stored]:
    """The store between the two writes, and after them."""
    between = replace(seen, envelope=print_envelope(envelope_for(seen, new)))
    return between, replace(between, data=DENY)


def test_between_the_two_writes_the_old_bytes_have_their_signature() -> None:
    new = signed(DENY, serial=2)
    between, after = both_ways(stored(ALLOW, signed(serial=1)), new)
    assert check(between) == signed(serial=1).statement
    assert check(after) == new.statement


def test_a_policy_that_was_not_signed_stays_unsigned_between_the_two_writes() -> None:
    new = signed(DENY, serial=1)
    between, after = both_ways(stored(ALLOW), new)
    assert check(between) == Unsigned()
    assert check(after) == new.statement
    again, _ = both_ways(between, signed(DENY, serial=2))
    assert check(again) == Unsigned()


def test_bytes_that_were_tampered_with_do_not_become_unsigned_by_a_push() -> None:
    between, _ = both_ways(stored(ALLOW, signed(b"other")), signed(DENY, serial=2))
    with pytest.raises(Torn):
        check(between)


def test_what_somebody_else_is_about_to_write_keeps_its_signature() -> None:
    pending, mine = signed(b"theirs", serial=2), signed(DENY, serial=3)
    made = envelope_for(stored(ALLOW, pending, signed(serial=1)), mine)
    assert made.signatures == (mine, signed(serial=1), pending)


def test_signatures_of_bytes_long_gone_are_not_kept() -> None:
    seen = stored(ALLOW, signed(serial=2), signed(b"before", serial=1))
    mine = signed(DENY, serial=3)
    assert envelope_for(seen, mine).signatures == (mine, signed(serial=2))


@given(st.lists(st.sampled_from([ALLOW, DENY, b"three"]), min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_however_often_it_is_pushed_what_is_there_is_accepted_and_serials_rise(texts: list[bytes]) -> None:
    async def play() -> None:
        seen, highest = stored(None), 0
        for text in texts:
            serial = next_serial(seen, KEYS, highest)
            assert serial > highest
            new = await sign_policy(key_pair(), PROD, text, serial=serial, now=NOON)
            before = seen
            seen = replace(seen, envelope=print_envelope(envelope_for(seen, new)))
            if before.data is not None:
                assert isinstance(check(seen, highest=highest), Statement)
            seen = replace(seen, data=text)
            said = check(seen, highest=highest)
            assert isinstance(said, Statement)
            assert said.sha256 == sha256_hex(text)
            highest = said.serial

    asyncio.run(play())


def test_a_key_pair_signs_for_itself() -> None:
    pair: KeyPair = key_pair("self")
    assert holds(pair.public, signed(by=pair))


def test_a_key_that_signs_somebodys_approvals_signs_no_policies() -> None:
    owned = KeySet(keys=(replace(key_pair().public, owner="sso:alice"),))
    with pytest.raises(PolicyUnverified, match="signs the approvals of sso:alice, and no policies"):
        verify(stored(ALLOW, signed()), owned, now=NOON, highest=0)
    assert next_serial(stored(ALLOW, signed(serial=9)), owned) == 1, "nor does it use serials up"
