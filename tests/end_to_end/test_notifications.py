"""Proof by real processes: a receiver that fails, stalls and redirects, and senders that are killed.

Nothing is lost, and by the code of `docs/notifications.md` nothing is trusted twice.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sentinel_server.settings.environ import process_environ
from tests.fakes.notice_driver import DELIVERY
from tests.fakes.processes import sentinel, started, until
from tests.fakes.receiver import KEY_VARIABLE, Posted, Receiver, hangs_up, receiving_elsewhere, says
from tests.fakes.verifying import verification

KEY = "k" * 40
verified: Callable[..., Any] = verification()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving_elsewhere() as running:
        yield running


@pytest.fixture
def environment(receiver: Receiver, tmp_path: Path) -> Mapping[str, str]:
    """A machine of its own, that tells the receiver of everything."""
    return {
        "PATH": process_environ()["PATH"],
        "HOME": str(tmp_path),
        "AWS_EC2_METADATA_DISABLED": "true",
        KEY_VARIABLE: KEY,
        "SENTINEL_NOTIFICATIONS_TO": f"hook webhook {receiver.url} key=env:{KEY_VARIABLE}",
    }


def trusted(posts: list[Posted]) -> list[str]:
    """The types of all events that a receiver acts on which does as the page says."""
    seen: set[str] = set()

    def first_time(delivery: str) -> bool:
        new = delivery not in seen
        seen.add(delivery)
        return new

    events = [verified([KEY.encode()], posted.headers, posted.body, first_time) for posted in posts]
    return [event["type"] for event in events if event is not None]


def killed(how: str, moment: Callable[[], object], environment: Mapping[str, str], into: Path) -> None:
    """Ask for access in a process that is killed, without a chance to do anything, at this moment."""
    argv = [sys.executable, "-m", "tests.fakes.notice_driver", how]
    with started(argv, env=environment, into=into) as driver:
        driver.wait_for("^written$")
        until(lambda: moment() or None, "the moment to kill it")
        driver.send(signal.SIGKILL)
        assert driver.wait() == -signal.SIGKILL


def flushed(environment: Mapping[str, str], into: Path, *words: str) -> tuple[int, Any]:
    """Exit status and report of `notify flush`, in a process of its own."""
    argv = sentinel("notify", "flush", "--json", *words)
    with started(argv, env=environment, into=into) as running:
        status = running.wait()
        return status, json.loads(running.out())


def test_29_a_sender_killed_between_write_and_delivery_loses_nothing(
    receiver: Receiver, environment: Mapping[str, str], tmp_path: Path
) -> None:
    killed("wait", lambda: True, environment, tmp_path / "driver")
    assert receiver.got == []
    status, report = flushed(environment, tmp_path / "flush")
    assert (status, [each["outcome"] for each in report["deliveries"]]) == (0, ["delivered"])
    assert [posted.delivery for posted in receiver.got] == [DELIVERY]
    assert trusted(receiver.got) == ["request.created"]


def test_29_a_sender_killed_while_the_receiver_stalls_is_heard_once(
    receiver: Receiver, environment: Mapping[str, str], tmp_path: Path
) -> None:
    receiver.stalled.clear()  # nobody waits for it yet, so this is safe from another thread
    killed("deliver", lambda: receiver.got, environment, tmp_path / "driver")
    receiver.stalled.set()
    status, _ = flushed(environment, tmp_path / "flush")
    assert status == 0
    assert [posted.delivery for posted in receiver.got] == [DELIVERY, DELIVERY], "rather twice than never"
    assert trusted(receiver.got) == ["request.created"]


def test_30_a_receiver_that_fails_in_every_way_hears_of_everything_once_it_works(
    receiver: Receiver, environment: Mapping[str, str], tmp_path: Path
) -> None:
    with receiving_elsewhere() as elsewhere:
        killed("wait", lambda: True, environment, tmp_path / "driver")
        ways = {
            "fails": says(500),
            "redirects": says(307, Location=elsewhere.url),
            "is busy": says(429, Retry_After="3600"),
            "hangs up": hangs_up,
            "refuses": says(403),
        }
        for number, (way, answer) in enumerate(ways.items()):
            receiver.otherwise = answer
            status, report = flushed(environment, tmp_path / f"flush-{number}", "--early", "--within", "8s")
            assert (way, status) == (way, 1)
            (waiting,) = report["waiting"]
            assert (waiting["delivery"], waiting["attempts"]) == (DELIVERY, number + 1)
        receiver.otherwise = says(204)
        before = len(receiver.got)
        status, report = flushed(environment, tmp_path / "last", "--early")
        assert (status, report["waiting"]) == (0, [])
        assert elsewhere.got == [], "a redirect leads nowhere"
    assert {posted.delivery for posted in receiver.got} == {DELIVERY}
    assert trusted(receiver.got[before:]) == ["request.created"]


def test_two_flushes_at_once_tell_it_once(
    receiver: Receiver, environment: Mapping[str, str], tmp_path: Path
) -> None:
    killed("wait", lambda: True, environment, tmp_path / "driver")
    argv = sentinel("notify", "flush", "--json")
    with (
        started(argv, env=environment, into=tmp_path / "one") as one,
        started(argv, env=environment, into=tmp_path / "two") as two,
    ):
        assert {one.wait(), two.wait()} <= {0, 1}
    assert [posted.delivery for posted in receiver.got] == [DELIVERY]
