"""Sessions that one process makes and others use, and keys that are read again when they have changed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.errors import KeyringUnavailable, LoginRequired
from sentinel_server.keyring.keys import Keys
from sentinel_server.keyring.model import AccessKey
from sentinel_server.keyring.names import session_name
from sentinel_server.keyring.sessions import KeptSessions, VaultKeys
from sentinel_server.keyring.vault import Item, MemoryVault
from sentinel_server.secret import Secret
from tests.fakes.clock import FakeClock
from tests.fakes.credentials import LONG_LIVED, a_session
from tests.fakes.turns import FakeTurns

ABOUT = ["get-session-token", "AKIA1", "arn:aws:iam::111122223333:mfa/dev"]
HOUR = timedelta(hours=1)


class BrokenVault(MemoryVault):
    """A vault that cannot be read, or not be written, as a test says."""

    unreadable = unwritable = False

    async def read(self, name: str) -> Secret | None:
        """What is kept."""
        if self.unreadable:
            raise KeyringUnavailable("the vault cannot be read")
        return await super().read(name)

    async def change(self, write: Mapping[str, Item], erase: Collection[str] = ()) -> None:
        """Write and erase."""
        if self.unwritable:
            raise KeyringUnavailable("the vault cannot be written")
        await super().change(write, erase)


class Cache:
    """Kept sessions, and a maker of sessions that counts and takes its time."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.vault = BrokenVault(self.clock)
        self.turns = FakeTurns()
        self.said: list[str] = []
        self.made = 0
        self.making = asyncio.Event()
        self.fails: Exception | None = None

    def another(self) -> KeptSessions:
        """The cache, as another process sees it."""
        return KeptSessions(self.vault, self.turns, self.clock, self.said.append)

    async def make(self) -> AwsCredentials:
        """A session of an hour, with a number of its own."""
        self.made += 1
        self.making.set()
        number = self.made
        await asyncio.sleep(0)
        if self.fails is not None:
            raise self.fails
        return replace(a_session(self.clock, lasting=HOUR), access_key_id=f"ASIA{number}")

    async def ask(self, profile: str = "base", about: list[str] = ABOUT) -> str:
        """The id of the session that a process gets."""
        return (await self.another().session(profile, about, self.make)).access_key_id


@pytest.fixture
def cache() -> Cache:
    return Cache()


async def test_a_session_is_made_once_and_then_kept(cache: Cache) -> None:
    assert [await cache.ask() for _ in range(3)] == ["ASIA1"] * 3
    again = await cache.another().session("base", ABOUT, cache.make)
    made = a_session(cache.clock, lasting=HOUR)
    assert again.session_token is not None
    assert made.session_token is not None
    assert again.session_token.reveal() == made.session_token.reveal()
    assert (again.secret_access_key.reveal(), again.expires_at) == (
        made.secret_access_key.reveal(),
        made.expires_at,
    )


async def test_of_many_who_ask_at_once_one_makes_it(cache: Cache) -> None:
    assert await asyncio.gather(*(cache.ask() for _ in range(20))) == ["ASIA1"] * 20


async def test_what_makes_it_another_session_is_what_it_is_about(cache: Cache) -> None:
    told = [await cache.ask(), await cache.ask("other"), await cache.ask(about=["x"]), await cache.ask()]
    assert told == ["ASIA1", "ASIA1", "ASIA2", "ASIA1"]
    assert list(await cache.vault.listing()) == [session_name("base", ABOUT), session_name("base", ["x"])]


async def test_one_that_is_spent_is_replaced_for_everybody(cache: Cache) -> None:
    first = await cache.another().session("base", ABOUT, cache.make)

    def spent(kept: AwsCredentials) -> bool:
        return kept.access_key_id == first.access_key_id

    second = await cache.another().session("base", ABOUT, cache.make, spent)
    third = await cache.another().session("base", ABOUT, cache.make, spent)
    assert (second.access_key_id, third.access_key_id, await cache.ask()) == ("ASIA2", "ASIA2", "ASIA2")


async def test_a_session_is_made_anew_when_little_is_left_of_it(cache: Cache) -> None:
    await cache.ask()
    cache.clock.pass_(HOUR - timedelta(minutes=5))
    assert await cache.ask() == "ASIA1"
    cache.clock.pass_(timedelta(seconds=1))
    assert await cache.ask() == "ASIA2"
    assert list((await cache.vault.listing()).values()) == [cache.clock.now() + HOUR]


async def test_when_one_fails_the_next_one_tries(cache: Cache) -> None:
    cache.fails = LoginRequired("nobody there")
    with pytest.raises(LoginRequired):
        await cache.ask()
    cache.fails = None
    assert await cache.ask() == "ASIA2"


async def test_who_was_cancelled_holds_up_nobody(cache: Cache) -> None:
    first = asyncio.create_task(cache.ask())
    await cache.making.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await cache.ask() == "ASIA2"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2}', '{"version": 1, "id": "x"}'])
async def test_what_nobody_can_use_is_replaced(cache: Cache, text: str) -> None:
    until = cache.clock.now() + HOUR
    await cache.vault.change({session_name("base", ABOUT): Item(value=Secret(text), until=until)})
    assert [await cache.ask(), await cache.ask()] == ["ASIA1", "ASIA1"]


async def test_long_lived_keys_are_not_kept_as_a_session(cache: Cache) -> None:
    async def make() -> AwsCredentials:
        return LONG_LIVED

    await cache.another().session("base", ABOUT, make)
    assert dict(await cache.vault.listing()) == {}


async def test_a_vault_that_fails_is_said_and_done_without(cache: Cache) -> None:
    await cache.ask()
    cache.vault.unreadable = cache.vault.unwritable = True
    cache.turns.fails = KeyringUnavailable("no lock can be had")
    assert await cache.ask() == "ASIA2"
    assert [text.rpartition(": ")[2] for text in cache.said] == [
        "the vault cannot be read",
        "no lock can be had",
        "the vault cannot be read",
        "the vault cannot be written",
    ]


async def test_keys_are_read_again_only_when_the_vault_has_changed() -> None:
    clock = FakeClock()
    vault = BrokenVault(clock)
    keys = Keys(vault, FakeTurns(), clock)
    await keys.add("base", AccessKey(id="AKIAONE1AKIAONE1", secret=Secret("one")))
    mark: list[datetime | int] = [1]
    kept = VaultKeys(keys, lambda: mark[0])
    first = await kept.keys("base")
    assert first is not None
    vault.unreadable = True
    assert await kept.keys("base") is first
    vault.unreadable = False
    await keys.add("base", AccessKey(id="AKIATWO2AKIATWO2", secret=Secret("two")), replace=True)
    mark[0] = 2
    second = await kept.keys("base")
    assert second is not None
    assert (second.access_key_id, second.session_token, second.expires_at) == ("AKIATWO2AKIATWO2", None, None)
    assert (await kept.keys("nobody"), list(await kept.profiles())) == (None, ["base"])
