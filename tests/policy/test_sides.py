"""Side policies at a door: verified as access policies are, or not there, which is an answer of its own."""

from __future__ import annotations

from functools import partial

import pytest

from sentinel_server.errors import PolicyUnavailable, PolicyUnverified
from sentinel_server.policy.approval import ApprovalPolicy
from sentinel_server.policy.breakglass import BreakGlassPolicy
from sentinel_server.policy.keys import KeySet
from sentinel_server.policy.kinds import SIDE_NAMES, DocumentKind
from sentinel_server.policy.ratelimit import RateLimitPolicy
from sentinel_server.policy.sides import (
    AnySide,
    SidesBySource,
    approvals,
    breakglass,
    loaded_side,
    ratelimits,
)
from sentinel_server.policy.stored import Stored
from sentinel_server.policy.verified import Unverified, Verified
from tests.fakes.clock import FakeClock
from tests.fakes.policy_stores import MemorySerials
from tests.fakes.signers import ALLOW, PROD, key_pair, pinned, signed, stored

APPROVALS = b"kind: approval\nversion: 1\nrules:\n  - {name: team, approvers: [alice]}\n"
GLASS = b"kind: breakglass\nversion: 1\nrules:\n  - {name: oncall, users: [bob]}\n"
LIMITS = b"kind: ratelimit\nversion: 1\nrules:\n  - {name: calm, cooldown: 30m}\n"
TEXTS = {"approvals": APPROVALS, "breakglass": GLASS, "ratelimits": LIMITS}
KEYS = KeySet(keys=(key_pair().public,))


class Lies:
    """A store with one text for whatever is asked."""

    def __init__(self, *each: Stored) -> None:
        self.each = list(each)

    async def read(self, profile: str) -> Stored:
        return self.each.pop(0) if len(self.each) > 1 else self.each[0]


class ByName:
    """A store with a text for each side policy, unsigned."""

    async def read(self, profile: str) -> Stored:
        return stored(TEXTS[profile])


def verified(*each: Stored, keys: KeySet = KEYS, required: bool = True) -> Verified[AnySide | None]:
    make = partial(loaded_side, kind=DocumentKind.APPROVAL)
    return Verified(Lies(*each), pinned(keys), MemorySerials(), FakeClock(), make, required=required)


async def test_each_kind_is_read_from_its_own_place_and_is_of_its_own_type() -> None:
    sides = SidesBySource(lambda kind: Unverified(ByName(), partial(loaded_side, kind=kind)))
    found = [await approvals(sides), await breakglass(sides), await ratelimits(sides)]
    assert [type(each.document) for each in found if each] == [
        ApprovalPolicy,
        BreakGlassPolicy,
        RateLimitPolicy,
    ]
    assert [each.kind for each in found if each] == list(SIDE_NAMES)


async def test_none_is_an_answer_where_none_was_ever_signed() -> None:
    assert await verified(stored(None)).load("approvals") is None


async def test_a_signed_one_says_who_signed_it_and_for_which_account() -> None:
    loaded = await verified(stored(APPROVALS, signed(APPROVALS, serial=3))).load("approvals")
    assert loaded is not None
    assert (loaded.signer, loaded.serial, loaded.account) == ("team", 3, "111122223333")


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        (stored(APPROVALS), "is not signed"),
        (stored(APPROVALS, signed(GLASS)), "is not what was signed"),
        (stored(APPROVALS, signed(APPROVALS, by=key_pair("other"))), "is not in the key set"),
    ],
)
async def test_one_whose_signature_does_not_hold_is_refused(seen: Stored, why: str) -> None:
    with pytest.raises(PolicyUnverified, match=why):
        await verified(seen).load("approvals")


async def test_deleting_one_that_was_signed_does_not_lift_what_it_asks_for() -> None:
    source = verified(stored(LIMITS, signed(LIMITS)), stored(None))
    limits = Verified(
        Lies(stored(LIMITS, signed(LIMITS)), stored(None)),
        pinned(KEYS),
        MemorySerials(),
        FakeClock(),
        partial(loaded_side, kind=DocumentKind.RATELIMIT),
    )
    assert await limits.load("ratelimits")
    with pytest.raises(PolicyUnverified, match="does not exist, and a signed one was in use"):
        await limits.load("ratelimits")
    with pytest.raises(PolicyUnavailable, match="not valid"):
        await source.load("approvals")


async def test_one_whose_serial_is_pinned_must_be_there_on_a_new_machine_too() -> None:
    with pytest.raises(PolicyUnverified, match="does not exist"):
        await verified(stored(None), keys=KEYS.pin(PROD, 1)).load("approvals")


async def test_a_signed_document_of_another_kind_is_not_taken_for_it() -> None:
    for text in (ALLOW, GLASS, LIMITS):
        with pytest.raises(PolicyUnavailable, match="not valid"):
            await verified(stored(text, signed(text))).load("approvals")
