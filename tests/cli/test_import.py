"""`sentinel import aws-vault` as somebody who moves types it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.aws_vault import PASSPHRASE, SESSION_NAME, write_command, write_item
from tests.fakes.command_line import CommandLine, Ran
from tests.fakes.os_keyring import MemoryKeyring
from tests.fakes.processes import sentinel as a_process
from tests.fakes.terminal import CTRL_C, on_a_terminal
from tests.fakes.vaults import BACKEND

ID, OTHER, SECRET = "AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


class Mover:
    """Somebody with aws-vault's files in their home, and nothing else of it."""

    def __init__(self, sentinel: CommandLine) -> None:
        self.sentinel = sentinel
        self.vault = sentinel.home / ".awsvault" / "keys"
        write_item(self.vault, "base", ID, SECRET)
        write_item(self.vault, "work", OTHER, SECRET)
        (self.vault / SESSION_NAME).write_text("sealed")
        sentinel.set(SENTINEL_KEYRING_BACKEND=BACKEND, AWS_VAULT_FILE_PASSPHRASE=PASSPHRASE)

    def __call__(self, *words: str) -> Ran:
        """Run `sentinel import aws-vault` with these words."""
        return self.sentinel("import", "aws-vault", *words)

    def outcomes(self, *words: str) -> dict[str, str]:
        """What became of each, by profile."""
        return {row["profile"]: row["outcome"] for row in self(*words, "--json").json["keys"]}

    def kept(self) -> list[str]:
        """The profiles that have a key in the keyring."""
        rows = self.sentinel("keyring", "list", "--json").json["profiles"]
        return [row["profile"] for row in rows if row["key"]]


@pytest.fixture
def mover(sentinel: CommandLine) -> Iterator[Mover]:
    MemoryKeyring.reset()
    yield Mover(sentinel)
    MemoryKeyring.reset()


def test_everything_is_brought_along_and_summed_up(mover: Mover) -> None:
    before = {path.name: path.read_bytes() for path in mover.vault.iterdir()}
    ran = mover()
    assert ran.status == 0, ran.err
    rows = {line.split()[0]: line.split()[1:3] for line in ran.out.splitlines()[1:]}
    assert (rows["base"], rows["work"]) == ([ID, "imported"], [OTHER, "imported"])
    assert ("2 imported, 1 left out" in ran.err, SESSION_NAME in ran.out) == (True, False)
    assert f"reading the files in {mover.vault}" in ran.err
    assert mover.kept() == ["base", "work"]
    assert {path.name: path.read_bytes() for path in mover.vault.iterdir()} == before
    assert [text for text in (SECRET, PASSPHRASE) if text in ran.out + ran.err] == []


def test_a_second_time_nothing_is_left_to_do(mover: Mover) -> None:
    mover()
    assert mover.outcomes() == {"base": "there already", "work": "there already", SESSION_NAME: "left out"}


def test_a_rehearsal_keeps_nothing(mover: Mover) -> None:
    ran = mover("--dry-run")
    assert (ran.status, "would be: 2 imported" in ran.err, mover.kept()) == (0, True, [])


def test_only_what_is_named_is_brought_along(mover: Mover) -> None:
    assert mover.outcomes("work") == {"work": "imported"}
    assert mover.kept() == ["work"]
    missing = mover("work", "nobody")
    assert (missing.status, "aws-vault has nothing for nobody" in missing.err) == (1, True)


def test_a_key_that_is_there_is_left_and_the_command_fails(mover: Mover) -> None:
    mover("base")
    write_item(mover.vault, "base", OTHER, SECRET)
    ran = mover()
    assert (ran.status, "1 of 3 could not be brought along; aws-vault still has them" in ran.err) == (1, True)
    assert f"{ID} was left in place" in ran.out
    assert mover.outcomes("--replace")["base"] == "imported"


def test_what_cannot_be_opened_makes_the_command_fail(mover: Mover) -> None:
    write_item(mover.vault, "odd", ID, SECRET, "another passphrase")
    ran = mover("--output", "csv")
    assert ran.status == 1
    assert 'odd,,not imported,"it was sealed with another passphrase, or damaged"' in ran.out
    assert mover.kept() == ["base", "work"]


def test_a_wrong_passphrase_is_said(mover: Mover) -> None:
    mover.sentinel.set(AWS_VAULT_FILE_PASSPHRASE="wrong")
    ran = mover()
    assert (ran.status, "next: check AWS_VAULT_FILE_PASSPHRASE" in ran.err) == (6, True)


def test_another_directory_may_be_named_in_three_ways(mover: Mover, tmp_path: Path) -> None:
    write_item(tmp_path / "elsewhere", "far", ID, SECRET)
    assert mover.outcomes("--dir", str(tmp_path / "elsewhere")) == {"far": "imported"}
    for said in (str(tmp_path / "elsewhere"), "~/elsewhere"):
        mover.sentinel.set(AWS_VAULT_FILE_DIR=said)
        assert mover.outcomes() == {"far": "there already"}


def test_its_command_is_asked_where_there_are_no_files(mover: Mover, tmp_path: Path) -> None:
    pair = {"AccessKeyId": ID, "SecretAccessKey": SECRET}
    write_command(tmp_path / "bin", {"base": pair})
    mover.sentinel.set(PATH=f"{tmp_path / 'bin'}{os.pathsep}{os.defpath}")
    assert "command aws-vault" not in mover("--dry-run").err
    assert "command aws-vault" in mover("--dry-run", "--from", "command").err
    mover.sentinel.set(AWS_VAULT_BACKEND="pass")
    assert mover.outcomes() == {"base": "imported"}


def test_a_backend_that_only_aws_vault_can_read_needs_aws_vault(mover: Mover, tmp_path: Path) -> None:
    mover.sentinel.set(AWS_VAULT_BACKEND="keychain", PATH=str(tmp_path))
    ran = mover()
    assert (ran.status, "keychain can be read by aws-vault alone" in ran.err) == (1, True)
    refused = mover("--from", "secret-service")
    assert (refused.status, "Secret Service" in refused.err) == (6, True)


def test_profiles_that_still_run_aws_vault_are_named(mover: Mover) -> None:
    (mover.sentinel.home / ".aws").mkdir()
    config = mover.sentinel.home / ".aws" / "config"
    config.write_text("[profile x]\ncredential_process = aws-vault export --format=json base\n[profile y]\n")
    mover.sentinel.set(AWS_CONFIG_FILE=str(config))
    said = mover().err
    assert "profile x still runs aws-vault as its credential_process" in said
    assert "profile y" not in said


def environment(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "TERM": "xterm",
        "SENTINEL_KEYRING_BACKEND": "file",
        "SENTINEL_KEYRING_PASSPHRASE": "ours",
    }


def test_the_passphrase_of_its_files_is_asked_for(mover: Mover) -> None:
    argv = a_process("import", "aws-vault")
    with on_a_terminal(argv, environment(mover.sentinel.home)) as terminal:
        terminal.expect("Passphrase of aws-vault's files: ")
        terminal.line("wrong")
        terminal.expect("that opens none of them")
        terminal.expect("Passphrase of aws-vault's files: ")
        terminal.line(PASSPHRASE)
        terminal.expect("2 imported")
        assert terminal.process.wait(timeout=30) == 0
        assert PASSPHRASE not in terminal.shown


@pytest.mark.parametrize("key", [CTRL_C, "\x04"])
def test_who_leaves_at_the_question_has_changed_nothing(mover: Mover, key: str) -> None:
    with on_a_terminal(a_process("import", "aws-vault"), environment(mover.sentinel.home)) as terminal:
        terminal.expect("Passphrase of aws-vault's files: ")
        terminal.type(key)
        terminal.expect("sentinel: interrupted")
        assert terminal.process.wait(timeout=30) == 130
    assert mover.kept() == []


def test_without_a_terminal_the_passphrase_is_missing(mover: Mover) -> None:
    done = subprocess.run(
        a_process("import", "aws-vault"),
        env=environment(mover.sentinel.home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "there is no terminal to ask on" in done.stderr) == (2, True)
