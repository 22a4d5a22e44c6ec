"""What opens a vault: passphrases from three places, and the system's keyring."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel_server.adapters.local.os_keyring import OsKeyringHolder, find_backend, words
from sentinel_server.adapters.local.passphrase import AskPassphrase, PassphraseHolder
from sentinel_server.adapters.local.vault import SealedVault
from sentinel_server.errors import InvalidSetting, KeyringLocked, KeyringUnavailable, Nested, SentinelError
from sentinel_server.keyring.vault import Item
from sentinel_server.secret import Secret
from tests.fakes.clock import FakeClock
from tests.fakes.os_keyring import MemoryKeyring
from tests.fakes.vaults import BACKEND, Person, cheap

FAKES = "tests.fakes.os_keyring"
SAYS = f"{sys.executable} -c"


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    MemoryKeyring.reset()
    yield tmp_path / "keyring" / "keys.json"
    MemoryKeyring.reset()


def nothing_at(path: Path) -> bool:
    return not path.exists()


def vault(
    path: Path, ask: AskPassphrase | None = None, command: str | None = None, **environment: str
) -> SealedVault:
    return SealedVault(path, PassphraseHolder(environment, command, ask, cheap), FakeClock())


async def put(vault: SealedVault) -> None:
    await vault.change({"key:base": Item(value=Secret("secret"))})


async def test_a_person_is_asked_once_and_for_a_new_vault_as_for_a_new_one(path: Path) -> None:
    first, second = Person(), Person()
    await put(vault(path, first))
    opened = vault(path, second)
    await opened.read("key:base")
    await put(opened)
    assert (first.asked, second.asked) == ([(True, False)], [(False, False)])


async def test_a_person_may_be_wrong_twice(path: Path) -> None:
    await put(vault(path, Person()))
    person = Person(["wrong", "worse", "open sesame"])
    assert await vault(path, person).read("key:base") is not None
    assert person.asked == [(False, False), (False, True), (False, True)]


async def test_a_person_who_is_wrong_three_times_is_asked_no_more(path: Path) -> None:
    await put(vault(path, Person()))
    person = Person(["wrong"])
    with pytest.raises(KeyringLocked, match="none of 3"):
        await vault(path, person).read("key:base")
    assert len(person.asked) == 3


async def test_nobody_is_asked_where_nobody_is(path: Path) -> None:
    await put(vault(path, Person()))
    with pytest.raises(KeyringLocked, match="nobody to ask"):
        await vault(path).read("key:base")
    with pytest.raises(KeyringLocked):
        await put(vault(path.with_name("other.json")))


async def test_a_variable_goes_before_a_command_and_a_command_before_a_person(path: Path) -> None:
    await put(vault(path, SENTINEL_KEYRING_PASSPHRASE="from the variable"))
    person, failing = Person(), f"{SAYS} 'raise SystemExit(9)'"
    opened = vault(path, person, failing, SENTINEL_KEYRING_PASSPHRASE="from the variable")
    assert await opened.read("key:base") is not None
    printing = f"{SAYS} 'print(\"from the variable\")'"
    assert await vault(path, person, printing).read("key:base") is not None
    assert person.asked == []


async def test_the_command_does_not_see_our_secrets(path: Path) -> None:
    told = f'{SAYS} \'import os; print("seen", [n for n in os.environ if "PASSPHRASE" in n])\''
    await put(vault(path, None, told, A="b", AWS_VAULT_FILE_PASSPHRASE="x", PATH="/usr/bin"))
    assert await vault(path, None, f"{SAYS} 'print(\"seen []\")'").read("key:base") is not None


async def test_a_command_that_comes_back_to_us_for_the_passphrase_is_refused(path: Path) -> None:
    """A command may ask AWS for it, and AWS's tools may ask sentinel for credentials."""
    told = f"{SAYS} 'import os; print(os.environ[\"SENTINEL_RESOLVING\"])'"
    await put(vault(path, None, told))
    with pytest.raises(Nested, match=r"^keyring\.passphrase_command runs sentinel"):
        await vault(path, Person(), told, SENTINEL_RESOLVING="keyring.passphrase_command").read("key:base")
    named = f"{SAYS} 'print(\"keyring.passphrase_command\")'"
    assert await vault(path, None, named).read("key:base") is not None


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (f"{SAYS} 'pass'", KeyringLocked),
        (f"{SAYS} 'print(1); raise SystemExit(3)'", KeyringLocked),
        ("/nowhere/at/all", InvalidSetting),
        ("an 'open quote", InvalidSetting),
    ],
)
async def test_a_command_that_says_nothing_is_no_passphrase(
    path: Path, command: str, kind: type[SentinelError]
) -> None:
    with pytest.raises(kind, match="passphrase_command"):
        await put(vault(path, Person(), command))
    assert nothing_at(path)


@pytest.mark.parametrize("where", ["variable", "command"])
async def test_a_wrong_passphrase_that_nobody_typed_is_not_tried_again(path: Path, where: str) -> None:
    await put(vault(path, Person()))
    person = Person()
    if where == "variable":
        opened = vault(path, person, SENTINEL_KEYRING_PASSPHRASE="wrong")
    else:
        opened = vault(path, person, f"{SAYS} 'print(\"wrong\")'")
    with pytest.raises(KeyringLocked, match="does not open the keyring") as refused:
        await opened.read("key:base")
    assert (person.asked, "wrong" in str(refused.value)) == ([], False)


async def test_an_empty_passphrase_is_refused(path: Path) -> None:
    with pytest.raises(InvalidSetting, match="would protect nothing"):
        await put(vault(path, Person([""])))
    assert nothing_at(path)


def by(path: Path, backend: str | None) -> SealedVault:
    return SealedVault(path, OsKeyringHolder(backend), FakeClock())


async def test_the_systems_keyring_gets_one_item_that_is_written_once(path: Path) -> None:
    kept = by(path, BACKEND)
    await put(kept)
    (before,) = MemoryKeyring.kept.items()
    await kept.change({"key:other": Item(value=Secret("x"))})
    assert list(MemoryKeyring.kept.items()) == [before]
    assert before[0][0] == "sentinel keyring"
    assert "secret" not in before[1]


async def test_the_systems_keyring_is_asked_once_in_a_process(path: Path) -> None:
    await put(by(path, BACKEND))
    MemoryKeyring.asked = 0
    opened = by(path, BACKEND)
    for _ in range(3):
        await opened.read("key:base")
    assert MemoryKeyring.asked == 1


@pytest.mark.parametrize(
    "name",
    [
        "keyring.backends.null.Keyring",
        "keyring.backends.fail.Keyring",
        "keyring.backends.chainer.ChainerBackend",
        "keyrings.alt.file.PlaintextKeyring",
        "keyrings.alt.file.EncryptedKeyring",
        f"{FAKES}.PlaintextKeyring",
        f"{FAKES}.HonestlyUnsafe",
    ],
)
async def test_a_backend_that_protects_nothing_is_refused_even_when_it_is_named(
    path: Path, name: str
) -> None:
    with pytest.raises(InvalidSetting):
        await put(by(path, name))
    assert (nothing_at(path), MemoryKeyring.kept) == (True, {})


@pytest.mark.parametrize("name", [f"{FAKES}.Nothing", "no.such.module.Keyring"])
async def test_a_backend_that_is_not_there_is_said(path: Path, name: str) -> None:
    with pytest.raises(KeyringUnavailable, match="cannot be used"):
        await put(by(path, name))


def test_without_a_safe_keyring_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring.core

    before = keyring.core.get_keyring()
    try:
        keyring.core.set_keyring(MemoryKeyring())
        with pytest.raises(KeyringUnavailable, match="not one that sentinel knows to be safe") as refused:
            find_backend(None)
        assert f"keyring.backend: {BACKEND}" in refused.value.hint
        keyring.core.set_keyring(keyring.core.load_keyring("keyring.backends.fail.Keyring"))
        with pytest.raises(KeyringUnavailable, match="has no system keyring"):
            find_backend(None)
    finally:
        keyring.core.set_keyring(before)


async def test_a_file_cannot_name_code_to_run(path: Path) -> None:
    await put(by(path, BACKEND))
    with pytest.raises(InvalidSetting, match="does not know to be safe"):
        await by(path, None).read("key:base")


async def test_a_keyring_that_is_locked_says_so(path: Path) -> None:
    with pytest.raises(KeyringLocked, match="is locked"):
        await put(by(path, f"{FAKES}.LockedKeyring"))


async def test_what_a_keyring_says_is_not_repeated(path: Path) -> None:
    MemoryKeyring.refuses = RuntimeError("wrong: hunter2")
    with pytest.raises(KeyringUnavailable) as refused:
        await put(by(path, BACKEND))
    assert "hunter2" not in str(refused.value)


async def test_a_keyring_that_keeps_nothing_is_noticed_before_it_is_trusted(path: Path) -> None:
    MemoryKeyring.deaf = True
    with pytest.raises(KeyringUnavailable, match="did not keep"):
        await put(by(path, BACKEND))
    assert nothing_at(path)


@pytest.mark.parametrize("other", [None, "AAAA", "no base64!", "A" * 43 + "="])
async def test_another_keyring_than_the_one_it_was_made_with_does_not_open_it(
    path: Path, other: str | None
) -> None:
    await put(by(path, BACKEND))
    (name,) = MemoryKeyring.kept
    if other is None:
        MemoryKeyring.kept.clear()
    else:
        MemoryKeyring.kept[name] = other
    with pytest.raises(KeyringUnavailable):
        await by(path, BACKEND).read("key:base")


def test_people_are_told_names_they_know() -> None:
    assert words("keyring.backends.macOS.Keyring") == "macOS Keychain"
    assert words("some.other.Keyring") == "some.other.Keyring"
