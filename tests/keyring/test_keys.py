"""Access keys in a vault, and their form there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.errors import AlreadyExists, BadInput, KeyringUnavailable, NotFound
from sentinel_server.keyring.keys import KEYS_TURN, Keys
from sentinel_server.keyring.model import AccessKey, Rotation, StoredKey, access_key, parse_key, print_key
from sentinel_server.keyring.names import (
    key_name,
    profile_of_session,
    profiles_in,
    seed_name,
    seeds_in,
    session_name,
    sessions_in,
)
from sentinel_server.keyring.vault import Item, MemoryVault
from sentinel_server.secret import Secret
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.turns import FakeTurns

KEY = AccessKey(id="AKIAIOSFODNN7EXAMPLE", secret=Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
OTHER = AccessKey(id="AKIAI44QH8DHBEXAMPLE", secret=Secret("je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY"))
ROTATION = Rotation(user="dev", began_at=NOON, before=(KEY.id,))
BASE = key_name("base")


class Ring:
    """Keys in a vault in memory."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.vault = MemoryVault(self.clock)
        self.turns = FakeTurns()
        self.keys = Keys(self.vault, self.turns, self.clock)

    async def with_session(self, profile: str = "base") -> str:
        """The name of a session that is now kept."""
        name = session_name(profile, ["x"])
        until = self.clock.now() + timedelta(hours=1)
        await self.vault.change({name: Item(value=Secret("{}"), until=until)})
        return name


@pytest.fixture
def ring() -> Ring:
    return Ring()


async def test_a_key_that_was_added_is_found_under_its_profile(ring: Ring) -> None:
    await ring.keys.add("base", KEY)
    stored = await ring.keys.get("base")
    assert stored is not None
    assert (stored.key.id, stored.key.secret.reveal(), stored.stored_at) == (
        KEY.id,
        KEY.secret.reveal(),
        NOON,
    )
    assert await ring.keys.get("other") is None
    assert await ring.keys.profiles() == ("base",)
    assert list(await ring.keys.of_all()) == ["base"]


async def test_a_key_is_not_replaced_unless_that_is_meant(ring: Ring) -> None:
    await ring.keys.add("base", KEY)
    with pytest.raises(AlreadyExists, match=KEY.id):
        await ring.keys.add("base", OTHER)
    await ring.keys.add("base", OTHER, replace=True)
    stored = await ring.keys.get("base")
    assert stored is not None
    assert stored.key.id == OTHER.id


async def test_replacing_a_key_forgets_the_sessions_of_the_former_one(ring: Ring) -> None:
    await ring.keys.add("base", KEY)
    await ring.with_session()
    other = await ring.with_session("other")
    await ring.keys.add("base", OTHER, replace=True)
    assert sessions_in(await ring.vault.listing()) == (other,)


async def test_a_key_that_is_being_rotated_is_not_replaced(ring: Ring) -> None:
    stored = StoredKey(key=KEY, stored_at=NOON, rotation=ROTATION)
    await ring.vault.change({BASE: Item(value=print_key(stored))})
    with pytest.raises(AlreadyExists, match="interrupted") as refused:
        await ring.keys.add("base", OTHER, replace=True)
    assert refused.value.hint == "end it first: sentinel keyring rotate base"


async def test_removing_forgets_the_key_and_its_sessions(ring: Ring) -> None:
    await ring.keys.add("base", KEY)
    await ring.keys.add("other", OTHER)
    await ring.with_session()
    await ring.keys.remove("base")
    assert list(await ring.vault.listing()) == [key_name("other")]
    with pytest.raises(NotFound, match="no key for base"):
        await ring.keys.remove("base")


async def test_clearing_forgets_sessions_and_no_keys(ring: Ring) -> None:
    await ring.keys.add("base", KEY)
    await ring.with_session()
    await ring.with_session("other")
    assert (await ring.keys.clear("other"), await ring.keys.clear(), await ring.keys.clear()) == (1, 1, 0)
    assert await ring.keys.profiles() == ("base",)


async def test_who_changes_a_key_has_its_turn(ring: Ring) -> None:
    await ring.keys.add("base", KEY)
    await ring.keys.remove("base")
    assert ring.turns.had == [KEYS_TURN, KEYS_TURN]


@pytest.mark.parametrize(
    ("key_id", "secret", "said"),
    [
        ("akia", KEY.secret.reveal(), "capital letters"),
        ("", KEY.secret.reveal(), "capital letters"),
        ("ASIAIOSFODNN7EXAMPLE", KEY.secret.reveal(), "temporary"),
        (KEY.id, "short", "16 characters"),
        (KEY.id, "with a space in the middle of it", "without spaces"),
        (KEY.id, "", "16 characters"),
    ],
)
def test_what_is_no_access_key_is_refused_without_being_quoted(key_id: str, secret: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as refused:
        access_key(key_id, secret)
    assert not secret or secret not in str(refused.value)


def test_what_surrounds_a_pasted_key_is_left_out() -> None:
    pasted = access_key(f" {KEY.id}\n", f"{KEY.secret.reveal()} ")
    assert (pasted.id, pasted.secret.reveal()) == (KEY.id, KEY.secret.reveal())


@pytest.mark.parametrize(
    "stored",
    [
        StoredKey(key=KEY, stored_at=NOON),
        StoredKey(key=KEY, stored_at=NOON, rotation=ROTATION),
        StoredKey(key=KEY, stored_at=NOON, rotation=replace(ROTATION, made=OTHER)),
        StoredKey(key=OTHER, stored_at=NOON, rotation=replace(ROTATION, old=KEY)),
    ],
)
def test_a_key_is_parsed_as_it_was_printed(stored: StoredKey) -> None:
    again = parse_key(print_key(stored))
    assert print_key(again).reveal() == print_key(stored).reveal()
    assert (again.key.id, again.stored_at) == (stored.key.id, stored.stored_at)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"version": 1}', '{"version": 1, "key": null, "stored_at": ""}']
)
def test_what_is_no_kept_key_is_said(text: str) -> None:
    with pytest.raises(KeyringUnavailable, match="no access key"):
        parse_key(Secret(text))


def test_a_key_of_a_later_release_is_left_alone() -> None:
    with pytest.raises(KeyringUnavailable, match="a later release"):
        parse_key(Secret('{"version": 2}'))


@pytest.mark.parametrize("name", ["", " ", "a]b", "a\nb", "\x00"])
def test_what_cannot_name_a_profile_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        key_name(name)


PROFILES = st.text(min_size=1).filter(lambda text: text.isprintable() and "]" not in text and text.strip())


@given(PROFILES, PROFILES, st.lists(st.integers()))
def test_names_tell_whose_they_are(one: str, other: str, about: list[int]) -> None:
    session = session_name(one, about)
    names = [key_name(one), session, seed_name("arn:aws:iam::111122223333:mfa/dev")]
    assert profiles_in(names) == (one,)
    assert profile_of_session(session) == one
    assert sessions_in(names) == (session,)
    assert sessions_in(names, other) == ((session,) if one == other else ())
    assert seeds_in(names) == ("arn:aws:iam::111122223333:mfa/dev",)
