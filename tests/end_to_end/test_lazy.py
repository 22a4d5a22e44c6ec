"""`exec --server --lazy`: the command runs at once, and its first fetch finds whether it may."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.fakes.deployment import Deployment, Door, Fetched, deployment
from tests.fakes.processes import until


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A home with its sessions in SQLite."""
    with deployment(tmp_path_factory.mktemp("home"), shared=False) as made:
        yield made


def settled(door: Door) -> Fetched:
    """The first answer that was not too late, as on a busy machine some are; SDKs ask again too."""
    return next(answer for answer in iter(door.fetch, None) if answer.code != "TooLate")


def sessions(home: Deployment) -> set[str]:
    """The sessions of prod."""
    listed = home.run("server-sessions", "--output", "json", "--profile", "prod").json
    return {row["id"] for row in listed["sessions"]}


def test_the_first_fetch_waits_until_it_can_be_decided_and_is_served(home: Deployment) -> None:
    before = sessions(home)
    with home.a_door("--lazy") as door:
        assert settled(door).status == 200
        assert "serving prod on port" in door.running.err()
        assert len(sessions(home) - before) == 1


@pytest.mark.parametrize(
    ("env", "code"),
    [
        ({"SENTINEL_STORE": "sqlite:///proc/no.db"}, "StoreUnavailable"),
        ({"SENTINEL_POLICIES": "file:///nowhere"}, "PolicyUnavailable"),
        ({"SENTINEL_AUDIT_DIRECTORY": "/proc/no"}, "AuditUnavailable"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_opened_refuses_every_fetch_and_says_why(
    home: Deployment, env: dict[str, str], code: str
) -> None:
    with home.a_door("--lazy", **env) as door:
        answer = settled(door)
        assert (answer.status, answer.code) == (500, code)
        door.running.wait_for("^sentinel: refused: ")


def test_a_door_that_could_not_be_opened_is_opened_as_soon_as_it_can_be(
    home: Deployment, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "logs"
    in_the_way.touch()
    with home.a_door("--lazy", SENTINEL_AUDIT_DIRECTORY=str(in_the_way / "audit")) as door:
        assert settled(door).code == "AuditUnavailable"
        in_the_way.unlink()
        assert until(lambda: answered(door) == "Success", "the log can be written again")
        door.running.wait_for("^sentinel: serving again$")


def answered(door: Door) -> str:
    """What a fetch comes to, also while one server takes the place of another."""
    try:
        return door.fetch().code
    except (OSError, HTTPException):
        return "nothing"


def test_a_command_that_ends_before_anything_is_ready_ends_like_any_other(home: Deployment) -> None:
    ran = home.run("exec", "--server", "--lazy", "--profile", "prod", "--", "sh", "-c", "exit 7")
    assert ran.code == 7
    assert "Traceback" not in ran.err
    assert ran.last.endswith("from the first fetch on")


def test_what_is_no_profile_or_cannot_be_run_is_said_before_or_instead(home: Deployment) -> None:
    lazily = ("exec", "--server", "--lazy", "--profile")
    assert home.run(*lazily, "nobody", "--", "true").code == 2
    assert home.run(*lazily, "prod", "--", "no-such-command").code == 127
