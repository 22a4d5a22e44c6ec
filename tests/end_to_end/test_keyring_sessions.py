"""One code of an MFA device for all processes of a machine: asked for once, kept with its end."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.fakes.deployment import Deployment, deployment
from tests.fakes.processes import sentinel
from tests.fakes.terminal import CTRL_C, Terminal, on_a_terminal
from tests.fakes.vaults import FILE_BACKEND

pytestmark = pytest.mark.timeout(300)
TOGETHER = """
import subprocess, sys
count, *argv = sys.argv[1:]
started = [subprocess.Popen(argv) for _ in range(int(count))]
print("ended with", sorted(process.wait() for process in started))
"""
"""Starts a command many times at once, all on the terminal that it is itself on."""


class Home:
    """A home with its keys in a keyring and a profile `coded` that wants a code of `dev`'s device."""

    def __init__(self, home: Deployment) -> None:
        self.home = home
        self.serial = home.aws.add_mfa("dev").serial
        keys = home.base_keys()
        pair = {"AWS_ACCESS_KEY_ID": keys.access_key_id, "AWS_SECRET_ACCESS_KEY": keys.secret_access_key}
        added = home.run("keyring", "add", "base", "--env", **pair)
        assert added.code == 0, added.err
        aws = home.seeded.directory / "aws"
        text = (aws / "credentials").read_text()
        (aws / "credentials").write_text(re.sub(r"\[base\]\n.*\n.*\n", "", text))
        text = (aws / "config").read_text()
        wanted = f"[profile dev]\nmfa_serial = {self.serial}"
        (aws / "config").write_text(text.replace("[profile dev]", wanted))

    def code(self, terminal: Terminal) -> None:
        """Type what the device shows."""
        terminal.expect(f"MFA code of {self.serial}: ", within=200)
        terminal.line(self.home.aws.devices.code(self.serial))

    def asked(self) -> int:
        """How often AWS was asked for a session."""
        return len(self.home.aws.calls_to("sts", "GetSessionToken"))


@pytest.fixture
def coded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    into = tmp_path_factory.mktemp("home")
    with deployment(into, shared=False) as home:
        # A system keyring, because twenty passphrases stretched at once would be what takes the time.
        by = {"SENTINEL_KEYRING_BACKEND": FILE_BACKEND, "TEST_KEYRING": str(into / "system-keyring")}
        seeded = replace(home.seeded, environment={**home.seeded.environment, **by})
        yield Home(replace(home, seeded=seeded))


def test_twenty_processes_at_once_ask_one_code_of_a_person(coded: Home) -> None:
    command = sentinel("exec", "--profile", "dev", "--", "true")
    argv = [sys.executable, "-c", TOGETHER, "20", *command]
    with on_a_terminal(argv, coded.home.env(TERM="xterm")) as together:
        coded.code(together)
        together.expect(re.escape(f"ended with {[0] * 20}"), within=200)
        assert together.shown.count("MFA code of") == 1
    assert coded.asked() == 1
    listed = coded.home.run("keyring", "list", "--json").json["profiles"]
    assert [(row["profile"], row["sessions"]) for row in listed] == [("base", 1)]


def test_who_leaves_at_the_question_lets_the_next_one_be_asked(coded: Home) -> None:
    argv = sentinel("exec", "--profile", "dev", "--", "echo", "started")
    with on_a_terminal(argv, coded.home.env(TERM="xterm")) as first:
        first.expect("MFA code of")
        first.type(CTRL_C)
        assert first.process.wait(timeout=30) == 130
    with on_a_terminal(argv, coded.home.env(TERM="xterm")) as second:
        coded.code(second)
        second.expect("started")


def test_a_door_that_can_ask_nobody_uses_the_session_that_somebody_got(coded: Home) -> None:
    refused = coded.home.run("credentials", "--profile", "dev")
    assert (refused.code, "needs a code" in refused.err) == (3, True)
    with on_a_terminal(
        sentinel("exec", "--profile", "dev", "--", "true"), coded.home.env(TERM="xterm")
    ) as terminal:
        coded.code(terminal)
        assert terminal.process.wait(timeout=30) == 0
    assert coded.home.run("credentials", "--profile", "dev").code == 0
    assert coded.home.run("keyring", "clear").out == "1 session forgotten.\n"
    assert coded.home.run("credentials", "--profile", "dev").code == 3
    assert coded.asked() == 1


def test_with_a_seed_nobody_is_asked_by_any_door(coded: Home) -> None:
    seed = coded.home.aws.devices.seed(coded.serial)
    done = subprocess.run(
        sentinel("keyring", "add", "dev", "--mfa-seed", "--stdin"),
        env=coded.home.env(),
        input=seed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert coded.home.run("credentials", "--profile", "dev").code == 0
    assert coded.home.run("exec", "--server", "--profile", "dev", "--", "true").code == 0
    assert coded.asked() == 1
    assert seed not in done.stdout + done.stderr


def test_another_role_of_the_same_keys_needs_no_code_of_its_own(coded: Home) -> None:
    aws = coded.home.seeded.directory / "aws"
    role = coded.home.seeded.roles["dev"]
    with (aws / "config").open("a") as file:
        file.write(f"[profile twin]\nrole_arn = {role}\nsource_profile = base\nmfa_serial = {coded.serial}\n")
    with on_a_terminal(
        sentinel("exec", "--profile", "dev", "--", "true"), coded.home.env(TERM="xterm")
    ) as terminal:
        coded.code(terminal)
        assert terminal.process.wait(timeout=30) == 0
    assert coded.home.run("whoami", "--profile", "twin").code == 0
    assert coded.asked() == 1
    assert coded.home.run("keyring", "remove", "base", "--yes").code == 0
    assert coded.home.run("keyring", "list", "--json").json["profiles"] == []
