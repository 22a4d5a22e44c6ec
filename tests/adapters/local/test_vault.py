"""The vault's file: what is in it, who may read it, and what is done about one that is not right."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sentinel_server.adapters.local import private_home
from sentinel_server.adapters.local.os_keyring import OsKeyringHolder
from sentinel_server.adapters.local.sealed import DoesNotOpen, Scrypt, fresh_key, seal, stretched, unseal
from sentinel_server.adapters.local.vault_format import NotAVault, parse_vault, print_vault
from sentinel_server.canonical import Json
from sentinel_server.errors import KeyringLocked, KeyringUnavailable
from sentinel_server.keyring.vault import Item
from sentinel_server.secret import Secret
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.os_keyring import MemoryKeyring
from tests.fakes.vaults import BACKEND, Person, asking, by_keyring, by_passphrase

CANARY = "canary-0123456789-abcdefghijklmnopqrstuvwx"


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    MemoryKeyring.reset()
    yield tmp_path / "state" / "keyring" / "keys.json"
    MemoryKeyring.reset()


def filled(path: Path, person: Person | None = None) -> dict[str, Any]:
    """A vault with a key and a session in it, as JSON."""
    vault = by_passphrase(path, FakeClock(), person)
    end = NOON + timedelta(hours=1)
    asyncio.run(
        vault.change(
            {"key:base": Item(value=Secret(CANARY)), "session:x:base": Item(value=Secret(CANARY), until=end)}
        )
    )
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def read(path: Path, name: str = "key:base") -> str | None:
    found = asyncio.run(by_passphrase(path, FakeClock()).read(name))
    return None if found is None else found.reveal()


def test_everything_written_is_ours_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        filled(path)
    finally:
        os.umask(before)
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.parent.rglob("*")}
    assert modes == {"keyring": 0o700, "keys.json": 0o600, "writing": 0o600}
    assert stat.S_IMODE(path.parent.parent.stat().st_mode) == 0o700


def test_no_secret_is_in_the_file_and_none_is_written_alike_twice(path: Path) -> None:
    person = Person(["tr0ub4dor&3-horse-staple"])
    first = filled(path, person)
    text = path.read_text()
    assert [part for part in (CANARY, CANARY[:12], "tr0ub4dor") if part in text] == []
    assert first["entries"]["key:base"]["sealed"] != first["entries"]["session:x:base"]["sealed"]
    assert (filled(path, person))["entries"]["key:base"] != first["entries"]["key:base"]


def test_the_file_says_how_it_is_opened_and_its_cost(path: Path) -> None:
    document = filled(path)
    assert (document["format"], document["version"], document["cipher"]) == (
        "sentinel keyring",
        1,
        "AES-256-GCM",
    )
    lock = document["opens_with"]
    assert (lock["kind"], lock["kdf"], lock["r"], lock["p"]) == ("passphrase", "scrypt", 8, 1)


def test_the_usual_cost_is_the_one_recommended() -> None:
    usual = Scrypt(salt=b"0123456789abcdef")
    assert (usual.n, usual.r, usual.p, usual.why_not()) == (1 << 17, 8, 1, "")


def test_scrypt_is_the_one_of_rfc_7914() -> None:
    key = stretched(Secret("password"), Scrypt(salt=b"NaCl", n=1024, r=8, p=16))
    assert key.hex() == "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"


def test_what_is_sealed_opens_with_its_key_for_what_it_is_about() -> None:
    key = fresh_key()
    sealed = seal(key, b"data", ["a", 1])
    assert unseal(key, sealed, ["a", 1]) == b"data"
    wrong: list[tuple[bytes, bytes, Json]] = [
        (fresh_key(), sealed, ["a", 1]),
        (key, sealed, ["a", 2]),
        (key, sealed[:-1], ["a", 1]),
        (key, b"", []),
    ]
    for each in wrong:
        with pytest.raises(DoesNotOpen):
            unseal(*each)


def test_a_secret_under_another_name_or_end_does_not_open(path: Path) -> None:
    document = filled(path)
    entries = document["entries"]
    entries["key:base"], entries["key:other"] = entries["session:x:base"], entries["key:base"]
    path.write_text(json.dumps(document))
    for name in ("key:base", "key:other"):
        with pytest.raises(KeyringUnavailable, match="was changed by something else"):
            read(path, name)


def test_an_end_that_was_put_off_does_not_open(path: Path) -> None:
    document = filled(path)
    document["entries"]["session:x:base"]["until"] = "2027-01-01T00:00:00.000000Z"
    path.write_text(json.dumps(document))
    with pytest.raises(KeyringUnavailable):
        read(path, "session:x:base")


@pytest.mark.parametrize("mode", [0o644, 0o620, 0o604])
def test_a_file_that_is_open_to_others_is_not_read(path: Path, mode: int) -> None:
    filled(path)
    path.chmod(mode)
    with pytest.raises(KeyringUnavailable, match="is open to others") as refused:
        read(path)
    assert refused.value.hint == f"close it: chmod 600 {path}"


def test_a_directory_that_is_open_to_others_is_not_written_to(path: Path) -> None:
    filled(path)
    path.parent.chmod(0o755)
    with pytest.raises(KeyringUnavailable, match="is open to others"):
        filled(path)


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    filled(path)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyringUnavailable, match="cannot read"):
        read(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "[]",
        lambda text: text.replace('"version": 1', '"version": 2'),
        lambda text: text.replace("sentinel keyring", "another"),
        lambda text: text.replace('"n": 1024', '"n": 1073741824'),
        lambda text: text.replace('"n": 1024', '"n": 1000'),
        lambda text: text.replace('"n": 1024', '"n": "1024"'),
        lambda text: text.replace('"kdf": "scrypt"', '"kdf": "md5"'),
        lambda text: text.replace('"sealed": "', '"sealed": "*'),
    ],
)
def test_a_damaged_file_is_never_used_and_never_overwritten(path: Path, damage: Any) -> None:
    filled(path)
    broken = damage(path.read_text())
    path.write_text(broken)
    with pytest.raises(KeyringUnavailable, match="cannot be used"):
        read(path)
    with pytest.raises(KeyringUnavailable, match="cannot be used"):
        asyncio.run(by_passphrase(path, FakeClock()).change({"a": Item(value=Secret("b"))}))
    assert path.read_text() == broken


def test_parsing_gives_back_what_was_printed(path: Path) -> None:
    filled(path)
    document = parse_vault(path.read_text())
    assert parse_vault(print_vault(document)) == document
    with pytest.raises(NotAVault):
        parse_vault("{}")


def test_a_disk_that_is_full_leaves_the_old_file(path: Path) -> None:
    filled(path)
    before = path.read_text()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(KeyringUnavailable, match=r"writing .*keys\.json: file too large"):
            filled(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == before
    assert sorted(each.name for each in path.parent.iterdir()) == ["keys.json", "writing"]


def test_what_a_writer_left_that_died_is_removed_by_the_next(path: Path) -> None:
    filled(path)
    draft = path.with_name(f".{path.name}.0123")
    draft.write_text("half")
    asyncio.run(by_passphrase(path, FakeClock()).change({}, ["key:base"]))
    assert sorted(each.name for each in path.parent.iterdir()) == ["keys.json", "writing"]


def test_erasing_asks_nobody(path: Path) -> None:
    filled(path)
    person = Person()
    asyncio.run(by_passphrase(path, FakeClock(), person).change({}, ["key:base"]))
    assert (person.asked, read(path)) == ([], None)


def test_a_vault_that_was_put_in_the_place_of_the_first_is_not_written_with_its_key(path: Path) -> None:
    filled(path)
    vault = by_passphrase(path, FakeClock())
    assert asyncio.run(vault.read("key:base")) is not None
    path.unlink()
    filled(path, Person(["another"]))
    with pytest.raises(KeyringLocked):
        asyncio.run(vault.change({"a": Item(value=Secret("b"))}))


def test_another_passphrase_opens_what_was_kept_before(path: Path) -> None:
    filled(path)
    vault = by_passphrase(path, FakeClock())
    asyncio.run(vault.relock(asking(Person(["new one"]))))
    assert asyncio.run(by_passphrase(path, FakeClock(), Person(["new one"])).read("key:base")) is not None
    with pytest.raises(KeyringLocked):
        read(path)


def test_a_vault_moves_into_the_systems_keyring_and_back(path: Path) -> None:
    filled(path)
    vault = by_passphrase(path, FakeClock())
    asyncio.run(vault.relock(OsKeyringHolder(BACKEND)))
    assert json.loads(path.read_text())["opens_with"]["kind"] == "keyring"
    moved = by_keyring(path, FakeClock())
    assert asyncio.run(moved.read("key:base")) is not None
    asyncio.run(moved.relock(asking()))
    assert read(path) == CANARY


def test_there_is_nothing_to_lock_anew_before_there_is_a_vault(path: Path) -> None:
    with pytest.raises(KeyringUnavailable, match="there is no keyring at"):
        asyncio.run(by_passphrase(path, FakeClock()).relock(OsKeyringHolder(BACKEND)))


def test_a_file_that_is_not_there_has_changed_at_no_time(path: Path) -> None:
    assert private_home.changed_at(path) == (0, 0)
