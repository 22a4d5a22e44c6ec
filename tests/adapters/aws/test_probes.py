"""What is seen of AWS from here while nothing changes: who answers, what is refused, how tables are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sentinel_server.adapters.aws.clients import AwsSession
from sentinel_server.adapters.aws.probes import (
    NOBODY,
    TableProbe,
    Unreached,
    reach,
    try_parameter,
    try_table,
)
from sentinel_server.adapters.aws.provisioner import DynamoDbProvisioner
from sentinel_server.clock import SystemClock
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.diagnosis.aws import Outcome
from sentinel_server.errors import UpstreamFailed
from sentinel_server.provisioning.apply import apply
from sentinel_server.provisioning.desired import sessions_table
from sentinel_server.provisioning.plan import Guard
from sentinel_server.secret import Secret
from tests.fakes.aws import Sandbox, embedded_aws

TABLE = "sentinel-sessions"
NO_FILES = (Path("/dev/null"), Path("/dev/null"))


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with embedded_aws() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    """An embedded AWS that does as it should, until a test says otherwise."""
    yield running
    running.aws.heal()


@pytest.fixture
async def aws(sandbox: Sandbox) -> AwsSession:
    """Clients of the developer, and a sessions table as it must be."""

    async def keys() -> AwsCredentials:
        return AwsCredentials(
            access_key_id=sandbox.dev.access_key_id,
            secret_access_key=Secret(sandbox.dev.secret_access_key),
            session_token=None,
            expires_at=None,
        )

    urls = dict.fromkeys(("dynamodb", "ssm", "sts"), sandbox.aws.url)
    session = AwsSession(region=sandbox.aws.region, credentials=keys, endpoints=urls, config_files=NO_FILES)
    async with session.client("dynamodb") as client:
        await apply(DynamoDbProvisioner(client, poll=0.01), sessions_table(TABLE))
    return session


@pytest.fixture
async def probe(aws: AwsSession) -> AsyncIterator[TableProbe]:
    """Looks at tables as the developer."""
    async with aws.client("dynamodb") as client:
        yield TableProbe(client)


# ---- who answers


@pytest.mark.parametrize("service", ["sts", "ssm", "dynamodb"])
async def test_a_service_answers_whoever_asks_and_tells_the_time(sandbox: Sandbox, service: str) -> None:
    found = await reach(
        service, sandbox.aws.region, sandbox.aws.url, NO_FILES, clock=SystemClock(), seconds=20
    )
    assert (found.service, f"http://{found.host}") == (service, sandbox.aws.url)
    assert found.ahead == timedelta(0)
    assert found.seconds >= 0


async def test_nothing_is_signed_to_reach_a_service(sandbox: Sandbox) -> None:
    sandbox.aws.forget_calls()
    await reach("sts", sandbox.aws.region, sandbox.aws.url, NO_FILES, clock=SystemClock(), seconds=20)
    assert sandbox.aws.calls_to("sts", "GetCallerIdentity") == []


async def test_a_service_that_fails_has_answered(sandbox: Sandbox) -> None:
    sandbox.aws.fail(service="sts", kind="error500")
    found = await reach("sts", sandbox.aws.region, sandbox.aws.url, NO_FILES, clock=SystemClock(), seconds=20)
    assert found.service == "sts"


async def test_nobody_at_an_address_is_told_with_the_address() -> None:
    with pytest.raises(Unreached) as caught:
        await reach("ssm", "us-east-1", "http://127.0.0.1:9", NO_FILES, clock=SystemClock(), seconds=2)
    assert caught.value.host == "127.0.0.1:9"
    assert "127.0.0.1:9" in str(caught.value)


# ---- what is refused


async def test_reads_that_are_allowed_are_told_so_and_find_nothing(aws: AwsSession) -> None:
    async with aws.client("dynamodb") as client:
        tried = await try_table(client, TABLE, "gsi-person")
    assert [(each.action.partition(":")[2], each.outcome) for each in tried] == [
        ("GetItem", Outcome.ALLOWED),
        ("BatchGetItem", Outcome.ALLOWED),
        ("Query", Outcome.ALLOWED),
    ]
    assert {each.on for each in tried} == {TABLE}


async def test_only_the_read_that_is_refused_is_told_refused(aws: AwsSession, sandbox: Sandbox) -> None:
    sandbox.aws.fail(service="dynamodb", kind="deny", operation="Query")
    async with aws.client("dynamodb") as client:
        tried = await try_table(client, TABLE, "gsi-person")
    assert [each.outcome for each in tried] == [Outcome.ALLOWED, Outcome.ALLOWED, Outcome.REFUSED]


async def test_a_table_that_is_not_there_refuses_nobody(aws: AwsSession) -> None:
    async with aws.client("dynamodb") as client:
        tried = await try_table(client, "sentinel-nothing", None)
    assert [(each.outcome, each.said) for each in tried] == [
        (Outcome.ABSENT, "ResourceNotFoundException")
    ] * 2


@pytest.mark.parametrize(
    ("name", "denied", "outcome"),
    [
        ("/sentinel/there", False, Outcome.ALLOWED),
        ("/sentinel/nothing", False, Outcome.ABSENT),
        ("/sentinel/there", True, Outcome.REFUSED),
    ],
)
async def test_a_parameter_is_read_missing_or_refused(
    aws: AwsSession, sandbox: Sandbox, name: str, denied: bool, outcome: Outcome
) -> None:
    sandbox.client("ssm").put_parameter(Name="/sentinel/there", Value="x", Type="String", Overwrite=True)
    if denied:
        sandbox.aws.fail(service="ssm", kind="deny")
    async with aws.client("ssm") as client:
        tried = await try_parameter(client, name)
    assert (tried.action, tried.on, tried.outcome) == ("ssm:GetParameter", name, outcome)


async def test_silence_is_no_refusal(aws: AwsSession, sandbox: Sandbox) -> None:
    sandbox.aws.fail(service="ssm", kind="drop")
    async with aws.client("ssm") as client:
        with pytest.raises(UpstreamFailed, match="ssm:GetParameter on /x: "):
            await try_parameter(client, "/x")


async def test_trying_writes_nothing(aws: AwsSession, sandbox: Sandbox) -> None:
    sandbox.aws.forget_calls()
    async with aws.client("dynamodb") as client:
        await try_table(client, TABLE, "gsi-kind")
    assert {call.operation for call in sandbox.aws.calls} == {"GetItem", "BatchGetItem", "Query"}
    table = sandbox.client("dynamodb").scan(TableName=TABLE)
    assert not [item for item in table["Items"] if NOBODY in str(item)]


# ---- how tables are


async def test_a_table_is_seen_as_it_is(probe: TableProbe) -> None:
    seen = await probe.look(TABLE)
    assert seen.may_look
    assert seen.found is not None
    assert {index.name for index in seen.found.indexes} == {index.name for index in sessions_table().indexes}
    assert (seen.hidden, seen.ttl_hidden) == (frozenset(), False)
    assert (await probe.look("sentinel-nothing")).found is None


async def test_what_is_not_shown_counts_as_hidden_and_not_as_off(probe: TableProbe, sandbox: Sandbox) -> None:
    for operation in ("DescribeContinuousBackups", "DescribeTimeToLive"):
        sandbox.aws.fail(service="dynamodb", kind="deny", operation=operation)
    seen = await probe.look(TABLE)
    assert (seen.hidden, seen.ttl_hidden) == (frozenset({Guard.POINT_IN_TIME_RECOVERY}), True)
    sandbox.aws.heal()
    assert (await probe.look(TABLE)).hidden == frozenset()


async def test_a_table_that_may_not_be_looked_at_is_told_so(probe: TableProbe, sandbox: Sandbox) -> None:
    sandbox.aws.fail(service="dynamodb", kind="deny", operation="DescribeTable")
    seen = await probe.look(TABLE)
    assert (seen.may_look, seen.found) == (False, None)


async def test_a_failure_is_no_denial(probe: TableProbe, sandbox: Sandbox) -> None:
    sandbox.aws.fail(service="dynamodb", kind="error500", operation="DescribeContinuousBackups")
    with pytest.raises(UpstreamFailed):
        await probe.look(TABLE)
