"""A keyring's passphrase on a terminal: what goes beyond a single question. See `test_every_prompt`, too."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.forks import Forks

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")

KEY = {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE", "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
OLD = "Passphrase of the keyring: "


@dataclass(frozen=True, slots=True)
class Home:
    """A home on a machine without a system keyring; its keyring is opened by `open sesame`."""

    path: Path
    forks: Forks

    @property
    def env(self) -> dict[str, str]:
        """The environment of whoever lives there."""
        return {"HOME": str(self.path), "SENTINEL_KEYRING_BACKEND": "file"}

    @property
    def text(self) -> str:
        """The keyring's file."""
        return (self.path / ".local" / "state" / "sentinel" / "keyring" / "keys.json").read_text()

    def opens(self, passphrase: str) -> bool:
        """Whether a passphrase does."""
        env = {**self.env, "SENTINEL_KEYRING_PASSPHRASE": passphrase}
        add = ("keyring", "add", "base", "--stdin", "--replace")
        return self.forks.run(*add, env=env, say=json.dumps(KEY)).code == 0


@pytest.fixture
def home(tmp_path: Path, forks: Forks) -> Home:
    made = Home(tmp_path, forks)
    assert made.opens("open sesame")
    return made


def test_relocking_asks_for_the_old_one_once_and_for_the_new_one_twice(home: Home) -> None:
    with home.forks.typing("keyring", "relock", env=home.env) as terminal:
        for asked, answer in (
            (OLD, "open sesame"),
            ("New passphrase for the keyring: ", "another"),
            ("Repeat for confirmation: ", "another"),
        ):
            terminal.expect(asked)
            terminal.line(answer)
        terminal.expect("is now opened by a passphrase")
        assert terminal.process.wait(30) == 0
        assert "sesame" not in terminal.shown
    assert (home.opens("another"), home.opens("open sesame")) == (True, False)


def test_three_wrong_passphrases_are_a_no(home: Home) -> None:
    before = home.text
    with home.forks.typing("keyring", "relock", env=home.env) as terminal:
        for _ in range(3):
            terminal.expect(OLD)
            terminal.line("wrong")
        terminal.expect("none of 3 passphrases opens the keyring")
        assert terminal.process.wait(30) == 6
    assert home.text == before


def test_where_there_is_no_terminal_it_says_where_else_a_passphrase_can_be(home: Home) -> None:
    done = home.forks.run("keyring", "relock", env=home.env)
    assert done.code == 6
    assert "keyring.passphrase_command or SENTINEL_KEYRING_PASSPHRASE" in done.err
