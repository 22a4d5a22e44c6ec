"""Real AWS clients work under `exec --server` and are cut off by a revocation from another process.

`docs/revocation.md` says how soon each stops; `measure_revocation.py` measures it with real waiting.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.aws_clients import Client, at_work
from tests.fakes.deployment import Deployment, deployment

ALMOST_MANDATORY = "605s"
"""A lease with 5 s to go until botocore takes no refusal lightly any more: it does so under 600 s."""
MARGIN = 15.0
"""Seconds we promise to stay within beyond that: a refused fetch takes botocore three by itself."""


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A home with its sessions in SQLite."""
    with deployment(tmp_path_factory.mktemp("local"), shared=False) as made:
        yield made


def works(client: Client) -> None:
    said = client.call()
    assert said.ok, said.text
    assert ":assumed-role/prod/sentinel-u.dev-" in said.text


def is_told_why(client: Client) -> None:
    """The parent says it whatever the client shows."""
    client.running.wait_for(rf"^sentinel: refused: session {client.session} was revoked by .*INC-42")


@pytest.mark.parametrize("name", ["boto3", "aiobotocore"])
def test_under_a_strict_lease_the_next_call_is_refused(local: Deployment, name: str) -> None:
    with at_work(local, name, "--lease", "strict") as client:
        works(client)
        works(client)
        local.revoke(client.session)
        said = client.call()
        assert not said.ok
        assert "INC-42 laptop stolen" in said.text
        is_told_why(client)


def test_a_steady_client_stops_when_its_lease_has_ten_minutes_left(local: Deployment) -> None:
    """The mechanism behind the standard lease, which is 55 s longer."""
    with at_work(local, "boto3", "--lease", ALMOST_MANDATORY) as client:
        works(client)
        local.revoke(client.session)
        said = client.call_until_refused(within=5 + MARGIN)
        assert "INC-42 laptop stolen" in said.text


@pytest.mark.parametrize("name", ["cli-v1", "cli-v2"])
def test_the_next_command_is_refused_under_any_lease(local: Deployment, name: str) -> None:
    with at_work(local, name) as client:
        works(client)
        local.revoke(client.session)
        said = client.call()
        assert not said.ok
        assert "INC-42 laptop stolen" in said.text


def test_a_new_javascript_client_is_refused_and_the_parent_says_why(local: Deployment) -> None:
    """What one has it keeps until the lease's end, and it never shows our words."""
    with at_work(local, "js-v3") as client:
        works(client)
        local.revoke(client.session)
        said = client.call("anew")
        assert not said.ok
        assert "Could not load credentials from any providers" in said.text
        is_told_why(client)


def test_what_is_not_revoked_goes_on(local: Deployment) -> None:
    with (
        at_work(local, "boto3", "--lease", "strict") as one,
        at_work(local, "boto3", "--lease", "strict") as other,
    ):
        works(one)
        works(other)
        local.revoke(one.session)
        assert not one.call().ok
        works(other)
