"""The ledgers in DynamoDB on bad days: busy tables, lost answers, half answers and spoiled rows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from sentinel_server.adapters.aws.provisioner import DynamoDbProvisioner
from sentinel_server.adapters.aws.records import DynamoDbRecords
from sentinel_server.errors import StoreUnavailable
from sentinel_server.provisioning.apply import apply
from sentinel_server.provisioning.desired import ledger_table
from sentinel_server.records.model import Change, Lacking, Ledger, Search
from sentinel_server.sandbox.aws import EmbeddedAws
from tests.fakes import dynamodb_local
from tests.fakes.dynamodb_local import client_at
from tests.fakes.ledgers import a_ref, made

TABLES = {ledger: f"records-{ledger.value}" for ledger in Ledger}
REQUESTS, BREAKGLASS = TABLES[Ledger.REQUESTS], TABLES[Ledger.BREAKGLASS]
REQUEST, EMERGENCY = a_ref(1), a_ref(1, Ledger.BREAKGLASS)
OF_ALICE = Search(ledger=Ledger.REQUESTS, by="person", value="alice")


WRITTEN: dict[str, Any] = {"ConsumedCapacity": [{"TableName": REQUESTS, "CapacityUnits": 2.0}]}
"""What DynamoDB says of a transaction that it has made."""


class _Missing(Exception):
    """Stands where botocore has its ResourceNotFoundException."""


def cancelled(*reasons: str) -> ClientError:
    """What DynamoDB says of a transaction that it has not made."""
    response: Any = {
        "Error": {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"},
        "CancellationReasons": [{"Code": reason} for reason in reasons],
    }
    return ClientError(response, "TransactWriteItems")


def failed(code: str) -> ClientError:
    """Another error of a transaction."""
    return ClientError({"Error": {"Code": code, "Message": "x"}}, "TransactWriteItems")


class Answering:
    """A client that answers with what a test put here, in this order, and remembers what it was asked."""

    class exceptions:
        """The one error that is asked for by name."""

        ResourceNotFoundException = _Missing

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    async def transact_write_items(self, **request: Any) -> Any:
        """The next answer."""
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    batch_get_item = transact_write_items


def answered(*answers: Any, attempts: int = 3) -> tuple[DynamoDbRecords, Answering]:
    """A store whose client gives these answers."""
    client = Answering(*answers)
    return DynamoDbRecords(cast(Any, client), TABLES, attempts=attempts), client


@pytest.mark.parametrize(
    "reasons",
    [
        ("ConditionalCheckFailed",),
        ("None", "ConditionalCheckFailed"),
        ("TransactionConflict", "ConditionalCheckFailed"),
    ],
)
async def test_a_wrong_version_is_a_no_whatever_else_went_wrong(reasons: tuple[str, ...]) -> None:
    records, client = answered(cancelled(*reasons))
    assert await records.commit([made(REQUEST)]) is False
    assert len(client.asked) == 1


@pytest.mark.parametrize(
    "busy",
    [
        cancelled("TransactionConflict", "None"),
        cancelled("ThrottlingError"),
        cancelled("ProvisionedThroughputExceeded"),
        failed("TransactionInProgressException"),
        failed("ThrottlingException"),
        failed("InternalServerError"),
    ],
    ids=str,
)
async def test_what_passes_is_tried_again_as_the_same_commit_and_then_given_up(busy: ClientError) -> None:
    records, client = answered(busy, WRITTEN)
    assert await records.commit([made(REQUEST)])
    first, second = client.asked
    assert first == second
    assert first["ClientRequestToken"], "by which DynamoDB knows that it is the same one"
    records, client = answered(busy, busy)
    records = DynamoDbRecords(cast(Any, client), TABLES, attempts=2)
    with pytest.raises(StoreUnavailable):
        await records.commit([made(REQUEST)])
    assert client.answers == []


async def test_two_commits_have_two_tokens() -> None:
    records, client = answered(WRITTEN, WRITTEN)
    for _ in range(2):
        await records.commit([made(REQUEST)])
    assert client.asked[0]["ClientRequestToken"] != client.asked[1]["ClientRequestToken"]


@pytest.mark.parametrize(
    "error", [failed("AccessDeniedException"), cancelled("ValidationError"), cancelled()]
)
async def test_what_does_not_pass_is_an_error_at_once(error: ClientError) -> None:
    records, client = answered(error)
    with pytest.raises(StoreUnavailable):
        await records.commit([made(REQUEST)])
    assert len(client.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"Responses": {}},
        {"Responses": {REQUESTS: []}},
        {"Responses": {REQUESTS: [], "another": []}},
        {"Responses": {REQUESTS: [], BREAKGLASS: None}},
        {"Responses": {REQUESTS: [], BREAKGLASS: []}, "UnprocessedKeys": {BREAKGLASS: {"Keys": []}}},
    ],
    ids=str,
)
async def test_an_answer_without_one_of_the_tables_is_none(answer: dict[str, Any]) -> None:
    records, _ = answered(answer)
    with pytest.raises(StoreUnavailable):
        await records.get([REQUEST, EMERGENCY])
    records, _ = answered({"Responses": {REQUESTS: [], BREAKGLASS: []}})
    assert await records.get([REQUEST, EMERGENCY]) == {}


async def test_tables_named_by_arn_may_be_answered_under_their_names() -> None:
    arns = {
        ledger: f"arn:aws:dynamodb:us-east-1:111122223333:table/{name}" for ledger, name in TABLES.items()
    }
    row = {"id": {"S": REQUEST.key}, "version": {"N": "3"}, "person": {"S": "alice"}}
    for key in (arns[Ledger.REQUESTS], REQUESTS):
        other = arns[Ledger.BREAKGLASS] if key.startswith("arn:") else BREAKGLASS
        client = Answering({"Responses": {key: [row], other: []}})
        records = DynamoDbRecords(cast(Any, client), arns)
        found = await records.get([REQUEST, EMERGENCY])
        assert {ref: each.version for ref, each in found.items()} == {REQUEST: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Tables in DynamoDB Local behind a front that fails on demand."""

    aws: EmbeddedAws
    client: Any
    records: DynamoDbRecords


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws(dynamodb_url=dynamodb_local.endpoint()) as running:
        asyncio.run(_tables(running, make=True))
        yield running
        running.heal()
        asyncio.run(_tables(running, make=False))


async def _tables(aws: EmbeddedAws, *, make: bool) -> None:
    async with client_at(aws.url, aws.root) as client:
        for ledger, table in TABLES.items():
            if make:
                await apply(DynamoDbProvisioner(client, poll=0.02), ledger_table(ledger, table))
                continue
            await client.update_table(TableName=table, DeletionProtectionEnabled=False)
            await client.delete_table(TableName=table)


@pytest.fixture
async def place(aws: EmbeddedAws) -> AsyncIterator[Place]:
    async with client_at(aws.url, aws.root) as client:
        for table in TABLES.values():
            while items := (await client.scan(TableName=table))["Items"]:  # a megabyte at a time
                for item in items:
                    await client.delete_item(TableName=table, Key={"id": item["id"]})
        yield Place(aws=aws, client=client, records=DynamoDbRecords(client, TABLES))
    aws.heal()


@pytest.mark.parametrize("kind", ["reset", "error500", "throttle", "drop"])
async def test_a_commit_whose_answer_was_lost_is_neither_made_twice_nor_taken_for_a_lost_race(
    place: Place, kind: Any
) -> None:
    place.aws.fail(service="dynamodb", kind=kind, operation="TransactWriteItems", count=1)
    assert await place.records.commit([made(REQUEST), made(EMERGENCY)])
    found = await place.records.get([REQUEST, EMERGENCY])
    assert {row.version for row in found.values()} == {1}
    assert len(place.aws.calls_to("dynamodb", "TransactWriteItems")) >= 2


async def test_an_ending_that_nobody_wrote_is_never_said_to_be_written(place: Place) -> None:
    await place.records.commit([made(REQUEST)])
    ending = Change(ref=REQUEST, seen=Lacking(("cut_at",)), set={"cut_at": "2026"})
    place.aws.fail(service="dynamodb", kind="wrong-json")
    with pytest.raises(StoreUnavailable, match="the answer is not one"):
        await place.records.commit([ending])
    place.aws.heal()
    assert await place.records.commit([ending])


async def test_a_store_that_never_answers_is_unavailable_and_not_a_no(place: Place) -> None:
    place.aws.fail(service="dynamodb", kind="throttle")
    records = DynamoDbRecords(place.client, TABLES, attempts=1)
    for using in (records.commit([made(REQUEST)]), records.get([REQUEST]), records.find(OF_ALICE, 5)):
        with pytest.raises(StoreUnavailable):
            await using


async def test_keys_left_unprocessed_are_never_absent(place: Place) -> None:
    await place.records.commit([made(REQUEST)])
    place.aws.fail(service="dynamodb", kind="unprocessed")
    with pytest.raises(StoreUnavailable, match="too busy to answer in full"):
        await place.records.get([REQUEST])


@pytest.mark.parametrize("version", [None, {"S": "1"}, {"N": "0"}, {"N": "-4"}, {"N": "1.5"}, {"L": []}])
async def test_a_row_whose_version_was_spoiled_is_found_and_never_decided_on(
    place: Place, version: dict[str, Any] | None
) -> None:
    """Whoever may write a row can spoil it, and must not hide the others behind it."""
    change = made(REQUEST)
    item: dict[str, Any] = {name: {"S": str(value)} for name, value in change.set.items()}
    spoiled = {} if version is None else {"version": version}
    await place.client.put_item(TableName=REQUESTS, Item={"id": {"S": REQUEST.key}, **item, **spoiled})
    await place.records.commit([made(a_ref(2))])
    found = (await place.records.find(OF_ALICE, 5)).rows
    assert {row.ref: row.version for row in found} == {REQUEST: 0, a_ref(2): 1}
    with pytest.raises(StoreUnavailable, match=f"requests/{REQUEST.key}"):
        await place.records.get([REQUEST])
    for seen in (None, 0):
        assert not await place.records.commit([Change(ref=REQUEST, seen=seen, set={"status": "x"})])


@pytest.mark.parametrize("version", [None, {"S": "x"}, {"N": "1.5"}, {"N": "-3"}, {"N": str(2**60)}])
async def test_a_row_whose_version_was_spoiled_is_ended_all_the_same(place: Place, version: Any) -> None:
    """Nor may they keep others from ending what it says."""
    spoiled = {} if version is None else {"version": version}
    await place.client.put_item(TableName=REQUESTS, Item={"id": {"S": REQUEST.key}, **spoiled})
    ending = Change(ref=REQUEST, seen=Lacking(("cut_at",)), set={"cut_at": "2026"})
    assert await place.records.commit([ending, made(a_ref(2))])
    assert not await place.records.commit([ending, made(a_ref(3))])
    item = (await place.client.get_item(TableName=REQUESTS, Key={"id": {"S": REQUEST.key}}))["Item"]
    assert item["cut_at"] == {"S": "2026"}
    assert list(await place.records.get([a_ref(2), a_ref(3)])) == [a_ref(2)]


async def test_values_of_other_types_are_text_that_no_codec_takes_for_a_value(place: Place) -> None:
    odd: dict[str, Any] = {
        "id": {"S": REQUEST.key},
        "version": {"N": "1"},
        "votes": {"L": []},
        "half": {"N": "0.5"},
    }
    await place.client.put_item(TableName=REQUESTS, Item=odd)
    row = (await place.records.get([REQUEST]))[REQUEST]
    assert row.values == {"votes": "", "half": ""}


async def test_a_page_is_filled_though_dynamodb_breaks_off_at_a_megabyte(place: Place) -> None:
    text = "x" * 90_000
    for number in range(24):
        assert await place.records.commit([made(a_ref(number + 1), number, justification=text)])
    first = await place.records.find(OF_ALICE, 20)
    assert [row.ref for row in first.rows] == [a_ref(number) for number in range(24, 4, -1)]
    second = await place.records.find(OF_ALICE, 20, first.next_token)
    assert [row.ref for row in second.rows] == [a_ref(number) for number in range(4, 0, -1)]
    assert second.next_token is None


async def test_searches_have_key_conditions_alone_and_commits_name_what_they_change(place: Place) -> None:
    seen: list[dict[str, Any]] = []
    place.client.meta.events.register(
        "provide-client-params.dynamodb", lambda params, **_: seen.append(params)
    )
    await place.records.commit([made(REQUEST, status="pending")])
    change = Change(ref=REQUEST, seen=1, set={"status": "denied", "outbox": None})
    await place.records.commit([change])
    since = Search(ledger=Ledger.REQUESTS, by="status", value="denied", since="2026")
    await place.records.find(since, 5)
    update = seen[1]["TransactItems"][0]["Update"]
    assert set(update["ExpressionAttributeNames"].values()) == {"status", "outbox", "version"}
    assert not {"FilterExpression", "ProjectionExpression"} & set(seen[2])
    assert set(seen[2]["ExpressionAttributeNames"].values()) == {"status", "created_at"}
