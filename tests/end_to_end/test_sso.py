"""Logins to Identity Center through the console script: kept as the AWS CLI does, one for many processes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.deployment import Ran
from tests.fakes.forks import Forks
from tests.fakes.identity_center import Corp, corp
from tests.fakes.processes import Running, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the browser is a POSIX command line")

MANY = 20
PATIENCE = 100.0
"""Seconds for twenty interpreters that start at once on a machine with little to spare."""
WAITING = "that another process has begun"
ASK = ("credentials", "--profile", "prod", "--auto-login")


@dataclass(frozen=True, slots=True)
class Home:
    """The home of somebody with a login, and what runs commands in it."""

    made: Corp
    forks: Forks

    def run(self, *words: str, answer: str = "approve", **env: str) -> Ran:
        """One command, to its end."""
        return self.forks.run(*words, env=self.made.env(answer, **env))

    def many(self, stack: ExitStack, into: Path, answer: str = "approve") -> list[Running]:
        """Processes that start at once and need the same login."""
        env = self.made.env(answer)
        return [
            stack.enter_context(self.forks.started(*ASK, env=env, into=into / str(number)))
            for number in range(MANY)
        ]

    def flows(self) -> int:
        """How often a person was asked to log in."""
        return len(self.made.aws.calls_to("sso-oidc", "StartDeviceAuthorization"))


@pytest.fixture
def home(tmp_path: Path, forks: Forks) -> Iterator[Home]:
    with corp(tmp_path / "home") as made:
        yield Home(made, forks)


def ended(running: Sequence[Running]) -> list[int]:
    return [each.wait(PATIENCE) for each in running]


@pytest.mark.timeout(240)
def test_twenty_processes_with_a_lapsed_token_make_one_login_and_all_succeed(
    home: Home, tmp_path: Path
) -> None:
    home.made.lapse()
    with ExitStack() as stack:
        running = home.many(stack, tmp_path)
        assert ended(running) == [0] * MANY, [each.err() for each in running]
        keys = {json.loads(each.out())["AccessKeyId"] for each in running}
    assert (home.flows(), len(home.made.visits), len(keys)) == (1, 1, MANY)


@pytest.mark.timeout(240)
def test_when_the_one_that_logs_in_is_killed_another_goes_on_with_the_same_code(
    home: Home, tmp_path: Path
) -> None:
    home.made.lapse()
    with ExitStack() as stack:
        running = home.many(stack, tmp_path, answer="ignore")
        holder = until(
            lambda: next((each for each in running if "the page must show" in each.err()), None), "it"
        )
        until(lambda: home.made.visits, "the browser opens", PATIENCE)
        holder.process.kill()
        rest = [each for each in running if each is not holder]
        until(lambda: any("the page must show" in each.err() for each in rest), "another goes on", PATIENCE)
        (code,) = home.made.aws.sso.tokens.pending()
        home.made.aws.sso.tokens.approve(code, home.made.aws.sso.people()[0])
        assert ended(rest) == [0] * (MANY - 1), [each.err() for each in rest]
    assert (home.flows(), len(home.made.visits)) == (1, 1)


@pytest.mark.timeout(240)
def test_a_login_that_was_declined_is_not_asked_for_again_by_those_who_waited(
    home: Home, tmp_path: Path
) -> None:
    home.made.lapse()
    with ExitStack() as stack:
        running = home.many(stack, tmp_path, answer="ignore")
        until(lambda: sum(WAITING in each.err() for each in running) == MANY - 1, "all wait", PATIENCE)
        (code,) = home.made.aws.sso.tokens.pending()
        home.made.aws.sso.tokens.deny(code)
        assert ended(running) == [3] * MANY
        said = {each.err().splitlines()[-2] for each in running}
    assert said == {"sentinel: the login to sso-session 'corp' was declined"}
    assert (home.flows(), len(home.made.visits)) == (1, 1)


def test_what_a_login_leaves_is_what_the_aws_cli_reads(home: Home) -> None:
    done = home.run("sso", "login", "--profile", "prod", "--json")
    assert (done.code, done.json["logins"][0]["renews"]) == (0, True), done.err
    kept = home.made.kept()
    assert kept["startUrl"] == home.made.aws.sso.start_url
    assert set(kept) == {
        "startUrl",
        "region",
        "accessToken",
        "expiresAt",
        "clientId",
        "clientSecret",
        "registrationExpiresAt",
        "refreshToken",
    }
    modes = {path.name: path.stat().st_mode & 0o777 for path in home.made.cache.iterdir()}
    assert set(modes.values()) == {0o600}
    assert [path.stat().st_mode & 0o777 for path in (home.made.cache, home.made.cache.parent)] == [
        0o700,
        0o700,
    ]
    assert [name for name in modes if name.endswith(".json")] == [home.made.token_file.name]


def test_a_token_of_the_cli_is_refreshed_without_a_person(home: Home) -> None:
    assert home.run("sso", "login", "--profile", "prod").code == 0
    kept = home.made.kept()
    home.made.lapse(**{**kept, "expiresAt": "2020-01-01T00:00:00UTC"})
    done = home.run("credentials", "--profile", "prod", answer="deny")
    assert done.code == 0, done.err
    assert home.made.kept()["refreshToken"] != kept["refreshToken"]
    assert home.flows() == 1


def test_without_auto_login_the_command_that_mends_it_is_named(home: Home) -> None:
    home.made.lapse()
    done = home.run("credentials", "--profile", "prod")
    assert done.code == 3
    assert done.last == (
        "sentinel: next: log in: sentinel sso login --profile corp, or: aws sso login --profile corp"
    )
    assert not home.made.aws.calls_to("sso-oidc")


def test_a_profile_without_a_session_logs_in_too_and_is_kept_under_its_start_url(home: Home) -> None:
    done = home.run("credentials", "--profile", "old", SENTINEL_AUTO_LOGIN="true")
    assert done.code == 0, done.err
    (kept,) = home.made.cache.glob("*.json")
    assert kept != home.made.token_file
    assert "refreshToken" not in json.loads(kept.read_text())


def test_a_logout_ends_the_login_here_and_at_aws(home: Home) -> None:
    assert home.run("sso", "login", "--sso-session", "corp").code == 0
    token = home.made.kept()["accessToken"]
    done = home.run("sso", "logout", "--profile", "prod")
    assert (done.code, done.out) == (0, "Logged out of sso-session 'corp'.\n"), done.err
    assert not home.made.token_file.exists()
    assert home.made.aws.sso.tokens.person(token) is None
    assert home.run("sso", "logout").out == "There was no login to end.\n"


def test_a_token_that_somebody_ended_early_is_replaced_by_a_new_login(home: Home) -> None:
    assert home.run("sso", "login", "--profile", "prod").code == 0
    home.made.aws.sso.tokens.sign_out(home.made.kept()["accessToken"])
    assert home.run(*ASK).code == 0
    assert home.flows() == 2


def test_where_nobody_would_see_the_page_nothing_is_begun(home: Home) -> None:
    done = home.run(*ASK, BROWSER="")
    assert done.code == 3
    assert "neither a terminal nor a browser" in done.err
    assert not home.made.aws.calls_to("sso-oidc")


def test_a_profile_of_another_kind_has_no_login(home: Home) -> None:
    with (home.made.home / ".aws" / "config").open("a") as config:
        config.write("[profile plain]\nregion = us-east-1\n")
    done = home.run("sso", "login", "--profile", "plain")
    assert (done.code, "does not get its credentials from Identity Center" in done.err) == (2, True)


def test_while_a_command_runs_the_person_is_told_ahead_and_a_login_elsewhere_is_enough(
    home: Home, tmp_path: Path
) -> None:
    home.made.aws.sso.role_seconds = 12 * 60 + 3
    assert home.run("sso", "login", "--profile", "prod").code == 0
    words = ("exec", "--server", "--profile", "prod", "--", "cat")
    with home.forks.started(*words, env=home.made.env(), into=tmp_path / "exec", talk=True) as running:
        running.wait_for("^sentinel: session [0-9a-f]{16} serves prod")
        home.made.aws.sso.tokens.sign_out(home.made.kept()["accessToken"])
        running.wait_for(
            r"^sentinel: you will be needed in 1[01] min: the base credentials of prod end at \S+; "
            "log in: sentinel sso login --profile corp",
            within=60,
        )
        running.hush()
        assert running.wait() == 0
