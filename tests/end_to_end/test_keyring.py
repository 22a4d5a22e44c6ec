"""Keys in the keyring through every door: the credentials file has none of the developer's any more."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel_server.sandbox.principals import UserKeys
from tests.fakes.aws import trust
from tests.fakes.deployment import Deployment, deployment
from tests.fakes.forks import Forks
from tests.fakes.processes import sentinel
from tests.fakes.terminal import on_a_terminal

OPEN = {"SENTINEL_KEYRING_BACKEND": "file", "SENTINEL_KEYRING_PASSPHRASE": "open sesame"}
WHO = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"


class Moved:
    """A home whose developer's keys were moved into a keyring with a passphrase."""

    def __init__(self, home: Deployment) -> None:
        self.home = home
        self.keys = home.base_keys()
        self.aws = home.seeded.directory / "aws"
        self.keep()
        text = (self.aws / "credentials").read_text()
        (self.aws / "credentials").write_text(re.sub(r"\[base\]\n.*\n.*\n", "", text))
        assert self.keys.access_key_id not in (self.aws / "credentials").read_text()

    def keep(self, *options: str) -> None:
        """Put the keys into the keyring."""
        added = self.home.run("keyring", "add", "base", "--env", *options, **OPEN, **variables(self.keys))
        assert added.code == 0, added.err

    def configure(self, text: str) -> None:
        """Add to the configuration file."""
        with (self.aws / "config").open("a") as file:
            file.write(text)


def variables(keys: UserKeys) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": keys.access_key_id, "AWS_SECRET_ACCESS_KEY": keys.secret_access_key}


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Iterator[Moved]:
    with deployment(tmp_path_factory.mktemp("home"), shared=False, forks=forks) as home:
        yield Moved(home)


def test_credentials_are_served_to_an_sdk(moved: Moved) -> None:
    ran = moved.home.run("credentials", "--profile", "dev", **OPEN)
    assert (ran.code, json.loads(ran.out)["AccessKeyId"][:4]) == (0, "ASIA")


def test_exec_runs_a_command_with_them(moved: Moved) -> None:
    ran = moved.home.run("exec", "--profile", "dev", "--", "sh", "-c", "env", **OPEN)
    assert ran.code == 0, ran.err
    assert "AWS_SESSION_TOKEN=" in ran.out
    assert [text for text in ("open sesame", moved.keys.secret_access_key) if text in ran.out] == []


def test_the_server_serves_them(moved: Moved) -> None:
    with moved.home.door(**OPEN) as door:
        assert door.fetch().code == "Success"
        door.running.hush()
        assert door.running.wait() == 0


def test_whose_they_are_is_known(moved: Moved) -> None:
    ran = moved.home.run("whoami", "--profile", "prod", "--json", **OPEN)
    assert (ran.code, ran.json["arn"].rpartition("/")[2]) == (0, "dev")


def test_a_profile_that_no_file_names_is_there(moved: Moved) -> None:
    added = moved.home.run("keyring", "add", "nowhere", "--env", **OPEN, **variables(moved.keys))
    assert added.code == 0, added.err
    moved.configure(f"[profile far]\nrole_arn = {moved.home.seeded.roles['dev']}\nsource_profile = nowhere\n")
    assert moved.home.run("whoami", "--profile", "far", "--json", **OPEN).json["arn"].endswith("user/dev")


def test_a_role_that_is_itself_a_source_is_assumed_with_them(moved: Moved) -> None:
    jump = moved.home.aws.add_role("jump", trust(f"arn:aws:iam::{moved.home.aws.account_id}:user/dev"))
    moved.configure(
        f"[profile jump]\nrole_arn = {jump}\nsource_profile = base\nrole_session_name = hop\n"
        f"[profile behind]\nrole_arn = {moved.home.seeded.roles['dev']}\nsource_profile = jump\n"
    )
    found = moved.home.run("whoami", "--profile", "behind", "--json", **OPEN)
    assert (found.code, found.json["arn"].rpartition("/")[2]) == (0, "hop"), found.err


def test_a_role_is_assumed_with_the_keys_kept_under_its_own_name(moved: Moved) -> None:
    role = moved.home.seeded.roles["dev"]
    moved.configure(f"[profile lone]\nrole_arn = {role}\nregion = us-east-1\n")
    added = moved.home.run("keyring", "add", "lone", "--env", **OPEN, **variables(moved.keys))
    assert (added.code, "which win" in added.err) == (0, False), added.err
    policies = moved.home.seeded.directory / "config" / "sentinel" / "policies"
    policy = (policies / "dev.yaml").read_text().replace("profiles: [dev]", "profiles: [lone]")
    (policies / "lone.yaml").write_text(policy)
    ran = moved.home.run("exec", "--profile", "lone", "--", sys.executable, "-c", WHO, **OPEN)
    assert (ran.code, ":assumed-role/dev/" in ran.out) == (0, True), ran.err


def test_the_keyring_goes_before_what_the_environment_happens_to_have(moved: Moved) -> None:
    other = moved.home.aws.add_user("other")
    ran = moved.home.run("whoami", "--profile", "prod", "--json", **OPEN, **variables(other))
    assert ran.json["arn"].endswith("user/dev")


def test_without_the_passphrase_nothing_is_served_and_nothing_hangs(moved: Moved) -> None:
    for words in (("credentials", "--profile", "dev"), ("exec", "--profile", "dev", "--", "true")):
        refused = moved.home.run(*words)
        assert (refused.code, "the keyring needs its passphrase" in refused.err) == (6, True)


def test_a_wrong_passphrase_is_said_and_not_shown(moved: Moved) -> None:
    refused = moved.home.run("credentials", "--profile", "dev", SENTINEL_KEYRING_PASSPHRASE="hunter22")
    assert (refused.code, "does not open the keyring" in refused.err) == (6, True)
    assert "hunter22" not in refused.err


def test_a_person_is_asked_for_the_passphrase_before_the_command_starts(moved: Moved) -> None:
    argv = sentinel("exec", "--server", "--profile", "prod", "--", "sh", "-c", "echo started")
    with on_a_terminal(argv, moved.home.env(TERM="xterm")) as terminal:
        terminal.expect("Passphrase of the keyring: ")
        assert "started" not in terminal.shown
        terminal.line("open sesame")
        terminal.expect("started")
        assert terminal.process.wait(timeout=30) == 0
        assert "sesame" not in terminal.shown


def test_the_passphrase_may_come_from_a_command(moved: Moved) -> None:
    ran = moved.home.run(
        "whoami", "--profile", "prod", SENTINEL_KEYRING_PASSPHRASE_COMMAND="echo 'open sesame'"
    )
    assert ran.code == 0, ran.err


def test_a_server_goes_on_when_its_key_was_replaced(moved: Moved) -> None:
    with moved.home.door(**OPEN) as door:
        assert door.fetch().code == "Success"
        iam = moved.home.root("iam")
        made = iam.create_access_key(UserName="dev")["AccessKey"]
        old, moved.keys = moved.keys, UserKeys(made["AccessKeyId"], made["SecretAccessKey"])
        moved.keep("--replace")
        iam.delete_access_key(UserName="dev", AccessKeyId=old.access_key_id)
        answers = [door.fetch().code for _ in range(3)]
        door.running.hush()
        door.running.wait()
    assert answers == ["Success"] * 3
    used = {seen.principal for seen in moved.home.aws.calls_to("sts") if seen.error is None}
    assert used


def test_no_helper_is_given_the_passphrase(moved: Moved, tmp_path: Path) -> None:
    helper = tmp_path / "helper"
    helper.write_text(f"#!/bin/sh\nenv > {tmp_path}/seen\nexit 1\n")
    helper.chmod(0o755)
    moved.configure(f"[profile helped]\ncredential_process = {helper}\n")
    moved.home.run("whoami", "--profile", "helped", **OPEN)
    seen = (tmp_path / "seen").read_text()
    assert ("SENTINEL_RESOLVING=helped" in seen, "sesame" in seen) == (True, False)


def test_a_keyring_that_was_removed_under_a_server_ends_its_fetches(moved: Moved) -> None:
    with moved.home.door(**OPEN) as door:
        assert door.fetch().code == "Success"
        removed = moved.home.run("keyring", "remove", "base", "--yes", **OPEN)
        assert removed.code == 0, removed.err
        refused = door.fetch()
        assert (refused.status, "any more" in str(refused.body)) == (500, True)
        door.running.hush()
        door.running.wait()
    moved.keep()
