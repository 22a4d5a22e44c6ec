"""Real processes, killed: what a server or AWS leaves behind when it had no time to say anything."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.deployment import DOOR, Deployment, Fetched, Served, deployment, session_of
from tests.fakes.processes import REPOSITORY, Running, sentinel, started, until

IN_TIME = 0.9
"""Seconds within which every fetch is answered, with a tenth for the client."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployment(tmp_path_factory.mktemp("home"), shared=True) as made:
        yield made


def test_a_server_that_is_killed_serves_nobody_can_be_cut_off_and_keeps_nobody_from_starting(
    home: Deployment,
) -> None:
    with home.door() as door:
        assert door.fetch().status == 200
        door.running.send(signal.SIGKILL)
        door.running.wait()
        with pytest.raises((OSError, http.client.HTTPException)):
            door.fetch()
        home.revoke(door.session)
        listed = home.run("server-session", door.session, "--output", "json")
        assert listed.json["revoked_reason"] == "INC-42 laptop stolen"
    with home.door() as after:
        assert after.fetch().status == 200
    assert home.run("audit", "verify-logs").code == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """A session, and the process of the AWS that it asks."""

    aws: Running
    door: Served


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Apart]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}  # noqa: TID251
    inherited["PYTHONPATH"] = str(REPOSITORY)
    (tmp_path / "home").mkdir()
    argv = [sys.executable, "-m", "tests.fakes.aws_process", str(tmp_path / "home")]
    with started(argv, env=inherited, into=tmp_path / "aws", talk=True) as aws:
        env = json.loads(aws.wait_for(r"^home (.*)$", within=60)[1])
        served = sentinel("exec", "--server", "--profile", "prod", "--", "sh", "-c", DOOR)
        with started(served, env=env, into=tmp_path / "exec", talk=True) as running:
            told = running.wait_for(r"^door (\S+) (\S+)$", within=60)
            yield Apart(aws=aws, door=Served(session=session_of(running), url=told[1], token=told[2]))


def refused(answer: Fetched) -> None:
    assert (answer.status, answer.body["Code"]) == (500, "StoreUnavailable")
    assert answer.seconds <= IN_TIME


def test_an_aws_that_is_stopped_or_killed_is_said_to_be_gone_in_time(apart: Apart) -> None:
    assert apart.door.fetch().status == 200
    apart.aws.stop()
    refused(apart.door.fetch_once())
    refused(apart.door.fetch_once())
    apart.aws.send(signal.SIGCONT)
    until(lambda: apart.door.fetch().status == 200, "it serves again, without a restart")
    apart.aws.send(signal.SIGKILL)
    apart.aws.wait()
    refused(apart.door.fetch_once())
    refused(apart.door.fetch_once())
