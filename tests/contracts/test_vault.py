"""One suite for every kind of vault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from sentinel_server.keyring.vault import Item, Vault
from sentinel_server.secret import Secret
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.vaults import Opener, keyring, memory, passphrase

Open = Callable[[], Vault]
HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=[memory, passphrase, keyring], ids=lambda kind: str(kind.__name__))
async def again(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> AsyncIterator[Open]:
    """Opens the vault as another process would."""
    kind: Opener = request.param
    async with kind(tmp_path, clock) as opened:
        yield opened


def item(text: str, until: timedelta | None = None) -> Item:
    return Item(value=Secret(text), until=None if until is None else NOON + until)


async def told(vault: Vault, name: str) -> str | None:
    found = await vault.read(name)
    return None if found is None else found.reveal()


async def test_an_empty_vault_has_nothing(again: Open) -> None:
    assert dict(await again().listing()) == {}
    assert await again().read("key:base") is None


async def test_what_is_written_is_read_by_others(again: Open) -> None:
    await again().change({"key:base": item("ünïcode"), "b": item("")})
    assert (await told(again(), "key:base"), await told(again(), "b")) == ("ünïcode", "")
    assert dict(await again().listing()) == {"key:base": None, "b": None}


async def test_one_change_writes_and_erases(again: Open) -> None:
    await again().change({"a": item("1"), "b": item("2")})
    await again().change({"c": item("3")}, ["a", "nothing"])
    assert sorted(await again().listing()) == ["b", "c"]


async def test_the_last_one_who_writes_a_name_wins(again: Open) -> None:
    vault = again()
    await vault.change({"a": item("1", HOUR)})
    await vault.change({"a": item("2")}, ["a"])
    assert (await told(vault, "a"), dict(await vault.listing())) == ("2", {"a": None})


async def test_what_has_ended_is_gone(again: Open, clock: FakeClock) -> None:
    await again().change({"session": item("1", HOUR), "key": item("2")})
    assert dict(await again().listing()) == {"session": NOON + HOUR, "key": None}
    clock.pass_(HOUR - timedelta(seconds=1))
    assert await told(again(), "session") == "1"
    clock.pass_(timedelta(seconds=1))
    assert (await again().read("session"), list(await again().listing())) == (None, ["key"])


async def test_changes_at_once_lose_nothing(again: Open) -> None:
    await again().change({"first": item("0")})
    vaults = [again() for _ in range(8)]
    await asyncio.gather(*(vault.change({f"n{at}": item(str(at))}) for at, vault in enumerate(vaults)))
    assert sorted(await again().listing()) == ["first", *(f"n{at}" for at in range(8))]


async def test_vaults_made_at_once_are_one(again: Open) -> None:
    vaults = [again() for _ in range(4)]
    await asyncio.gather(*(vault.change({f"n{at}": item(str(at))}) for at, vault in enumerate(vaults)))
    assert [await told(again(), f"n{at}") for at in range(4)] == ["0", "1", "2", "3"]


async def test_a_reader_sees_what_others_change(again: Open) -> None:
    one, other = again(), again()
    await one.change({"a": item("1")})
    assert await told(other, "a") == "1"
    await one.change({"a": item("2")})
    assert await told(other, "a") == "2"
    await one.change({}, ["a"])
    assert await told(other, "a") is None
