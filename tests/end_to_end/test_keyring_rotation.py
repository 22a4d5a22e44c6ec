"""Rotation of real processes on the embedded AWS, which is as strict with keys as the real one."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from sentinel_server.sandbox.principals import UserKeys
from tests.fakes.aws import client
from tests.fakes.deployment import Deployment, Ran, deployment
from tests.fakes.forks import Forks
from tests.fakes.processes import sentinel, started, until
from tests.fakes.terminal import on_a_terminal

OPEN = {"SENTINEL_KEYRING_BACKEND": "file", "SENTINEL_KEYRING_PASSPHRASE": "open sesame"}
ON_ITSELF = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["iam:ListAccessKeys", "iam:CreateAccessKey", "iam:DeleteAccessKey"],
            "Resource": "arn:aws:iam::*:user/${aws:username}",
        },
        {"Effect": "Allow", "Action": "sts:*", "Resource": "*"},
    ],
}
"""What a user needs to rotate keys of its own, and those of nobody else."""


class Home:
    """A home whose developer's key is in a keyring, with no more permissions than it needs."""

    def __init__(self, home: Deployment) -> None:
        self.home = home
        self.iam = home.root("iam")
        self.permit(ON_ITSELF)
        self.old = home.base_keys()
        self.add("base")
        aws = home.seeded.directory / "aws"
        text = (aws / "credentials").read_text()
        (aws / "credentials").write_text(re.sub(r"\[base\]\n.*\n.*\n", "", text))

    def add(self, profile: str) -> None:
        pair = {
            "AWS_ACCESS_KEY_ID": self.old.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.old.secret_access_key,
        }
        added = self.home.run("keyring", "add", profile, "--env", **OPEN, **pair)
        assert added.code == 0, added.err

    def permit(self, policy: Any) -> None:
        """Let the developer do this and no more."""
        self.iam.put_user_policy(UserName="dev", PolicyName="sandbox", PolicyDocument=json.dumps(policy))

    def rotate(self, *words: str) -> Ran:
        """Rotate the key of `base`."""
        return self.home.run("keyring", "rotate", "base", *words, **OPEN)

    def key_ids(self) -> list[str]:
        """The developer's keys in AWS."""
        records = self.iam.list_access_keys(UserName="dev")["AccessKeyMetadata"]
        return [record["AccessKeyId"] for record in records]

    def works(self) -> bool:
        """Whether what is kept is good for a session."""
        return self.home.run("credentials", "--profile", "dev", **OPEN).code == 0


@pytest.fixture
def kept(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Iterator[Home]:
    with deployment(tmp_path_factory.mktemp("home"), shared=False, forks=forks) as home:
        yield Home(home)


def test_a_key_is_rotated_with_permissions_on_oneself_alone(kept: Home) -> None:
    kept.add("work")
    ran = kept.rotate("--json")
    assert ran.code == 0, ran.err
    assert ran.json["old"] == kept.old.access_key_id
    assert (ran.json["user"], ran.json["profiles"]) == ("dev", ["base", "work"])
    assert kept.key_ids() == [ran.json["new"]]
    assert kept.works()
    with pytest.raises(Exception, match="InvalidClientTokenId"):
        client(kept.home.aws, "sts", kept.old).get_caller_identity()
    assert "other machines with the old key of dev cannot use it any more" in kept.rotate().err


def test_a_server_goes_on_over_a_rotation(kept: Home) -> None:
    with kept.home.door(**OPEN) as door:
        assert door.fetch().code == "Success"
        assert kept.rotate().code == 0
        kept.home.aws.forget_calls()
        assert [door.fetch().code for _ in range(3)] == ["Success"] * 3
        door.running.hush()
        assert door.running.wait() == 0


def test_an_answer_that_was_lost_is_made_up_for_by_the_same_command(kept: Home) -> None:
    kept.home.aws.fail(service="iam", operation="CreateAccessKey", kind="reset")
    stopped = kept.rotate()
    kept.home.aws.heal()
    assert (stopped.code, f"{kept.old.access_key_id} is in use" in stopped.err) == (1, True)
    assert "next: carry on: sentinel keyring rotate base" in stopped.err
    (lost,) = set(kept.key_ids()) - {kept.old.access_key_id}
    assert kept.works()
    done = kept.rotate("--json")
    assert f"deleted {lost}, which was made and lost" in done.err
    assert (kept.key_ids(), kept.works()) == ([done.json["new"]], True)


@pytest.mark.parametrize("operation", ["CreateAccessKey", "DeleteAccessKey"])
def test_a_rotation_that_is_killed_is_ended_by_the_same_command(kept: Home, operation: str) -> None:
    kept.home.aws.fail(service="iam", operation=operation, kind="latency", seconds=20)
    argv = sentinel("keyring", "rotate", "base")
    with started(argv, env=kept.home.env(**OPEN), into=kept.home.output / operation) as running:
        awaited = "waiting until AWS knows" if operation == "DeleteAccessKey" else None
        if awaited:
            running.wait_for(r"is in use$")
        else:
            until(lambda: kept.home.aws.calls_to("iam", "ListAccessKeys"), "keys are listed")
        running.send(signal.SIGKILL)
        running.wait()
    kept.home.aws.heal()
    assert kept.works()
    done = kept.rotate("--json")
    assert done.code == 0, done.err
    assert (kept.key_ids(), kept.works()) == ([done.json["new"]], True)


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("ListAccessKeys", "wrong-json"),
        ("CreateAccessKey", "throttle"),
        ("CreateAccessKey", "error500"),
        ("DeleteAccessKey", "deny"),
        ("DeleteAccessKey", "drop"),
    ],
)
def test_whatever_aws_answers_there_is_a_key_that_works(kept: Home, operation: str, kind: Any) -> None:
    kept.home.aws.fail(service="iam", operation=operation, kind=kind)
    stopped = kept.rotate()
    kept.home.aws.heal()
    assert (stopped.code, "is in use" in stopped.err, kept.works()) == (1, True, True)
    done = kept.rotate("--json")
    assert done.code == 0, done.err
    assert kept.key_ids() == [done.json["new"]]


def test_a_user_without_permission_is_told_what_is_needed(kept: Home) -> None:
    kept.permit(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:*", "Resource": "*"}]}
    )
    stopped = kept.rotate()
    assert stopped.code == 1
    assert "iam:ListAccessKeys, CreateAccessKey and DeleteAccessKey on itself" in stopped.err


def test_a_second_key_is_left_alone(kept: Home) -> None:
    other = kept.iam.create_access_key(UserName="dev")["AccessKey"]["AccessKeyId"]
    stopped = kept.rotate()
    assert (stopped.code, f"--access-key-id {other}" in stopped.err) == (1, True)
    assert sorted(kept.key_ids()) == sorted([kept.old.access_key_id, other])


def test_where_the_key_is_another_profiles_that_one_is_named(kept: Home) -> None:
    refused = kept.home.run("keyring", "rotate", "dev", **OPEN)
    assert (refused.code, "its keys are those of base: sentinel keyring rotate base" in refused.err) == (
        1,
        True,
    )
    nobody = kept.home.run("keyring", "rotate", "nobody", **OPEN)
    assert (nobody.code, "see: sentinel keyring list" in nobody.err) == (1, True)


def test_where_the_files_have_a_key_it_is_not_the_one_in_the_keyring_that_is_rotated(kept: Home) -> None:
    aws = kept.home.seeded.directory / "aws"
    other = kept.home.aws.add_user("other")
    with (aws / "credentials").open("a") as file:
        file.write(f"[base]\naws_access_key_id = {other.access_key_id}\n")
        file.write(f"aws_secret_access_key = {other.secret_access_key}\n")
    refused = kept.rotate()
    assert (refused.code, "has credentials of kind static for base, which win" in refused.err) == (2, True)


def test_a_rotation_that_needs_a_code_asks_for_one(kept: Home) -> None:
    serial = kept.home.aws.add_mfa("dev").serial
    aws = kept.home.seeded.directory / "aws"
    text = (aws / "config").read_text()
    (aws / "config").write_text(text.replace("[profile base]", f"[profile base]\nmfa_serial = {serial}"))
    with_mfa = json.loads(json.dumps(ON_ITSELF))
    with_mfa["Statement"][0]["Condition"] = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    kept.permit(with_mfa)
    with on_a_terminal(
        sentinel("keyring", "rotate", "base"), kept.home.env(TERM="xterm", **OPEN)
    ) as terminal:
        terminal.expect(f"MFA code of {serial}: ")
        terminal.line(kept.home.aws.devices.code(serial))
        terminal.expect("The key of base is now", within=60)
        assert terminal.process.wait(timeout=30) == 0
    assert kept.old.access_key_id not in kept.key_ids()


def test_two_rotations_at_once_take_turns(kept: Home) -> None:
    argv = sentinel("keyring", "rotate", "base")
    environment = kept.home.env(**OPEN)
    with (
        started(argv, env=environment, into=kept.home.output / "one") as one,
        started(argv, env=environment, into=kept.home.output / "two") as two,
    ):
        assert (one.wait(60), two.wait(60)) == (0, 0)
    assert (len(kept.key_ids()), kept.works()) == (1, True)


def test_no_secret_is_shown(kept: Home) -> None:
    ran = kept.rotate()
    new = UserKeys(kept.key_ids()[0], "")
    assert new.access_key_id in ran.out
    secrets = [kept.old.secret_access_key, "open sesame"]
    assert [text for text in secrets if text in ran.out + ran.err] == []
