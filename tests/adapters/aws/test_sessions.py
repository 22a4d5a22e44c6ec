"""The DynamoDB store among people: what each role can do with it, and what it does when AWS is unwell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from sentinel_server.adapters.aws.clients import AwsSession
from sentinel_server.adapters.aws.provisioner import DynamoDbProvisioner
from sentinel_server.adapters.aws.session_items import new_session
from sentinel_server.adapters.aws.sessions import DynamoDbSessions, open_dynamodb_sessions
from sentinel_server.adapters.aws.timing import URGENT
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.errors import BadInput, NotFound, StoreUnavailable
from sentinel_server.provisioning.apply import apply
from sentinel_server.provisioning.desired import (
    OWNER_ATTRIBUTES,
    REVOCATION_ATTRIBUTES,
    SESSION_INDEXES,
    Family,
    sessions_table,
)
from sentinel_server.provisioning.iam import ROLES, Role, policy, table_arn
from sentinel_server.sandbox.aws import EmbeddedAws
from sentinel_server.sandbox.principals import UserKeys
from sentinel_server.secret import Secret
from sentinel_server.sessions.model import BlockKey, Scope, Standing, State, block_keys
from sentinel_server.sessions.store import Beat, SessionQuery, StoreRef
from tests.fakes import dynamodb_local
from tests.fakes.sessions import MINUTE, NOON, a_block, a_revocation, a_session

TABLE = "sentinel-sessions"
EVERYONE = BlockKey(scope=Scope.EVERYONE)
KEYS = block_keys("iam:111122223333:alice", "prod")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An account with the table in DynamoDB Local, and a user of each role."""

    aws: EmbeddedAws
    users: dict[Role, UserKeys]

    def session(self, keys: UserKeys) -> AwsSession:
        async def credentials() -> AwsCredentials:
            return AwsCredentials(
                access_key_id=keys.access_key_id, secret_access_key=Secret(keys.secret_access_key)
            )

        return AwsSession(region="us-east-1", credentials=credentials, endpoints={"dynamodb": self.aws.url})

    @asynccontextmanager
    async def store(self, role: Role, table: str = TABLE) -> AsyncIterator[DynamoDbSessions]:
        ref = StoreRef(url=f"dynamodb://us-east-1/{table}", shared=True, table=table)
        store = await open_dynamodb_sessions(self.session(self.users[role]), table, ref)
        try:
            yield store
        finally:
            await store.close()


@pytest.fixture(scope="module")
def account() -> Iterator[Place]:
    with EmbeddedAws(dynamodb_url=dynamodb_local.endpoint()) as aws:
        arn = table_arn(region="us-east-1", account=aws.account_id, table=TABLE)
        users = {
            role: aws.add_user(role.value, policy=policy(role, {Family.SESSIONS: arn}))
            for role in ROLES[Family.SESSIONS]
        }
        made = Place(aws=aws, users=users)
        asyncio.run(_provision(made, make=True))
        yield made
        asyncio.run(_provision(made, make=False))


@pytest.fixture
async def place(account: Place) -> AsyncIterator[Place]:
    """The account, well and with an empty table."""
    async with account.session(account.aws.root).client("dynamodb") as client:
        for item in (await client.scan(TableName=TABLE))["Items"]:
            await client.delete_item(TableName=TABLE, Key={"id": item["id"]})
    yield account
    account.aws.heal()


async def _provision(place: Place, *, make: bool) -> None:
    async with place.session(place.aws.root).client("dynamodb") as client:
        if make:
            await apply(DynamoDbProvisioner(client, poll=0.02), sessions_table(TABLE))
            return
        await client.update_table(TableName=TABLE, DeletionProtectionEnabled=False)
        await client.delete_table(TableName=TABLE)


@pytest.fixture
async def developer(place: Place) -> AsyncIterator[DynamoDbSessions]:
    async with place.store(Role.DEVELOPER) as store:
        yield store


@pytest.fixture
async def security(place: Place) -> AsyncIterator[DynamoDbSessions]:
    async with place.store(Role.SECURITY) as store:
        yield store


def watch(store: DynamoDbSessions) -> list[dict[str, Any]]:
    """Every request's parameters from now on, in a list that grows."""
    seen: list[dict[str, Any]] = []

    def look(params: dict[str, Any], **_: Any) -> None:
        seen.append(params)

    clients: set[Any] = {store._client, store._urgent}
    for client in clients:
        client.meta.events.register("provide-client-params.dynamodb", look)
    return seen


def a_beat(number: int = 1) -> Beat:
    return Beat(
        session_id=a_session().id,
        server_instance_id=a_session().server_instance_id,
        at=NOON + MINUTE,
        not_before=NOON,
        not_after=NOON + MINUTE,
        last_access_at=NOON + MINUTE,
        request_count=number,
        credentials_until=NOON + 9 * MINUTE,
    )


async def test_a_holder_can_do_all_that_a_session_needs_and_names_only_its_own_attributes(
    developer: DynamoDbSessions,
) -> None:
    """IAM counts names in conditions too, so one mention of `revoked_at` would lock every holder out."""
    seen = watch(developer)
    session = a_session()
    await developer.create(session)
    assert (await developer.standing(session.id, KEYS)).session == session
    assert await developer.beat(a_beat())
    assert await developer.revive(session.id, session.server_instance_id, NOON + MINUTE, NOON + 2 * MINUTE)
    assert await developer.end(session.id, NOON + 3 * MINUTE)
    mine = await developer.sessions(SessionQuery(person=session.person), NOON, 10)
    assert [found.id for found in mine.sessions] == [session.id]
    named = {name for request in seen for name in request.get("ExpressionAttributeNames", {}).values()}
    assert named <= set(OWNER_ATTRIBUTES)
    assert all("ReturnValues" not in request for request in seen)


async def test_w18_a_holder_cannot_revoke_block_or_lift(
    developer: DynamoDbSessions, security: DynamoDbSessions
) -> None:
    await developer.create(a_session())
    await security.block(a_block(EVERYONE))
    for writing in (
        developer.revoke(a_session().id, a_revocation()),
        developer.block(a_block(EVERYONE, until=NOON)),
        developer.lift(EVERYONE, "mallory", NOON),
    ):
        with pytest.raises(StoreUnavailable, match="AccessDenied"):
            await writing
    assert (await developer.standing(None, KEYS)).blocks == (a_block(EVERYONE),)


async def test_w18_a_status_rewritten_by_the_holder_leaves_the_revocation_in_force(
    place: Place, developer: DynamoDbSessions, security: DynamoDbSessions
) -> None:
    await developer.create(a_session())
    await security.revoke(a_session().id, a_revocation())
    async with place.session(place.users[Role.DEVELOPER]).client("dynamodb") as raw:
        await raw.update_item(
            TableName=TABLE,
            Key={"id": {"S": a_session().id}},
            UpdateExpression="SET #s = :active",
            ExpressionAttributeNames={"#s": "status"},
            ExpressionAttributeValues={":active": {"S": "active"}},
        )
    session = (await developer.standing(a_session().id, KEYS)).session
    assert session is not None
    assert session.state(NOON) is State.REVOKED
    assert await developer.beat(a_beat()), "the holder can count what it likes"
    session = (await developer.standing(a_session().id, KEYS)).session
    assert session is not None
    assert session.revocation == a_revocation()


async def test_security_cuts_off_and_lists_with_the_permissions_it_is_given(
    developer: DynamoDbSessions, security: DynamoDbSessions
) -> None:
    await developer.create(a_session())
    assert (await security.revoke(a_session().id, a_revocation("one"))).revocation == a_revocation("one")
    assert (await security.revoke(a_session().id, a_revocation("two"))).revocation == a_revocation("one")
    with pytest.raises(NotFound):
        await security.revoke("f" * 16, a_revocation())
    await security.block(a_block(EVERYONE, until=NOON + MINUTE))
    await security.lift(EVERYONE, "security", NOON)
    with pytest.raises(NotFound):
        await security.lift(EVERYONE, "security", NOON)
    assert len(await security.blocks()) == 1


async def test_a_block_is_no_session_that_could_be_revoked(security: DynamoDbSessions) -> None:
    await security.block(a_block(EVERYONE))
    with pytest.raises(BadInput):
        await security.revoke("block#everyone#", a_revocation())


async def test_every_index_is_used_by_a_query_and_every_query_uses_one(place: Place) -> None:
    async with place.store(Role.AUDITOR) as auditor:
        seen = watch(auditor)
        for query in (
            SessionQuery(),
            SessionQuery(person="p"),
            SessionQuery(user="u"),
            SessionQuery(profile="p"),
            *(SessionQuery(state=state) for state in State),
        ):
            await auditor.sessions(query, NOON, 1)
        await auditor.blocks()
    assert {request["IndexName"] for request in seen} == {index.name for index in SESSION_INDEXES}


async def test_w20_absent_fields_are_left_out_of_the_row(place: Place, developer: DynamoDbSessions) -> None:
    await developer.create(a_session(role_arn=None, lease_seconds=None))
    async with place.session(place.aws.root).client("dynamodb") as raw:
        (row,) = (await raw.scan(TableName=TABLE))["Items"]
    unset = {"role_arn", "lease_seconds", "credentials_until", "ended_at", "override_id"}
    absent = unset | set(REVOCATION_ATTRIBUTES)
    assert set(row) == set(OWNER_ATTRIBUTES) - absent
    assert {"S": ""} not in row.values()


async def spoil(place: Place, key: str, **attributes: str) -> None:
    async with place.session(place.aws.root).client("dynamodb") as raw:
        await raw.put_item(
            TableName=TABLE,
            Item={"id": {"S": key}, **{name: {"S": value} for name, value in attributes.items()}},
        )


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"heartbeat_at": "soon"},
        {"revoked_at": ""},
        {"request_count": "many"},
        {"revoked_at": "0001-01-01T00:00:00.000000+14:00"},
    ],
    ids=["bare", "no time", "empty revocation", "no number", "before all time"],
)
async def test_w16_a_row_that_cannot_be_read_is_an_error_and_never_absent(
    place: Place, developer: DynamoDbSessions, attributes: dict[str, str]
) -> None:
    await spoil(place, a_session().id, kind="session", created_at="2026", **attributes)
    with pytest.raises(StoreUnavailable, match=a_session().id):
        await developer.standing(a_session().id, KEYS)
    async with place.store(Role.AUDITOR) as auditor:
        page = await auditor.sessions(SessionQuery(), NOON, 10)
    assert (page.sessions, page.unreadable) == ((), (a_session().id,))


async def test_a_row_that_cannot_be_read_is_revoked_all_the_same(
    place: Place, security: DynamoDbSessions
) -> None:
    await spoil(place, a_session().id, kind="session", created_at="2026")
    with pytest.raises(StoreUnavailable, match="is revoked, but its row cannot be read"):
        await security.revoke(a_session().id, a_revocation("security"))
    async with place.session(place.aws.root).client("dynamodb") as raw:
        (row,) = (await raw.scan(TableName=TABLE))["Items"]
    assert row["revoked_by"] == {"S": "security"}


async def test_a_block_that_cannot_be_read_is_an_error(place: Place, developer: DynamoDbSessions) -> None:
    await spoil(place, "block#everyone#", kind="block", created_at="2026", scope="person", name="x")
    with pytest.raises(StoreUnavailable, match="everyone"):
        await developer.standing(None, KEYS)


async def test_a_row_that_only_pretends_to_be_a_block_is_not_listed_as_one(
    place: Place, security: DynamoDbSessions
) -> None:
    await spoil(place, a_session().id, kind="block", created_at="2026")
    assert await security.blocks() == ()


async def test_the_table_may_be_named_by_its_arn(place: Place, developer: DynamoDbSessions) -> None:
    await developer.create(a_session())
    arn = table_arn(region="us-east-1", account=place.aws.account_id, table=TABLE)
    assert table_arn(region="us-east-1", account="", table=arn) == arn


async def test_w20_a_live_session_is_found_behind_hundreds_of_dead_ones(place: Place) -> None:
    """The older product looked at one row before it filtered."""
    rows = [new_session(a_session(number, expires_at=NOON)) for number in range(2, 602)]
    async with place.session(place.aws.root).client("dynamodb") as raw:
        for first in range(0, len(rows), 25):
            puts: Any = [
                {"PutRequest": {"Item": as_item(f"{first + n:016x}", row)}}
                for n, row in enumerate(rows[first : first + 25])
            ]
            await raw.batch_write_item(RequestItems={TABLE: puts})
    async with place.store(Role.DEVELOPER) as developer, place.store(Role.AUDITOR) as auditor:
        oldest = a_session(1, started_at=NOON - MINUTE, id="f" * 16)
        await developer.create(oldest)
        page = await auditor.sessions(SessionQuery(state=State.ACTIVE), NOON, 1)
        assert (page.sessions, page.next_token) == ((oldest,), None)


def as_item(key: str, attributes: dict[str, str | int | None]) -> dict[str, Any]:
    cells = {
        name: {"N" if isinstance(value, int) else "S": str(value)}
        for name, value in attributes.items()
        if value is not None
    }
    return {"id": {"S": key}, **cells}


async def test_a_missing_table_says_how_to_make_it(place: Place) -> None:
    keys = place.aws.add_user("anybody")
    ref = StoreRef(url="dynamodb://us-east-1/elsewhere", shared=True)
    store = await open_dynamodb_sessions(place.session(keys), "elsewhere", ref)
    for using in (
        store.standing(None, KEYS),
        store.create(a_session()),
        store.sessions(SessionQuery(), NOON, 1),
    ):
        with pytest.raises(StoreUnavailable, match="no table elsewhere") as caught:
            await using
        assert "sentinel init all" in caught.value.hint
    await store.close()


@pytest.mark.parametrize("kind", ["throttle", "error500", "drop", "reset", "wrong-json", "unprocessed"])
async def test_w16_one_failed_read_is_made_good_and_two_are_an_error(
    place: Place, developer: DynamoDbSessions, kind: Any
) -> None:
    await developer.create(a_session())
    place.aws.fail(service="dynamodb", operation="BatchGetItem", kind=kind, count=1)
    assert (await developer.standing(a_session().id, KEYS)).session == a_session()
    place.aws.fail(service="dynamodb", operation="BatchGetItem", kind=kind)
    with pytest.raises(StoreUnavailable):
        await developer.standing(a_session().id, KEYS)


async def test_nobody_is_told_cut_off_by_an_answer_that_is_none(
    place: Place, developer: DynamoDbSessions, security: DynamoDbSessions
) -> None:
    await developer.create(a_session())
    place.aws.fail(service="dynamodb", kind="wrong-json")
    for using in (
        security.revoke(a_session().id, a_revocation()),
        security.block(a_block(EVERYONE)),
        security.lift(EVERYONE, "security", NOON),
    ):
        with pytest.raises(StoreUnavailable, match="the answer is not one"):
            await using
    place.aws.heal()
    assert (await security.revoke(a_session().id, a_revocation())).revocation == a_revocation()


async def test_no_row_is_said_to_be_written_by_an_answer_that_is_none(
    place: Place, developer: DynamoDbSessions
) -> None:
    place.aws.fail(service="dynamodb", kind="wrong-json")
    with pytest.raises(StoreUnavailable, match="the answer is not one"):
        await developer.create(a_session())
    place.aws.heal()
    await developer.create(a_session())
    place.aws.fail(service="dynamodb", kind="wrong-json")
    with pytest.raises(StoreUnavailable, match="the answer is not one"):
        await developer.end(a_session().id, NOON)


async def test_a_read_that_hangs_is_overtaken_by_a_second(place: Place, developer: DynamoDbSessions) -> None:
    await developer.create(a_session())
    place.aws.fail(service="dynamodb", operation="BatchGetItem", kind="latency", seconds=30, count=1)
    assert (await developer.standing(a_session().id, KEYS)).session == a_session()


async def test_no_answer_in_time_is_an_error_and_leaves_no_task(
    place: Place, developer: DynamoDbSessions
) -> None:
    await developer.standing(a_session().id, KEYS)
    before = asyncio.all_tasks()
    place.aws.fail(service="dynamodb", operation="BatchGetItem", kind="latency", seconds=30)
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(developer.standing(a_session().id, KEYS), 5)
    assert asyncio.all_tasks() <= before


async def test_a_door_that_opens_has_more_patience(place: Place, developer: DynamoDbSessions) -> None:
    place.aws.fail(service="dynamodb", operation="BatchGetItem", kind="latency", seconds=1)
    assert await developer.standing(None, KEYS) == Standing(session=None)


async def test_a_revocation_is_written_however_busy_the_table_is(
    place: Place, security: DynamoDbSessions, developer: DynamoDbSessions
) -> None:
    await developer.create(a_session())
    place.aws.fail(service="dynamodb", operation="UpdateItem", kind="throttle", count=4)
    revoked = await security.revoke(a_session().id, a_revocation())
    assert revoked.revocation == a_revocation()
    place.aws.fail(service="dynamodb", operation="PutItem", kind="throttle", count=4)
    await security.block(a_block(EVERYONE))
    assert (await developer.standing(None, KEYS)).blocks == (a_block(EVERYONE),)


async def test_a_client_for_fetches_tries_once(place: Place) -> None:
    async with place.session(place.aws.root).client("dynamodb", URGENT) as client:
        place.aws.fail(service="dynamodb", kind="throttle")
        place.aws.forget_calls()
        with pytest.raises(Exception, match="ProvisionedThroughput"):
            await client.describe_table(TableName=TABLE)
        assert len(place.aws.calls_to("dynamodb")) == 1
