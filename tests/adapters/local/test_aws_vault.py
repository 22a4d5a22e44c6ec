"""What is read of aws-vault's own stores, and that nothing is changed there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from sentinel_server.adapters.local.aws_vault_collection import VaultCollection
from sentinel_server.adapters.local.aws_vault_command import VaultCommand
from sentinel_server.adapters.local.aws_vault_files import VaultFiles
from sentinel_server.adapters.local.jose import MOST_ITERATIONS, NoJwe, open_jwe
from sentinel_server.adapters.local.sealed import DoesNotOpen
from sentinel_server.errors import KeyringLocked, KeyringUnavailable, NotFound
from sentinel_server.keyring.aws_vault import Found
from sentinel_server.secret import Secret
from tests.fakes.aws_vault import PASSPHRASE, SESSION_NAME, an_item, sealed, write_command, write_item

ID, OTHER, SECRET = "AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@dataclass(slots=True)
class Person:
    """Says passphrases, one after another."""

    answers: list[str] = field(default_factory=lambda: [PASSPHRASE])
    asked: list[bool] = field(default_factory=list)

    async def __call__(self, wrong: bool) -> Secret:
        """The next answer; the last one again and again."""
        self.asked.append(wrong)
        return Secret(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def told(found: Sequence[Found]) -> dict[str, str]:
    """Ids of keys, or why there is none, by name."""
    return {each.name: each.key.id if each.key else each.why for each in found}


@pytest.mark.parametrize("text", ["", "data", "ünïcode " * 500])
def test_a_jwe_opens_with_its_passphrase_alone(text: str) -> None:
    assert open_jwe(sealed(text), Secret(PASSPHRASE)) == text
    assert open_jwe(sealed(text, "ä", count=1), Secret("ä")) == text
    with pytest.raises(DoesNotOpen):
        open_jwe(sealed(text), Secret("another"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b.c",
        "....",
        "ä.b.c.d.e",
        sealed("x", alg="dir"),
        sealed("x", enc="A128GCM"),
        sealed("x", p2c="8192"),
        sealed("x", p2c=0),
        sealed("x", p2c=MOST_ITERATIONS + 1),
        sealed("x", p2s=7),
    ],
)
def test_what_is_no_jwe_of_this_kind_is_said(text: str) -> None:
    with pytest.raises(NoJwe):
        open_jwe(text, Secret(PASSPHRASE))


def test_a_jwe_that_was_changed_does_not_open() -> None:
    head, wrapped, nonce, data, tag = sealed("some data").split(".")
    other = sealed("some data").split(".")
    for changed in ([other[0], wrapped, nonce, data, tag], [head, wrapped, nonce, other[3], tag]):
        with pytest.raises(DoesNotOpen):
            open_jwe(".".join(changed), Secret(PASSPHRASE))


async def test_every_key_is_read_and_what_ends_by_itself_is_left(tmp_path: Path) -> None:
    write_item(tmp_path, "base", ID, SECRET)
    write_item(tmp_path, "two words", OTHER, SECRET)
    (tmp_path / SESSION_NAME).write_text(sealed(an_item(SESSION_NAME, "ASIA", SECRET, "token")))
    (tmp_path / "oidc:https:%2F%2Fexample.com").write_text(sealed("{}"))
    before = contents(tmp_path)
    person = Person()
    found = await VaultFiles(tmp_path, None, person).read()
    assert told(found) == {
        "base": ID,
        "two words": OTHER,
        SESSION_NAME: "a session, which will end",
        "oidc:https:%2F%2Fexample.com": "a token of an SSO login, which will end",
    }
    assert {each.name for each in found if not each.passing} == {"base", "two words"}
    assert person.asked == [False]
    assert contents(tmp_path) == before


async def test_what_cannot_be_read_is_said_beside_what_can(tmp_path: Path) -> None:
    write_item(tmp_path, "base", ID, SECRET)
    write_item(tmp_path, "other", OTHER, SECRET, "another passphrase")
    (tmp_path / "noise").write_text("noise")
    (tmp_path / "empty").write_text(sealed("{}"))
    (tmp_path / "temporary").write_text(sealed(an_item("temporary", "ASIA", SECRET, "token")))
    (tmp_path / "half").write_text(sealed(an_item("half", ID, "")))
    (tmp_path / "a directory").mkdir()
    assert told(await VaultFiles(tmp_path, PASSPHRASE, Person()).read()) == {
        "base": ID,
        "other": "it was sealed with another passphrase, or damaged",
        "noise": "it is not a file of aws-vault",
        "empty": "it is not what aws-vault writes",
        "temporary": "a session, which will end",
        "half": "a secret access key is at least 16 characters without spaces (usually 40)",
    }


async def test_a_person_may_be_wrong_twice(tmp_path: Path) -> None:
    write_item(tmp_path, "base", ID, SECRET)
    person = Person(["wrong", "worse", PASSPHRASE])
    assert told(await VaultFiles(tmp_path, None, person).read()) == {"base": ID}
    assert person.asked == [False, True, True]


async def test_a_passphrase_that_opens_nothing_is_said(tmp_path: Path) -> None:
    write_item(tmp_path, "base", ID, SECRET)
    with pytest.raises(KeyringLocked, match="no passphrase given opens anything"):
        await VaultFiles(tmp_path, None, Person(["wrong"])).read()
    with pytest.raises(KeyringLocked) as refused:
        await VaultFiles(tmp_path, "wrong", Person()).read()
    assert refused.value.hint == "check AWS_VAULT_FILE_PASSPHRASE"


async def test_nobody_is_asked_for_sessions_alone_and_no_directory_is_said(tmp_path: Path) -> None:
    (tmp_path / SESSION_NAME).write_text("sealed")
    person = Person()
    await VaultFiles(tmp_path, None, person).read()
    assert person.asked == []
    with pytest.raises(NotFound, match="aws-vault has no files in"):
        await VaultFiles(tmp_path / "nowhere", None, person).read()
    with pytest.raises(KeyringUnavailable, match="not a directory"):
        await VaultFiles(tmp_path / SESSION_NAME, None, person).read()


def pair(key_id: str, **more: str) -> dict[str, str]:
    return {"AccessKeyId": key_id, "SecretAccessKey": SECRET, **more}


def environment(directory: Path, **more: str) -> dict[str, str]:
    return {"PATH": str(directory), "HOME": str(directory), **more}


async def test_the_command_is_asked_for_every_key_without_roles(tmp_path: Path) -> None:
    keys = {"base": pair(ID), "two words": pair(OTHER), "default": pair(ID)}
    log = write_command(tmp_path, {**keys, "role": pair("ASIA", SessionToken="x"), "broken": None})
    command = VaultCommand(environment(tmp_path, AWS_VAULT="base", SENTINEL_KEYRING_PASSPHRASE="secret"))
    assert command.there
    assert told(await command.read()) == {
        "base": ID,
        "two words": OTHER,
        "default": ID,
        "role": "aws-vault gave a session in place of its key",
        "broken": "aws-vault export failed with exit code 1",
    }
    assert {tuple(json.loads(line)[1]) for line in log.read_text().splitlines()} == {()}


async def test_a_command_that_is_not_there_or_fails_is_said(tmp_path: Path) -> None:
    missing = VaultCommand(environment(tmp_path))
    assert not missing.there
    with pytest.raises(NotFound, match="no command aws-vault"):
        await missing.read()
    (tmp_path / "aws-vault").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "aws-vault").chmod(0o755)
    with pytest.raises(KeyringUnavailable, match="aws-vault list failed with exit code 3"):
        await VaultCommand(environment(tmp_path)).read()
    (tmp_path / "aws-vault").write_text("#!/nowhere/at/all\n")
    with pytest.raises(KeyringUnavailable, match="cannot be run"):
        await VaultCommand(environment(tmp_path)).read()


class Item:
    """An item of a collection."""

    def __init__(self, label: str, secret: str) -> None:
        self._label, self._secret = label, secret

    def get_label(self) -> str:
        return self._label

    def get_secret(self) -> bytes:
        return self._secret.encode()


@dataclass(slots=True)
class Collection:
    """A collection that may be locked; `dismissed` is what a person does with the question."""

    items: list[Item]
    label: str = "awsvault"
    locked: bool = False
    dismissed: bool = False
    collection_path: str = "/org/freedesktop/secrets/collection/awsvault"

    def get_label(self) -> str:
        return self.label

    def is_locked(self) -> bool:
        return self.locked

    def unlock(self) -> bool:
        return self.dismissed

    def get_all_items(self) -> Iterator[Item]:
        return iter(self.items)


def reads(*collections: Collection, name: str = "awsvault") -> list[Found]:
    """What is read of a service with these collections."""
    bus = SimpleNamespace(close=lambda: None)
    service = SimpleNamespace(dbus_init=lambda: bus, get_all_collections=lambda _: iter(collections))
    with closing(bus):
        return VaultCollection(name)._items(service)


def test_the_collection_is_read_and_sessions_are_not_opened() -> None:
    items = [Item("base", an_item("base", ID, SECRET)), Item(SESSION_NAME, "unread"), Item("odd", "{")]
    found = reads(Collection([], label="login", collection_path="/x/login"), Collection(items, locked=True))
    assert told(found) == {
        "base": ID,
        SESSION_NAME: "a session, which will end",
        "odd": "it is not what aws-vault writes",
    }


def test_a_collection_that_is_missing_or_stays_locked_is_said() -> None:
    with pytest.raises(NotFound, match="no collection awsvault"):
        reads()
    with pytest.raises(KeyringLocked, match="stayed locked"):
        reads(Collection([], locked=True, dismissed=True))


async def test_without_a_secret_service_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/at/all")
    with pytest.raises(KeyringUnavailable, match="Secret Service"):
        await VaultCollection("awsvault").read()
