"""The set of pinned keys: read strictly, changed as a value."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from sentinel_server.errors import AlreadyExists, InvalidSetting, NotFound
from sentinel_server.policy.keys import KeySet, local_key_id, parse_key_set, print_key_set
from sentinel_server.policy.statement import Algorithm
from tests.fakes.clock import NOON
from tests.fakes.signers import PROD, key_pair

HOUR = timedelta(hours=1)
SET = KeySet(keys=(key_pair().public,))


def test_what_was_printed_is_read_as_it_was() -> None:
    keys = SET.add(key_pair("kms", Algorithm.ECDSA).public).retire("team", NOON).pin(PROD, 7)
    assert parse_key_set(print_key_set(keys).encode(), "keys.json") == keys


def test_a_key_is_added_once() -> None:
    with pytest.raises(AlreadyExists, match="team"):
        SET.add(key_pair().public)


def test_a_key_that_is_not_there_cannot_be_retired() -> None:
    with pytest.raises(NotFound, match="nobody"):
        SET.retire("nobody", NOON)


def test_a_key_counts_from_its_first_instant_and_no_longer_at_its_last() -> None:
    key = SET.retire("team", NOON).keys[0]
    assert key.why_not(NOON - HOUR) == ""
    assert key.why_not(NOON) == "counts no longer since 2026-01-31T12:00:00Z"


def test_a_retired_key_never_counts_again() -> None:
    keys = SET.retire("team", NOON)
    assert keys.retire("team", NOON + HOUR) == keys
    assert keys.retire("team", NOON - HOUR).keys[0].not_after == NOON - HOUR


def test_a_pin_is_never_lowered() -> None:
    assert SET.pin(PROD, 7).pin(PROD, 3).minimum(PROD) == 7


def test_a_local_key_is_named_after_its_bytes() -> None:
    one, two = key_pair("one").public.der, key_pair("two").public.der
    assert local_key_id(one) == local_key_id(one) != local_key_id(two)
    assert local_key_id(one).startswith("ed25519-")


def document(**changes: Any) -> bytes:
    """A key set as JSON, with changes at its top."""
    return json.dumps(json.loads(print_key_set(SET)) | changes).encode()


KEY = json.loads(print_key_set(SET))["keys"][0]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 20000,
        document(format="sentinel-key-set/2"),
        document(keys=[KEY, KEY]),
        document(keys=KEY),
        document(keys=[KEY | {"public_key": "%"}]),
        document(keys=[KEY | {"algorithm": "RSA"}]),
        document(keys=[KEY | {"not_after": "soon"}]),
        document(keys=[KEY | {"notafter": "2026-01-31T12:00:00Z"}]),
        document(keys=[KEY | {"id": ""}]),
        document(minimum_serials={"x": 0}),
        document(minimum_serials={"x": "7"}),
        document(minimum_serials=[7]),
        document(trust="everybody"),
    ],
    ids=lambda data: data[:60],
)
def test_what_is_no_key_set_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidSetting, match=r"keys\.json is not a set of public keys"):
        parse_key_set(data, "keys.json")
