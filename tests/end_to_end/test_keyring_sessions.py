"""One code of an MFA device for all processes of a machine: asked for once, kept with its end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

import pytest

from tests.fakes.deployment import Deployment, Ran, deployment
from tests.fakes.forks import Forks
from tests.fakes.terminal import CTRL_C, Terminal
from tests.fakes.vaults import FILE_BACKEND

pytestmark = pytest.mark.timeout(300)


class Home:
    """A home with its keys in a keyring and a profile `coded` that wants a code of `dev`'s device."""

    def __init__(self, home: Deployment, forks: Forks) -> None:
        self.home = home
        self.forks = forks
        self.serial = home.aws.add_mfa("dev").serial
        keys = home.base_keys()
        pair = {"AWS_ACCESS_KEY_ID": keys.access_key_id, "AWS_SECRET_ACCESS_KEY": keys.secret_access_key}
        added = self.run("keyring", "add", "base", "--env", **pair)
        assert added.code == 0, added.err
        aws = home.seeded.directory / "aws"
        text = (aws / "credentials").read_text()
        (aws / "credentials").write_text(re.sub(r"\[base\]\n.*\n.*\n", "", text))
        text = (aws / "config").read_text()
        wanted = f"[profile dev]\nmfa_serial = {self.serial}"
        (aws / "config").write_text(text.replace("[profile dev]", wanted))

    def run(self, *words: str, say: str = "", **env: str) -> Ran:
        """One command, to its end."""
        return self.forks.run(*words, env=self.home.env(**env), say=say)

    def typing(self, *words: str, times: int = 1) -> AbstractContextManager[Terminal]:
        """A command on a terminal, or many of it on the same."""
        return self.forks.typing(*words, env=self.home.env(), times=times)

    def code(self, terminal: Terminal) -> None:
        """Type what the device shows."""
        terminal.expect(f"MFA code of {self.serial}: ", within=200)
        terminal.line(self.home.aws.devices.code(self.serial))

    def asked(self) -> int:
        """How often AWS was asked for a session."""
        return len(self.home.aws.calls_to("sts", "GetSessionToken"))


@pytest.fixture
def coded(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    into = tmp_path_factory.mktemp("home")
    with deployment(into, shared=False) as home:
        # A system keyring, because twenty passphrases stretched at once would be what takes the time.
        by = {"SENTINEL_KEYRING_BACKEND": FILE_BACKEND, "TEST_KEYRING": str(into / "system-keyring")}
        seeded = replace(home.seeded, environment={**home.seeded.environment, **by})
        yield Home(replace(home, seeded=seeded), forks)


def test_twenty_processes_at_once_ask_one_code_of_a_person(coded: Home) -> None:
    with coded.typing("exec", "--profile", "dev", "--", "true", times=20) as together:
        asked = r"MFA code of .*waiting for another sentinel, which is at it"
        together.expect(f"(?s){asked}", within=200)
        together.line(coded.home.aws.devices.code(coded.serial))
        together.expect(re.escape(f"ended with {[0] * 20}"), within=200)
        assert together.shown.count("MFA code of") == 1
    assert coded.asked() == 1
    listed = coded.run("keyring", "list", "--json").json["profiles"]
    assert [(row["profile"], row["sessions"]) for row in listed] == [("base", 1)]


def test_who_leaves_at_the_question_lets_the_next_one_be_asked(coded: Home) -> None:
    words = ("exec", "--profile", "dev", "--", "echo", "started")
    with coded.typing(*words) as first:
        first.expect("MFA code of")
        first.type(CTRL_C)
        assert first.process.wait(timeout=30) == 130
    with coded.typing(*words) as second:
        coded.code(second)
        second.expect("started")


def test_a_door_that_can_ask_nobody_uses_the_session_that_somebody_got(coded: Home) -> None:
    refused = coded.run("credentials", "--profile", "dev")
    assert (refused.code, "needs a code" in refused.err) == (3, True)
    with coded.typing("exec", "--profile", "dev", "--", "true") as terminal:
        coded.code(terminal)
        assert terminal.process.wait(timeout=30) == 0
    assert coded.run("credentials", "--profile", "dev").code == 0
    assert coded.run("keyring", "clear").out == "1 session forgotten.\n"
    assert coded.run("credentials", "--profile", "dev").code == 3
    assert coded.asked() == 1


def test_with_a_seed_nobody_is_asked_by_any_door(coded: Home) -> None:
    seed = coded.home.aws.devices.seed(coded.serial)
    done = coded.run("keyring", "add", "dev", "--mfa-seed", "--stdin", say=seed)
    assert done.code == 0, done.err
    assert coded.run("credentials", "--profile", "dev").code == 0
    assert coded.run("exec", "--server", "--profile", "dev", "--", "true").code == 0
    assert coded.asked() == 1
    assert seed not in done.out + done.err


def test_another_role_of_the_same_keys_needs_no_code_of_its_own(coded: Home) -> None:
    aws = coded.home.seeded.directory / "aws"
    role = coded.home.seeded.roles["dev"]
    with (aws / "config").open("a") as file:
        file.write(f"[profile twin]\nrole_arn = {role}\nsource_profile = base\nmfa_serial = {coded.serial}\n")
    with coded.typing("exec", "--profile", "dev", "--", "true") as terminal:
        coded.code(terminal)
        assert terminal.process.wait(timeout=30) == 0
    assert coded.run("whoami", "--profile", "twin").code == 0
    assert coded.asked() == 1
    assert coded.run("keyring", "remove", "base", "--yes").code == 0
    assert coded.run("keyring", "list", "--json").json["profiles"] == []
