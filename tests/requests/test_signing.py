"""Signed approvals: only what an approver signed, with their own key, about exactly this, counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from sentinel_server.errors import InvalidSetting, SentinelError
from sentinel_server.identity.people import Persons
from sentinel_server.policy.keys import KeySet, parse_key_set, print_key_set
from sentinel_server.policy.statement import Algorithm
from sentinel_server.requests.model import AccessRequest, Vote
from sentinel_server.requests.rules import Granted, NotGranted, granted
from sentinel_server.requests.signing import SignedVotes, signed
from tests.fakes.requests import ALICE, BOB, CAROL, HOME, NOBODY_JOINED, NOON, POLICY, a_request, vote_of
from tests.fakes.signers import KeyPair, key_pair

AT, NOW = NOON + timedelta(minutes=1), NOON + timedelta(minutes=2)
BOBS = key_pair("bobs")
PINNED = KeySet(
    keys=(
        replace(BOBS.public, owner=BOB.person),
        replace(key_pair("carols").public, owner=CAROL.person),
        replace(key_pair("alices").public, owner=ALICE.person),
        key_pair("teams").public,
    )
)


def check(keys: KeySet = PINNED, *, required: bool = True, persons: Persons = NOBODY_JOINED) -> SignedVotes:
    return SignedVotes(lambda: keys, persons, required=required)


async def bobs_vote(request: AccessRequest, by: KeyPair = BOBS, **changes: object) -> Vote:
    return await signed(by, request, vote_of(BOB, request, AT, **changes))


def outcome(request: AccessRequest, vote: Vote, looks: SignedVotes) -> Granted | NotGranted:
    return granted(
        replace(request, votes=(vote,), approved_at=vote.at),
        POLICY,
        principal=ALICE,
        profile="prod",
        now=NOW,
        home_account=HOME,
        persons=NOBODY_JOINED,
        check=looks,
    )


@pytest.mark.parametrize("algorithm", Algorithm, ids=lambda each: each.value)
async def test_an_approvers_own_signature_counts(algorithm: Algorithm) -> None:
    pair = key_pair(f"bobs-{algorithm.value}", algorithm)
    keys = KeySet(keys=(replace(pair.public, owner=BOB.person),))
    request = a_request()
    assert isinstance(outcome(request, await bobs_vote(request, pair), check(keys)), Granted)


async def test_weakness_4_a_row_written_by_hand_grants_nothing_when_signatures_are_required() -> None:
    request = a_request()
    assert "not signed" in _why(outcome(request, vote_of(BOB, request, AT), check()))


async def test_an_unsigned_vote_counts_where_signatures_are_optional_and_a_bad_one_does_not() -> None:
    request = a_request()
    optional = check(required=False)
    assert isinstance(outcome(request, vote_of(BOB, request, AT), optional), Granted)
    spoiled = replace(await bobs_vote(request), comment="looked at it closely")
    assert "not what was signed" in _why(outcome(request, spoiled, optional))


@pytest.mark.parametrize("owner", ["carols", "alices", "teams", "unknown"])
async def test_a_key_counts_for_its_owner_alone(owner: str) -> None:
    request = a_request()
    vote = await bobs_vote(request, key_pair(owner))
    assert "is signed with" in _why(outcome(request, vote, check()))


async def test_an_approver_cannot_sign_as_another_under_their_own_name() -> None:
    request = a_request()
    vote = vote_of(CAROL, request, AT, person=BOB.person)
    assert "which is" in _why(outcome(request, await signed(BOBS, request, vote), check()))


async def test_the_owner_is_the_person_that_the_people_map_makes_of_them() -> None:
    persons = Persons({"bo": [BOB.person, "sso:bo"]})
    keys = KeySet(keys=(replace(BOBS.public, owner="sso:bo"),))
    request = a_request()
    assert check(keys, persons=persons)(request, await bobs_vote(request), NOW) == ""


CHANGES: dict[str, Callable[[AccessRequest, Vote], tuple[AccessRequest, Vote]]] = {
    "another request": lambda r, v: (replace(r, id="f" * 16), v),
    "longer": lambda r, v: (replace(r, duration=timedelta(hours=8)), v),
    "another profile": lambda r, v: (replace(r, profile="prod-2"), v),
    "another requester": lambda r, v: (replace(r, person="iam:1:eve", principal_arn=CAROL.arn), v),
    "another reason": lambda r, v: (replace(r, justification="something else entirely"), v),
    "a later vote": lambda r, v: (r, replace(v, at=v.at + timedelta(seconds=30))),
    "another comment": lambda r, v: (r, replace(v, comment="fine for all year")),
    "another person": lambda r, v: (r, replace(v, person="sso:bob")),
    "another algorithm": lambda r, v: (r, _resigned(v, algorithm="ECDSA_SHA_256")),
    "a bit": lambda r, v: (r, _resigned(v, signature="AAAA")),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_nothing_of_what_was_signed_can_be_changed(
    change: Callable[[AccessRequest, Vote], tuple[AccessRequest, Vote]],
) -> None:
    request = a_request()
    vote = await bobs_vote(request, comment="looks right")
    assert check()(request, vote, NOW) == ""
    changed = change(request, vote)
    assert check()(*changed, NOW) == "is not what was signed with bobs"


@pytest.mark.parametrize(
    "text",
    [
        "?",
        "{}",
        "[]",
        '{"format": "sentinel-approval-signature/1"}',
        "[" * 3000,
        "\ud800",
        "x" * 5000,
        "null",
    ],
)
def test_a_signature_that_is_none_is_refused_in_words(text: str) -> None:
    request = a_request()
    vote = vote_of(BOB, request, AT, signature=text)
    assert check(required=False)(request, vote, NOW) == "has a signature that cannot be read"


async def test_a_retired_key_counts_for_nothing_that_it_ever_signed() -> None:
    request = a_request()
    vote = await bobs_vote(request)
    assert "no longer" in check(PINNED.retire("bobs", NOW))(request, vote, NOW)


async def test_keys_that_cannot_be_read_let_no_vote_count() -> None:
    def unreadable() -> KeySet:
        raise InvalidSetting("others can write the key set")

    request = a_request()
    said = SignedVotes(unreadable, NOBODY_JOINED, required=False)(request, await bobs_vote(request), NOW)
    assert said == "cannot be checked: others can write the key set"


async def test_a_signer_that_signs_something_else_is_found_out_at_once() -> None:
    class Broken:
        public = BOBS.public

        async def sign(self, message: bytes) -> bytes:
            return await BOBS.sign(message + b" ")

    request = a_request()
    with pytest.raises(SentinelError, match="does not hold"):
        await signed(Broken(), request, vote_of(BOB, request, AT))


def test_a_key_set_keeps_the_owners() -> None:
    assert parse_key_set(print_key_set(PINNED).encode(), "keys") == PINNED
    spoiled = print_key_set(PINNED).replace(f'"{BOB.person}"', "7")
    with pytest.raises(InvalidSetting, match="owner of bobs"):
        parse_key_set(spoiled.encode(), "keys")


def _resigned(vote: Vote, **changes: str) -> Vote:
    return replace(vote, signature=json.dumps({**json.loads(vote.signature), **changes}))


def _why(found: Granted | NotGranted) -> str:
    assert isinstance(found, NotGranted)
    return found.why
