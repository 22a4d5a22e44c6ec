"""Every question of the keyring on a real terminal: right, wrong, nothing, end of file, Ctrl-C, nobody."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.fakes.processes import sentinel
from tests.fakes.terminal import CTRL_C, Terminal, on_a_terminal

ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
CTRL_D = "\x04"


class Home:
    """A home on a machine without a system keyring."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.env = {
            "HOME": str(path),
            "TERM": "xterm",
            "AWS_EC2_METADATA_DISABLED": "true",
            "SENTINEL_KEYRING_BACKEND": "file",
        }

    @property
    def file(self) -> Path:
        return self.path / ".local" / "state" / "sentinel" / "keyring" / "keys.json"

    @contextmanager
    def typing(self, *words: str) -> Iterator[Terminal]:
        """A command of the group on a terminal."""
        with on_a_terminal(sentinel("keyring", *words), self.env) as terminal:
            yield terminal

    def made(self) -> None:
        """A keyring with the passphrase `open sesame`."""
        key = json.dumps({"AccessKeyId": ID, "SecretAccessKey": SECRET})
        done = subprocess.run(
            sentinel("keyring", "add", "base", "--stdin"),
            env={**self.env, "SENTINEL_KEYRING_PASSPHRASE": "open sesame"},
            input=key,
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def typed_key(terminal: Terminal) -> None:
    terminal.expect("Access key id for base: ")
    terminal.line(ID)
    terminal.expect("Its secret access key: ")
    terminal.line(SECRET)


def test_a_key_and_a_new_passphrase_are_asked_for_and_never_shown(home: Home) -> None:
    with home.typing("add", "base") as terminal:
        typed_key(terminal)
        terminal.expect("New passphrase for the keyring: ")
        terminal.line("open sesame")
        terminal.expect("Repeat for confirmation: ")
        terminal.line("open sesame")
        terminal.expect(f"{ID} is kept for base")
        assert terminal.process.wait(timeout=30) == 0
        assert [text for text in (SECRET, "sesame") if text in terminal.shown] == []


def test_two_new_passphrases_that_differ_are_asked_for_again(home: Home) -> None:
    with home.typing("add", "base") as terminal:
        typed_key(terminal)
        for again in ("other", "open sesame"):
            terminal.expect("New passphrase for the keyring: ")
            terminal.line("open sesame")
            terminal.expect("Repeat for confirmation: ")
            terminal.line(again)
        terminal.expect("is kept for base")
        assert terminal.process.wait(timeout=30) == 0


def test_what_is_no_key_is_refused_before_a_passphrase_is_asked_for(home: Home) -> None:
    with home.typing("add", "base") as terminal:
        terminal.expect("Access key id for base: ")
        terminal.line("")
        terminal.expect("Access key id for base: ")
        terminal.line("akia")
        terminal.expect("Its secret access key: ")
        terminal.line(SECRET)
        terminal.expect("an access key id is 16 or more capital letters")
        assert terminal.process.wait(timeout=30) == 2
    assert not home.file.exists()


@pytest.mark.parametrize("way_out", [CTRL_C, CTRL_D])
@pytest.mark.parametrize("questions", [0, 1, 2])
def test_who_leaves_at_a_question_has_changed_nothing(home: Home, questions: int, way_out: str) -> None:
    asked = ["Access key id for base: ", "Its secret access key: ", "New passphrase for the keyring: "]
    with home.typing("add", "base") as terminal:
        for question, answer in zip(asked[:questions], (ID, SECRET), strict=False):
            terminal.expect(question)
            terminal.line(answer)
        terminal.expect(asked[questions])
        terminal.type(way_out)
        terminal.expect("sentinel: interrupted")
        assert terminal.process.wait(timeout=30) == 130
    assert not home.file.exists()


def test_the_passphrase_is_asked_for_again_when_it_is_wrong_or_nothing(home: Home) -> None:
    home.made()
    with home.typing("relock") as terminal:
        for answer in ("", "wrong"):
            terminal.expect("Passphrase of the keyring: ")
            terminal.line(answer)
        terminal.expect("that is not it")
        terminal.expect("Passphrase of the keyring: ")
        terminal.line("open sesame")
        terminal.expect("New passphrase for the keyring: ")
        terminal.line("another")
        terminal.expect("Repeat for confirmation: ")
        terminal.line("another")
        terminal.expect("is now opened by a passphrase")
        assert terminal.process.wait(timeout=30) == 0


def test_three_wrong_passphrases_are_a_no(home: Home) -> None:
    home.made()
    before = home.file.read_text()
    with home.typing("relock") as terminal:
        for _ in range(3):
            terminal.expect("Passphrase of the keyring: ")
            terminal.line("wrong")
        terminal.expect("none of 3 passphrases opens the keyring")
        assert terminal.process.wait(timeout=30) == 6
    assert home.file.read_text() == before


@pytest.mark.parametrize("way_out", [CTRL_C, CTRL_D])
def test_who_leaves_at_the_passphrase_has_changed_nothing(home: Home, way_out: str) -> None:
    home.made()
    before = home.file.read_text()
    with home.typing("relock") as terminal:
        terminal.expect("Passphrase of the keyring: ")
        terminal.type(way_out)
        terminal.expect("sentinel: interrupted")
        assert terminal.process.wait(timeout=30) == 130
    assert home.file.read_text() == before


def test_where_there_is_no_terminal_it_says_where_else_a_passphrase_can_be(home: Home) -> None:
    home.made()
    done = subprocess.run(
        sentinel("keyring", "relock"),
        env=home.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 6
    assert "there is no terminal to ask on" in done.stderr
    assert "keyring.passphrase_command or SENTINEL_KEYRING_PASSPHRASE" in done.stderr


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 1), ("", 1)])
def test_forgetting_a_key_asks_first(home: Home, answer: str, status: int) -> None:
    home.made()
    with home.typing("remove", "base") as terminal:
        terminal.expect(r"forget the key of base\? It cannot be read from AWS again \[y/N\]")
        terminal.line(answer)
        assert terminal.process.wait(timeout=30) == status
    assert ("key:base" in home.file.read_text()) is (status != 0)


def test_a_seed_is_asked_for_and_never_shown(home: Home) -> None:
    (home.path / ".aws").mkdir()
    (home.path / ".aws" / "config").write_text("[profile base]\nmfa_serial = device-of-dev\n")
    home.made()
    with home.typing("add", "base", "--mfa-seed") as terminal:
        terminal.expect("Seed of device-of-dev: ")
        terminal.line("GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ")
        terminal.expect("Passphrase of the keyring: ")
        terminal.line("open sesame")
        terminal.expect("The seed of device-of-dev is kept")
        assert terminal.process.wait(timeout=30) == 0
        assert "GEZD" not in terminal.shown
    with home.typing("add", "base", "--mfa-seed") as terminal:
        terminal.expect("Seed of device-of-dev: ")
        terminal.line("123456")
        terminal.expect("that is no seed of an MFA device")
        assert terminal.process.wait(timeout=30) == 2
