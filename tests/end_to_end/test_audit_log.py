"""The log of real commands: without it nothing is issued, and what it has reaches where it is sent."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel_server.adapters.local.key_file import generate_key
from sentinel_server.policy.keys import KeySet, PublicKey, print_key_set
from sentinel_server.policy.statement import Algorithm
from tests.fakes.deployment import Deployment, Door, deployment
from tests.fakes.forks import Forks
from tests.fakes.processes import until

GROUP = "sentinel/audit"
ALLOWED = """\
version: "1"
rules:
  - name: developers
    effect: allow
    conditions: {profiles: [prod], users: [dev]}
"""
DENIED = ALLOWED.replace("allow", "deny")


@pytest.fixture
def home(tmp_path: Path, forks: Forks) -> Iterator[Deployment]:
    with deployment(tmp_path, shared=False, forks=forks) as made:
        made.root("logs").create_log_group(logGroupName=GROUP)
        yield made


@pytest.fixture
def shipped(home: Deployment) -> dict[str, str]:
    """What makes a command send its log to CloudWatch."""
    return {
        "SENTINEL_AUDIT_SINKS": "file,cloudwatch",
        "SENTINEL_AUDIT_CLOUDWATCH": f"cloudwatch://{home.aws.region}/{GROUP}",
        "SENTINEL_AUDIT_STREAM": "{writer}",
    }


def directory(home: Deployment) -> Path:
    return Path(home.env()["XDG_STATE_HOME"]) / "sentinel" / "audit"


def on_disk(home: Deployment) -> set[str]:
    return {line for path in directory(home).glob("*.jsonl") for line in path.read_text().splitlines()}


def in_cloudwatch(home: Deployment) -> list[str]:
    logs = home.root("logs")
    streams = logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
    return [
        event["message"]
        for stream in streams
        for event in logs.get_log_events(logGroupName=GROUP, logStreamName=stream["logStreamName"])["events"]
    ]


def actions(lines: list[str]) -> list[str]:
    return [json.loads(line)["action"] for line in lines]


def write_policy(home: Deployment, text: str) -> None:
    place = home.seeded.directory / "config" / "sentinel" / "policies" / "prod.yaml"
    draft = place.with_suffix(".new")
    draft.write_text(text)
    draft.chmod(0o600)
    draft.replace(place)


def spoil(home: Deployment) -> Path:
    """Put a file where the log's directory was; where that went."""
    away = directory(home).with_name("audit-away")
    directory(home).rename(away)
    directory(home).touch()
    return away


def status_becomes(door: Door, status: int) -> None:
    until(lambda: door.fetch().status == status, f"fetches are answered {status}", within=30)


def test_a_mandatory_log_that_cannot_be_written_stops_a_running_server_and_mended_lets_it_go_on(
    home: Deployment,
) -> None:
    write_policy(home, ALLOWED)
    with home.door(SENTINEL_POLICY_MAX_AGE="1s") as door:
        assert door.fetch().status == 200
        write_policy(home, DENIED)
        status_becomes(door, 403)
        away = spoil(home)
        write_policy(home, ALLOWED)
        until(lambda: door.fetch().code == "AuditUnavailable", "the log is missed")
        assert door.fetch().status == 500
        directory(home).unlink()
        away.rename(directory(home))
        status_becomes(door, 200)
    assert home.run("audit", "verify-logs").code == 0


def test_a_mandatory_log_that_cannot_be_written_opens_no_door(home: Deployment) -> None:
    assert home.run("credentials", "--profile", "dev").code == 0
    spoil(home)
    done = home.run("credentials", "--profile", "dev")
    assert done.code == 6
    assert "audit log" in done.err
    assert done.out == ""
    assert home.run("credentials", "--profile", "dev", SENTINEL_AUDIT_REQUIRED="false").code == 0


def test_what_a_server_logs_reaches_cloudwatch_while_it_runs(
    home: Deployment, shipped: dict[str, str]
) -> None:
    with home.door(**shipped) as door:
        assert door.fetch().status == 200
        until(lambda: "outcome" in actions(in_cloudwatch(home)), "the outcome is in CloudWatch")
        door.running.hush()
        door.running.wait()
    assert set(in_cloudwatch(home)) == on_disk(home)
    assert "session_ended" in actions(in_cloudwatch(home))


def test_w34_what_a_killed_server_left_is_sent_by_the_next_command(
    home: Deployment, shipped: dict[str, str]
) -> None:
    home.aws.fail(service="logs", kind="throttle")
    with home.door(**shipped) as door:
        assert door.fetch().status == 200
        door.running.send(signal.SIGKILL)
        door.running.wait()
    home.aws.heal()
    assert in_cloudwatch(home) == []
    done = home.run("audit", "ship", "--json", **shipped)
    assert done.code == 0, done.err
    assert done.json["sent"] == {"cloudwatch": len(on_disk(home))}
    assert set(in_cloudwatch(home)) == on_disk(home)


def test_a_cloudwatch_that_is_down_delays_nothing_and_is_said_once(
    home: Deployment, shipped: dict[str, str]
) -> None:
    home.aws.fail(service="logs", kind="deny")
    with home.door(**shipped) as door:
        fetches = [door.fetch_once() for _ in range(20)]
        assert {fetch.status for fetch in fetches} == {200}
        said = door.running.wait_for(r"^sentinel: the audit log does not reach cloudwatch: .*")
        assert "kept, and sent later" in said[0]
    assert door.running.err().count("does not reach cloudwatch") == 1


def test_a_command_that_answers_one_question_leaves_the_sending_to_others(
    home: Deployment, shipped: dict[str, str]
) -> None:
    assert home.run("credentials", "--profile", "dev", **shipped).code == 0
    assert in_cloudwatch(home) == []
    assert home.run("audit", "ship", **shipped).out == f"cloudwatch: {len(on_disk(home))} lines sent\n"


def test_a_log_that_has_not_been_taken_for_too_long_opens_no_door(
    home: Deployment, shipped: dict[str, str]
) -> None:
    assert home.run("credentials", "--profile", "dev", **shipped).code == 0
    home.aws.fail(service="logs", kind="deny")
    behind = {**shipped, "SENTINEL_AUDIT_MAX_LAG": "1s"}
    until(lambda: home.run("credentials", "--profile", "dev", **behind).code == 6, "it is too far behind")
    done = home.run("credentials", "--profile", "dev", **behind)
    assert "cloudwatch has not taken the audit log for" in done.err
    home.aws.heal()
    until(lambda: home.run("credentials", "--profile", "dev", **behind).code == 0, "it has been taken")


def test_a_running_server_has_its_log_signed_by_kms_in_the_background(
    home: Deployment, tmp_path: Path
) -> None:
    kms = home.root("kms")
    arn = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    allowed = {"Effect": "Allow", "Action": ["kms:Sign", "kms:GetPublicKey"], "Resource": arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    home.root("iam").put_user_policy(UserName="dev", PolicyName="sign", PolicyDocument=document)
    public = PublicKey(id=arn, algorithm=Algorithm.ECDSA, der=kms.get_public_key(KeyId=arn)["PublicKey"])
    (tmp_path / "keys.json").write_text(print_key_set(KeySet(keys=(public,))))
    home.aws.fail(service="kms", kind="latency", seconds=1.0)  # longer than a fetch may take
    with home.door(SENTINEL_AUDIT_SIGNING_KEY=f"kms:{arn}", SENTINEL_AUDIT_CHECKPOINT_EVERY="2") as door:
        assert door.fetch_once().code == "Success"
        until(lambda: any('"signed"' in line for line in on_disk(home)), "the log is signed")
        home.aws.heal()
        door.running.hush()
        door.running.wait()
    done = home.run("audit", "verify-logs", "--keys", str(tmp_path / "keys.json"))
    assert (done.code, done.out.count("\n")) == (0, 1), done.out


def test_one_answer_is_signed_by_a_key_file_and_does_not_ask_kms(home: Deployment, tmp_path: Path) -> None:
    generate_key(tmp_path / "log.pem")
    signed = {"SENTINEL_AUDIT_SIGNING_KEY": str(tmp_path / "log.pem")}
    assert home.run("credentials", "--profile", "dev", **signed).code == 0
    assert sum('"signed"' in line for line in on_disk(home)) == 1
    assert home.run("audit", "verify-logs", **signed).code == 0
    assert home.run("audit", "verify-logs").code == 6
    home.aws.forget_calls()
    assert home.run("credentials", "--profile", "dev", SENTINEL_AUDIT_SIGNING_KEY="kms:alias/none").code == 0
    assert home.aws.calls_to("kms") == []


def test_seals_can_be_made_with_a_key_that_is_named(home: Deployment, tmp_path: Path) -> None:
    key = tmp_path / "seal.key"
    key.write_text("0b" * 32)
    key.chmod(0o600)
    assert home.run("credentials", "--profile", "dev", SENTINEL_AUDIT_SIGNING_KEY=str(key)).code == 0
    assert home.run("audit", "verify-logs").code == 6
    assert home.run("audit", "verify-logs", SENTINEL_AUDIT_SIGNING_KEY=str(key)).code == 0
    assert home.run("audit", "verify-logs", "--key-file", str(key)).code == 0


def test_nothing_to_send_to_is_a_mistake(home: Deployment) -> None:
    assert home.run("audit", "ship").code == 2


def test_lines_go_to_stderr_and_to_syslog(home: Deployment, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(str(tmp_path / "log"))
        syslog.settimeout(5)
        both = {"SENTINEL_AUDIT_SINKS": "file,stderr,syslog", "SENTINEL_AUDIT_SYSLOG": str(tmp_path / "log")}
        done = home.run("credentials", "--profile", "dev", **both)
        assert done.code == 0
        assert actions(done.err.splitlines()) == ["opened", "intent", "outcome", "served", "checkpoint"]
        assert home.run("audit", "ship", **both).code == 0
        assert b" sentinel " in syslog.recv(65536)


def test_stderr_can_be_the_only_log(home: Deployment) -> None:
    done = home.run("credentials", "--profile", "dev", SENTINEL_AUDIT_SINKS="stderr")
    assert done.code == 0
    assert actions(done.err.splitlines()) == ["opened", "intent", "outcome", "served", "checkpoint"]
    assert not directory(home).exists()


def test_commands_one_after_another_leave_one_file(home: Deployment) -> None:
    for _ in range(3):
        assert home.run("credentials", "--profile", "dev").code == 0
    assert len(list(directory(home).glob("*.jsonl"))) == 1
    assert home.run("audit", "verify-logs").code == 0
