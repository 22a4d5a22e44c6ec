"""A code that was sent: what its row may say, and what the row must not give away."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sentinel_server.mfa.challenge import (
    LIFETIME,
    TRIES,
    Challenge,
    creation,
    hashed,
    new_challenge,
    read_challenge,
)
from sentinel_server.records.model import Row, Value
from sentinel_server.secret import Secret
from tests.fakes.clock import NOON
from tests.fakes.factors import FOR_PROD

ID = "0123456789abcdef"


def a_challenge() -> Challenge:
    """One for Alice, sent at noon."""
    return new_challenge(ID, FOR_PROD, Secret("12345678"), NOON, "…567")


def a_row(**changes: Value | None) -> Row:
    """Its row, with changes; None takes an attribute away."""
    change = creation(a_challenge())
    values = {name: value for name, value in {**change.set, **changes}.items() if value is not None}
    return Row(ref=change.ref, version=1, values=values)


def test_a_challenge_survives_being_stored() -> None:
    read = read_challenge(a_row())
    assert read is not None
    assert (read.id, read.asked, read.target, read.version) == (ID, FOR_PROD, "…567", 1)
    assert read.is_answered_by("1234 5678")
    assert not read.is_answered_by("")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"used_at": "x"}, "answered before"),
        ({"tries": TRIES}, "wrong codes"),
        ({"for_person": "bob"}, "somebody or something else"),
        ({"for_profile": "dev"}, "somebody or something else"),
    ],
)
def test_a_challenge_says_why_it_takes_no_code(changes: dict[str, Value], why: str) -> None:
    read = read_challenge(a_row(**changes))
    assert read is not None
    assert why in read.refuses(FOR_PROD, NOON)


@pytest.mark.parametrize("late", [-timedelta(seconds=1), LIFETIME])
def test_a_challenge_takes_a_code_only_in_its_time(late: timedelta) -> None:
    assert "too old" in a_challenge().refuses(FOR_PROD, NOON + late)
    assert a_challenge().refuses(FOR_PROD, NOON) == ""


@pytest.mark.parametrize("spoil", [{"digest": None}, {"tries": "x"}, {"method": "owl"}, {"expires_at": "x"}])
def test_a_spoiled_row_is_no_challenge(spoil: dict[str, Value | None]) -> None:
    assert read_challenge(a_row(**spoil)) is None


def test_one_code_has_another_hash_in_every_challenge() -> None:
    assert hashed(ID, "12345678") != hashed("f" * 16, "12345678")


def test_a_row_of_a_challenge_is_not_found_among_the_persons_emergencies() -> None:
    assert not {"person", "profile", "status"} & set(a_row().values)
