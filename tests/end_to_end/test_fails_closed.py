"""What cannot be verified is not served, in time for every SDK, and serving goes on when the fault ends.

One `exec --server` lives through all of it: nothing here needs a restart.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from sentinel_server.sandbox.aws import FaultName
from sentinel_server.sandbox.seed import POLICIES, TABLE
from tests.fakes.deployment import Deployment, Door, Fetched, deployment
from tests.fakes.forks import Forks
from tests.fakes.processes import until
from tests.fakes.relay import Relay

IN_TIME = 0.8
"""Seconds within which every fetch is answered: JS v2, Java, PHP and C++ give up after one."""
TRIES = 3
"""Rounds of fetches, each answered in time, of which one has to hear the reason itself."""
POLICY_AGE = 5.0
"""Seconds that a policy may be old here, and an SSM policy at least."""
FAULTS: tuple[FaultName, ...] = (
    "throttle",
    "deny",
    "drop",
    "reset",
    "error500",
    "wrong-json",
    "unprocessed",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> Iterator[Deployment]:
    """A home with its sessions in DynamoDB and its policies in SSM."""
    with deployment(tmp_path_factory.mktemp("home"), shared=True, forks=forks) as made:
        yield made


@pytest.fixture(scope="module")
def dynamodb(home: Deployment) -> Iterator[Relay]:
    with Relay(home.aws.url) as relay:
        yield relay


@pytest.fixture(scope="module")
def ssm(home: Deployment) -> Iterator[Relay]:
    with Relay(home.aws.url) as relay:
        yield relay


@pytest.fixture(scope="module")
def living(home: Deployment, dynamodb: Relay, ssm: Relay) -> Iterator[Door]:
    """The one session, with a way to each service that can be closed."""
    with home.door(
        AWS_ENDPOINT_URL_DYNAMODB=dynamodb.url,
        AWS_ENDPOINT_URL_SSM=ssm.url,
        SENTINEL_POLICY_MAX_AGE=f"{POLICY_AGE:.0f}s",
    ) as door:
        yield door


@pytest.fixture
def door(home: Deployment, living: Door, dynamodb: Relay, ssm: Relay) -> Iterator[Door]:
    """The session, serving before and after."""
    assert living.fetch().status == 200
    yield living
    home.aws.heal()
    dynamodb.mend()
    ssm.mend()
    until(lambda: living.fetch().status == 200, "it serves again")


def several(door: Door) -> list[Fetched]:
    """Fetches one after another, and at once."""
    with ThreadPoolExecutor(4) as pool:
        asked = [door.fetch_once(), *pool.map(lambda _: door.fetch_once(), range(4))]
        return [*asked, door.fetch_once()]


def all_in_time(door: Door, status: int, code: str) -> None:
    """Whoever fetches is answered so, and in time. Nobody who may not be is ever served."""
    tries = 0
    while True:
        fetches, tries = several(door), tries + 1
        assert status == 200 or 200 not in {fetch.status for fetch in fetches}
        assert max(fetch.seconds for fetch in fetches) <= IN_TIME
        if tries == TRIES or not any(unheard(fetch, code) for fetch in fetches):
            break
    assert {(fetch.status, fetch.code) for fetch in fetches} == {(status, code)}


def unheard(fetch: Fetched, code: str) -> bool:
    """Whether it was told that time was short, in the place of `code`: other tests keep the machine busy."""
    return fetch.code != code and "answer within" in fetch.body.get("Message", "")


def all_refused_in_time(door: Door, code: str) -> None:
    all_in_time(door, 500, code)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_store_with_a_fault_serves_nobody(home: Deployment, door: Door, kind: FaultName) -> None:
    home.aws.fail(service="dynamodb", kind=kind)
    all_refused_in_time(door, "StoreUnavailable")


def test_a_store_that_is_slow_serves_nobody(home: Deployment, door: Door) -> None:
    home.aws.fail(service="dynamodb", kind="latency", seconds=1.0)
    all_refused_in_time(door, "StoreUnavailable")


def test_a_door_that_opens_waits_for_a_slow_store(home: Deployment, door: Door) -> None:
    home.aws.fail(service="dynamodb", kind="latency", seconds=1.0)
    assert home.run("credentials", "--profile", "dev").code == 0


@pytest.mark.parametrize("end", [Relay.stop, Relay.hang], ids=["stopped", "silent"])
def test_a_store_that_is_gone_serves_nobody(
    door: Door, dynamodb: Relay, end: Callable[[Relay], None]
) -> None:
    end(dynamodb)
    all_refused_in_time(door, "StoreUnavailable")


def test_a_session_whose_row_is_gone_gets_nothing(home: Deployment, door: Door) -> None:
    table, key = home.root("dynamodb"), {"id": {"S": door.session}}
    row = table.get_item(TableName=TABLE, Key=key)["Item"]
    table.delete_item(TableName=TABLE, Key=key)
    all_refused_in_time(door, "SessionMissing")
    table.put_item(TableName=TABLE, Item=row)


def test_a_revocation_behind_a_fault_is_found_when_it_ends(home: Deployment, door: Door) -> None:
    """In a session of its own, because a revocation has no end."""
    with home.door() as other:
        home.aws.fail(service="dynamodb", kind="drop", operation="BatchGetItem")
        assert other.fetch().status == 500
        home.revoke(other.session)
        assert other.fetch().status == 500
        home.aws.heal()
        found = until(lambda: one if (one := other.fetch()).status != 500 else None, "the store answers")
        assert (found.status, found.code) == (403, "SessionRevoked")
        assert door.fetch().status == 200


def refused_from(door: Door, since: float) -> None:
    """Fetch until refused; fails if anything is served from a policy that is too old."""
    while (began := time.monotonic()) and door.fetch_once().status == 200:
        assert began - since <= POLICY_AGE
        threading.Event().wait(0.05)


@pytest.mark.parametrize("end", [Relay.stop, Relay.hang], ids=["stopped", "silent"])
def test_without_its_source_a_policy_lasts_as_long_as_it_may(
    door: Door, ssm: Relay, end: Callable[[Relay], None]
) -> None:
    end(ssm)
    refused_from(door, time.monotonic())
    all_refused_in_time(door, "PolicyUnavailable")


def test_a_source_that_denies_ends_the_serving(home: Deployment, door: Door) -> None:
    home.aws.fail(service="ssm", kind="deny")
    refused_from(door, time.monotonic())
    all_refused_in_time(door, "PolicyUnavailable")


def test_a_policy_changed_in_a_slow_source_is_in_force_in_time(home: Deployment, door: Door) -> None:
    """A slow load ends between fetches, so what it brings may be served, and only that."""
    ssm, name = home.root("ssm"), "/sentinel/policies/prod"
    ssm.put_parameter(Name=name, Value=POLICIES["admin"], Type="String", Overwrite=True)
    changed = time.monotonic()
    home.aws.fail(service="ssm", kind="latency", seconds=1.0)
    while (began := time.monotonic()) - changed <= POLICY_AGE + 2:
        assert door.fetch_once().status != 200 or began - changed <= POLICY_AGE
        threading.Event().wait(0.05)
    assert door.fetch().code in ("PolicyDenied", "PolicyUnavailable")
    home.aws.heal()
    ssm.put_parameter(Name=name, Value=POLICIES["prod"], Type="String", Overwrite=True)


@pytest.mark.parametrize("kind", ["deny", "drop", "throttle"])
def test_without_sts_what_is_still_allowed_is_served_from_the_cache(
    home: Deployment, door: Door, kind: FaultName
) -> None:
    home.aws.fail(service="sts", kind=kind)
    all_in_time(door, 200, "Success")


@pytest.mark.parametrize("service", ["sts", "ssm", "dynamodb"])
def test_nothing_starts_while_something_cannot_be_asked(home: Deployment, door: Door, service: str) -> None:
    home.aws.fail(service=service, kind="error500")
    done = home.run("exec", "--server", "--profile", "prod", "--", "echo", "started")
    assert (done.code, done.out) == (6, "")
    assert door.running.process.poll() is None
