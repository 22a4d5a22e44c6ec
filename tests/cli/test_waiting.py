"""Waiting for a decision: what is said meanwhile, and how it ends when nobody decides or nobody can tell."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from cli.waiting import LONGEST, PATIENCE, refused, wait_for
from sentinel_server.errors import LoginRequired, SentinelError, StoreUnavailable
from sentinel_server.records.memory import MemoryRecords
from sentinel_server.records.model import Ref, Row
from sentinel_server.requests.deciding import approve, cancel, deny
from sentinel_server.requests.desk import read_one
from sentinel_server.requests.model import REQUEST_TTL, AccessRequest, Status
from sentinel_server.settings.environ import process_environ
from tests.fakes.approvers import WHY, staff, team
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.command_line import CommandLine
from tests.fakes.request_desk import Office
from tests.fakes.requests import ALICE, BOB

SILENT = StoreUnavailable("the store does not answer", hint="try again")


class Shaky(MemoryRecords):
    """Records that fail as often as a test says."""

    failing: int = 0
    why: SentinelError = SILENT

    async def get(self, refs: Sequence[Ref]) -> Mapping[Ref, Row]:
        """The rows, or the failure."""
        if self.failing:
            self.failing -= 1
            raise self.why
        return await super().get(refs)


@dataclass(slots=True)
class Patient:
    """Somebody who waits; what happens meanwhile is a list, one deed for each pause."""

    office: Office
    meanwhile: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    async def pause(self, seconds: float) -> None:
        """Let the time go by, and the next thing happen."""
        self.pauses.append(seconds)
        self.office.clock.pass_(timedelta(seconds=seconds))
        if self.meanwhile:
            await self.meanwhile.pop(0)()

    async def wait(self, request: AccessRequest) -> AccessRequest:
        """How it ended."""
        return await wait_for(self.office.desk(), request, self.pause)


@pytest.fixture
def records() -> Shaky:
    """Records that fail when told."""
    return Shaky()


@pytest.fixture
def patient(records: Shaky) -> Patient:
    """Somebody who waits at an office with those records."""
    return Patient(Office(records=records))


async def nothing() -> None:
    """Nobody does anything."""


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.removeprefix("sentinel: ") for line in capsys.readouterr().err.splitlines()]


async def test_waiting_ends_with_the_approval_and_says_whose_it_was(
    patient: Patient, capsys: pytest.CaptureFixture[str]
) -> None:
    request = await patient.office.asked()
    patient.meanwhile = [nothing, lambda: approve(patient.office.desk(), request.id, BOB, "looks right")]
    final = await patient.wait(request)
    assert final.status(patient.office.clock.now()) is Status.APPROVED
    assert said(capsys)[1:] == [f"approved by {BOB.person}: looks right"]


async def test_looks_become_rarer_and_never_rarer_than_promised(patient: Patient) -> None:
    request = await patient.office.asked()
    patient.meanwhile = [nothing] * 30 + [lambda: deny(patient.office.desk(), request.id, BOB, "no")]
    await patient.wait(request)
    assert patient.pauses[0] < patient.pauses[6]
    assert max(patient.pauses) <= LONGEST * 1.25


@pytest.mark.parametrize("fails", [1, PATIENCE - 1])
async def test_a_store_that_fails_for_a_while_is_said_once_and_waited_out(
    patient: Patient, records: Shaky, fails: int, capsys: pytest.CaptureFixture[str]
) -> None:
    request = await patient.office.asked()

    async def fail() -> None:
        records.failing = fails

    patient.meanwhile = [fail, *[nothing] * fails, lambda: approve(patient.office.desk(), request.id, BOB)]
    final = await patient.wait(request)
    assert final.status(patient.office.clock.now()) is Status.APPROVED
    assert said(capsys)[1:] == [
        "warning: the store does not answer; still waiting",
        "the store answers again",
        f"approved by {BOB.person}",
    ]


async def test_a_store_that_fails_for_long_ends_the_waiting_and_leaves_the_request(
    patient: Patient, records: Shaky
) -> None:
    request = await patient.office.asked()
    records.failing = PATIENCE
    with pytest.raises(StoreUnavailable) as caught:
        await patient.wait(request)
    assert caught.value.exit_status == 6
    assert f"nobody waits any more for request {request.id}" in caught.value.message
    assert f"sentinel check {request.id}; take it back: sentinel cancel {request.id}" in caught.value.hint
    left = await read_one(records, request.id)
    assert left.status(patient.office.clock.now()) is Status.PENDING


async def test_what_only_a_person_can_mend_ends_the_waiting_at_once(patient: Patient, records: Shaky) -> None:
    request = await patient.office.asked()
    records.failing, records.why = 1, LoginRequired("the login has lapsed", hint="log in: sentinel sso login")
    with pytest.raises(LoginRequired) as caught:
        await patient.wait(request)
    assert caught.value.hint.startswith("log in: sentinel sso login; then see it: sentinel check ")


async def test_what_nobody_decides_expires(patient: Patient) -> None:
    request = await patient.office.asked()

    async def a_day() -> None:
        patient.office.clock.pass_(REQUEST_TTL)

    patient.meanwhile = [nothing, a_day]
    final = await patient.wait(request)
    now = patient.office.clock.now()
    assert final.status(now) is Status.EXPIRED
    error = refused(final, now)
    assert error.exit_status == 3
    assert "expired: nobody decided until" in error.message
    assert error.hint == "ask anew: sentinel request --profile prod --justification WHY"


async def test_an_approval_in_the_last_moment_counts_though_it_is_seen_after_the_end(
    patient: Patient, records: Shaky
) -> None:
    request = await patient.office.asked()

    async def just_in_time() -> None:
        patient.office.clock.time = request.expires_at - timedelta(seconds=1)
        await approve(patient.office.desk(), request.id, BOB)
        patient.office.clock.pass_(timedelta(seconds=9))
        records.failing = 2

    patient.meanwhile = [just_in_time]
    final = await patient.wait(request)
    assert final.status(patient.office.clock.now()) is Status.APPROVED


async def test_what_its_requester_takes_back_elsewhere_is_said(patient: Patient) -> None:
    request = await patient.office.asked()
    patient.meanwhile = [lambda: cancel(patient.office.desk(), request.id, ALICE, "not needed")]
    error = refused(await patient.wait(request), patient.office.clock.now())
    assert f"was cancelled by {ALICE.person}: not needed" in error.message
    assert error.hint == f"see it: sentinel check {request.id}"


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    """An embedded AWS with the user `dev`."""
    with embedded_aws() as sandbox:
        yield sandbox


def test_ctrl_c_leaves_the_request_open_and_says_how_to_go_on(sentinel: CommandLine, aws: Sandbox) -> None:
    people = team(sentinel, aws, staff(aws))
    command = [sys.executable, "-m", "cli.main", "request", "--profile", "prod", "--justification", WHY]
    with subprocess.Popen(
        [*command, "--wait"],
        env=dict(process_environ()),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as waiting:
        assert waiting.stderr is not None
        assert "Ctrl-C leaves the request open" in waiting.stderr.readline()
        os.kill(waiting.pid, signal.SIGINT)
        last = waiting.stderr.read()
    assert waiting.returncode == 130
    (request,) = people("list", "--json").json["requests"]
    assert request["status"] == "pending"
    assert last.split("\n")[0] == (
        f"sentinel: request {request['id']} stays open; see it: sentinel check {request['id']}; "
        f"take it back: sentinel cancel {request['id']}"
    )
    assert last.endswith("sentinel: interrupted\n")
