"""Codes and logins at every door, on a terminal and without; `test_every_prompt` has each question."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.deployment import Deployment, Ran, deployment
from tests.fakes.forks import Forks
from tests.fakes.identity_center import Corp, corp
from tests.fakes.terminal import CTRL_C, Terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")

ASKED = "MFA code of arn:aws:iam::[0-9]+:mfa/dev"


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A home whose developer and security engineer have MFA devices; policies and sessions are in AWS."""
    with deployment(tmp_path_factory.mktemp("home"), shared=True) as made:
        config = made.seeded.directory / "aws" / "config"
        text = config.read_text()
        for user in ("dev", "security"):
            device = made.aws.add_mfa(user)
            name = {"dev": "base", "security": "security"}[user]
            text = text.replace(f"[profile {name}]\n", f"[profile {name}]\nmfa_serial = {device.serial}\n")
        config.write_text(text)
        yield made


@dataclass(frozen=True, slots=True)
class Home:
    """A home, and what runs commands in it."""

    made: Deployment
    forks: Forks

    @contextmanager
    def typing(self, *words: str, **env: str) -> Iterator[Terminal]:
        with self.forks.typing(*words, env=self.made.env(**env)) as terminal:
            yield terminal

    def run(self, *words: str, **env: str) -> Ran:
        return self.forks.run(*words, env=self.made.env(**env))

    def code(self, user: str = "dev") -> str:
        return self.made.aws.devices.code(f"arn:aws:iam::{self.made.aws.account_id}:mfa/{user}")


@pytest.fixture
def home(shared_home: Deployment, forks: Forks) -> Home:
    return Home(shared_home, forks)


CREDENTIALS = ("credentials", "--profile", "dev")
DOORS = [
    CREDENTIALS,
    ("exec", "--profile", "dev", "--", "echo", "AccessKeyId"),
    ("exec", "--server", "--profile", "dev", "--", "echo", "AccessKeyId"),
]


@pytest.mark.parametrize("words", DOORS, ids=["credentials", "exec", "exec --server"])
def test_the_right_code_opens_every_door_and_is_not_shown(home: Home, words: tuple[str, ...]) -> None:
    with home.typing(*words) as terminal:
        terminal.expect(ASKED)
        typed = home.code()
        terminal.line(typed)
        terminal.expect("AccessKeyId")
        assert terminal.process.wait(30) == 0
        assert typed not in terminal.shown


def test_after_three_wrong_codes_it_is_over(home: Home) -> None:
    with home.typing(*CREDENTIALS) as terminal:
        for _ in range(3):
            terminal.expect(ASKED)
            terminal.line(str((int(home.code()) + 1) % 1_000_000).zfill(6))
        terminal.expect("sentinel: AWS did not accept the code of arn")
        assert terminal.process.wait(30) == 3


def test_where_nobody_can_be_asked_the_ways_out_are_named(home: Home) -> None:
    done = home.run(*CREDENTIALS)
    assert done.code == 3
    assert "there is no terminal to ask for it" in done.err
    assert done.last.startswith(
        "sentinel: next: run it from a terminal, give --mfa-token, or set mfa_process"
    )


def test_a_code_may_come_with_the_command_or_its_environment(home: Home) -> None:
    assert home.run(*CREDENTIALS, "--mfa-token", home.code()).code == 0
    done = home.run(
        *("exec", "--server", "--profile", "dev", "--", "sh", "-c", "echo [$SENTINEL_MFA_TOKEN]"),
        SENTINEL_MFA_TOKEN=home.code(),
    )
    assert (done.code, done.out) == (0, "[]\n"), done.err
    refused = home.run(*CREDENTIALS, "-t", "000000")
    assert (refused.code, "did not accept the code" in refused.err) == (3, True)


def test_an_operator_is_asked_once_for_all_that_a_command_does(home: Home) -> None:
    """Who acts and what is written are two questions to AWS, and a code is good once."""
    words = ("server-revoke", "--profile", "unused", "--reason", "a drill", "--until", "1m", "--yes")
    with home.typing(*words, AWS_PROFILE="security") as terminal:
        terminal.expect("MFA code of arn:aws:iam::[0-9]+:mfa/security")
        terminal.line(home.code("security"))
        terminal.expect("Blocked")
        assert terminal.process.wait(30) == 0
        assert terminal.shown.count("MFA code of") == 1


def test_an_operator_without_a_terminal_gives_the_code_in_the_environment(home: Home) -> None:
    done = home.run("server-blocks", "--json", SENTINEL_MFA_TOKEN=home.code("security"))
    assert done.code == 0, done.err
    assert home.run("server-blocks").code == 3


def test_mfa_process_answers_for_the_person(home: Home, tmp_path: Path) -> None:
    config = home.made.seeded.directory / "aws" / "config"
    own = tmp_path / "config"
    process = shlex.join(["printf", "%s", home.code()])
    own.write_text(
        config.read_text().replace("[profile base]\n", f"[profile base]\nmfa_process = {process}\n")
    )
    done = home.run(*CREDENTIALS, AWS_CONFIG_FILE=str(own))
    assert done.code == 0, done.err
    again = home.run(*CREDENTIALS, AWS_CONFIG_FILE=str(own))
    assert (again.code, "did not accept the code" in again.err) == (3, True)


@pytest.fixture
def corporate(tmp_path: Path) -> Iterator[Corp]:
    with corp(tmp_path / "home") as made:
        yield made


LOGIN = ("credentials", "--profile", "prod", "--auto-login", "--stdout")


def test_a_login_is_shown_with_its_code_and_goes_on_when_it_is_confirmed(
    corporate: Corp, forks: Forks
) -> None:
    with forks.typing(*LOGIN, env=corporate.env()) as terminal:
        shown = terminal.expect(r"log in to sso-session 'corp': (http\S+\?user_code=(\S+))\r")
        terminal.expect(f"the page must show the code {shown[2]}")
        corporate.aws.sso.tokens.approve(shown[2], corporate.aws.sso.people()[0])
        terminal.expect("AccessKeyId")
        assert terminal.process.wait(30) == 0
    assert corporate.visits == []


def test_ctrl_c_gives_a_login_up_and_the_next_goes_on_with_its_code(corporate: Corp, forks: Forks) -> None:
    with forks.typing(*LOGIN, env=corporate.env()) as terminal:
        first = terminal.expect(r"must show the code (\S+);")[1]
        terminal.type(CTRL_C)
        terminal.expect("sentinel: interrupted")
        assert terminal.process.wait(30) == 130
    with forks.typing(*LOGIN, env=corporate.env()) as terminal:
        assert terminal.expect(r"must show the code (\S+);")[1] == first
        corporate.aws.sso.tokens.deny(first)
        terminal.expect("sentinel: the login to sso-session 'corp' was declined")
        assert terminal.process.wait(30) == 3
    notes = [json.loads(path.read_text()) for path in corporate.cache.glob("*.login")]
    assert [set(note) for note in notes] == [{"failures", "why"}]
