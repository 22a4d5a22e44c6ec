"""Where a store is opened, its ledgers are found: in its file, in tables beside it, or elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from sentinel_server import wiring
from sentinel_server.adapters.aws.provisioner import DynamoDbProvisioner
from sentinel_server.clock import SystemClock
from sentinel_server.errors import StoreUnavailable
from sentinel_server.provisioning.apply import apply
from sentinel_server.provisioning.desired import ledger_table, sessions_table
from sentinel_server.records.model import RETENTION, Change, Ledger, kept
from sentinel_server.sessions.model import BlockKey, Scope
from sentinel_server.settings.environ import read_settings
from sentinel_server.settings.resolve import Settings
from sentinel_server.wiring.principals import Visitor, open_base
from sentinel_server.wiring.stores import StoreOpener
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.dynamodb_local import client_at
from tests.fakes.ledgers import a_ref, made
from tests.fakes.sessions import a_block

REQUEST, EMERGENCY = a_ref(1), a_ref(1, Ledger.BREAKGLASS)
EVERYONE, PROD = BlockKey(scope=Scope.EVERYONE), BlockKey(scope=Scope.PROFILE, name="prod")
SHARED = "dynamodb://us-east-1/sentinel-"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """An embedded AWS with a table for sessions, one for each ledger, and a rule's own."""
    with embedded_aws() as running:
        tables = [sessions_table(), sessions_table("own-table"), *map(ledger_table, Ledger)]

        async def make() -> None:
            async with client_at(running.aws.url, running.aws.root) as client:
                for table in tables:
                    await apply(DynamoDbProvisioner(client, poll=0.02), table)

        asyncio.run(make())
        yield running


@pytest.fixture
def environment(sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "config").write_text(f"[default]\nregion = us-east-1\nendpoint_url = {sandbox.aws.url}\n")
    keys = sandbox.aws.root
    (tmp_path / "credentials").write_text(
        f"[default]\naws_access_key_id = {keys.access_key_id}\n"
        f"aws_secret_access_key = {keys.secret_access_key}\n"
    )
    return {
        "HOME": str(tmp_path),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def settings(environment: dict[str, str], **flags: str) -> Settings:
    return read_settings({"region": "us-east-1", **flags}, environment)


async def seen_together(settings: Settings) -> None:
    """What is committed through the one is seen by one look through the other."""
    async with wiring.open_records(settings) as records, wiring.open_store(settings) as store:
        found = await records.get([REQUEST, EMERGENCY])
        for ref in {REQUEST, EMERGENCY} - set(found):
            assert await records.commit([made(ref)])
        rows = await records.get([REQUEST, EMERGENCY])
        assert len(rows) == 2
        standing = await store.standing(None, (), [REQUEST, EMERGENCY])
        assert standing.rows == rows


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"store": SHARED},
        {"request_table": "sentinel-requests"},
        {"store": SHARED, "breakglass_table": "arn:aws:dynamodb:us-east-1:{}:table/sentinel-breakglass"},
    ],
    ids=["one file", "one place", "requests elsewhere", "emergencies by ARN"],
)
async def test_a_look_shows_the_ledgers_wherever_they_are(
    sandbox: Sandbox, environment: dict[str, str], flags: dict[str, str]
) -> None:
    told = {name: text.format(sandbox.aws.account_id) for name, text in flags.items()}
    await seen_together(settings(environment, **told))


async def test_a_file_forgets_by_the_clock_that_aws_has_corrected(environment: dict[str, str]) -> None:
    behind, right = SystemClock(), SystemClock()
    right.observe(behind.now() + timedelta(days=30))
    until = kept(behind.now(), timedelta(days=1))
    for clock, left in ((behind, {REQUEST}), (right, set())):
        async with wiring.open_records(settings(environment), clock) as records:
            if clock is behind:
                assert await records.commit([made(REQUEST, **{RETENTION: until})])
            seen = (await records.get([EMERGENCY])).get(EMERGENCY)
            assert await records.commit([Change(ref=EMERGENCY, seen=None if seen is None else seen.version)])
            assert set(await records.get([REQUEST])) == left


async def test_a_file_of_this_machine_needs_no_aws(sandbox: Sandbox, environment: dict[str, str]) -> None:
    sandbox.aws.forget_calls()
    await seen_together(settings({**environment, "AWS_PROFILE": "no-such-profile"}))
    assert not sandbox.aws.calls_to("dynamodb", "BatchGetItem")


async def test_one_request_reads_blocks_and_ledgers(sandbox: Sandbox, environment: dict[str, str]) -> None:
    """Asked without a session, as when a door opens: nothing is hurried then, and nothing hedged."""
    shared = settings(environment, store=SHARED)
    async with wiring.open_records(shared) as records, wiring.open_store(shared) as store:
        await records.commit([made(a_ref(5))])
        await store.block(a_block(EVERYONE))
        sandbox.aws.forget_calls()
        standing = await store.standing(None, [EVERYONE], [a_ref(5)])
        assert (standing.blocks, list(standing.rows)) == ((a_block(EVERYONE),), [a_ref(5)])
        assert len(sandbox.aws.calls_to("dynamodb", "BatchGetItem")) == 1


async def test_a_rules_own_table_does_not_move_the_ledgers(environment: dict[str, str]) -> None:
    """Not even one that is named in full, of which nobody knows here that it is in the same place."""
    embedded = settings(environment)
    async with AsyncExitStack() as stack:
        base = await open_base(stack, embedded, "default", SystemClock(), Visitor())
        opener = StoreOpener(stack, embedded, base, "us-east-1", SystemClock())
        records = await opener.ledgers()
        assert await opener.ledgers() is records
        assert await records.commit([made(REQUEST)])
        own = await opener("own-table")
        await own.block(a_block(EVERYONE))
        standing = await own.standing(None, [EVERYONE], [REQUEST])
        assert (standing.blocks, list(standing.rows)) == ((a_block(EVERYONE),), [REQUEST])


async def test_ledgers_of_another_account_are_refused(environment: dict[str, str]) -> None:
    elsewhere = settings(
        environment, request_table="arn:aws:dynamodb:us-east-1:999999999999:table/sentinel-requests"
    )
    with pytest.raises(StoreUnavailable, match="asked with credentials of account"):
        async with wiring.open_records(elsewhere):
            pass


async def test_ledgers_that_cannot_be_opened_hinder_only_those_who_need_them(
    environment: dict[str, str],
) -> None:
    far = "arn:aws:dynamodb:us-east-1:999999999999:table/sentinel-requests"
    async with wiring.open_store(settings(environment, store=SHARED, request_table=far)) as store:
        assert (await store.standing(None, [PROD])).blocks == ()
        with pytest.raises(StoreUnavailable, match="asked with credentials of account"):
            await store.standing(None, [PROD], [REQUEST])


async def test_a_missing_table_is_an_error_and_never_no_rows(environment: dict[str, str]) -> None:
    nowhere = settings(environment, store=SHARED, request_table="no-such-table")
    async with wiring.open_records(nowhere) as records:
        with pytest.raises(StoreUnavailable, match="no table no-such-table"):
            await records.get([REQUEST])
        with pytest.raises(StoreUnavailable, match="no table no-such-table"):
            await records.commit([made(REQUEST)])
        assert await records.get([a_ref(9, Ledger.BREAKGLASS)]) == {}
