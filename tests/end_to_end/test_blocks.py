"""A blocked person, profile or everybody is refused at every door, new and running; lifting lets in again."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fakes.deployment import Deployment, Door, Ran, deployment
from tests.fakes.forks import Forks

DOORS = {
    "credentials": ("credentials", "--profile", "dev"),
    "exec": ("exec", "--profile", "dev", "--", "echo", "started"),
    "exec --server": ("exec", "--server", "--profile", "dev", "--", "echo", "started"),
}
"""Every door there is, for a profile that all of them serve."""


@pytest.fixture(scope="module", params=["sqlite", "dynamodb"])
def home(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, forks: Forks
) -> Iterator[Deployment]:
    """A home with its sessions in either store."""
    shared = request.param == "dynamodb"
    with deployment(tmp_path_factory.mktemp("home"), shared=shared, forks=forks) as made:
        yield made


def at_every_door(home: Deployment) -> dict[str, Ran]:
    with ThreadPoolExecutor(len(DOORS)) as pool:
        return dict(zip(DOORS, pool.map(lambda words: home.run(*words), DOORS.values()), strict=True))


def blocks(home: Deployment, *words: str) -> None:
    done = home.run("server-revoke", *words, "--reason", "INC-42 phished", "--yes")
    assert done.code == 0, done.err


def refused_inside(door: Door) -> None:
    answer = door.fetch()
    assert (answer.status, answer.code) == (403, "Blocked")
    assert "INC-42 phished" in answer.body["message"]


@pytest.mark.parametrize(
    ("who", "lifted"),
    [(("--user", "dev"), "person"), (("--profile", "dev"), "profile:dev"), (("--all",), "everyone")],
    ids=["person", "profile", "everyone"],
)
def test_who_is_blocked_is_refused_at_every_door(home: Deployment, who: tuple[str, ...], lifted: str) -> None:
    with home.door(profile="dev") as door:
        assert door.fetch().status == 200
        blocks(home, *who)
        refused_inside(door)
        for name, done in at_every_door(home).items():
            assert (name, done.code, done.out) == (name, 5, "")
            assert "INC-42 phished" in done.err
            assert done.last.startswith("sentinel: next: ")
        refused_inside(door)
        key = f"person:iam:{home.aws.account_id}:dev" if lifted == "person" else lifted
        lifting = home.run("server-unblock", key, "--yes")
        assert lifting.code == 0, lifting.err
        for name, done in at_every_door(home).items():
            assert (name, done.code) == (name, 0), done.err
        after = door.fetch()
        assert (after.status, after.code) == (403, "SessionRevoked")


def test_a_block_on_another_profile_stops_nobody_here(home: Deployment) -> None:
    blocks(home, "--profile", "prod")
    assert {done.code for done in at_every_door(home).values()} == {0}
    assert home.run("exec", "--server", "--profile", "prod", "--", "true").code == 5
