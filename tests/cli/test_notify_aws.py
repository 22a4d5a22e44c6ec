"""`sentinel notify` to SNS, with secrets in SSM: what the page of notifications shows, on an embedded AWS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from moto.sns.models import sns_backends

from sentinel_server.clock import SystemClock
from sentinel_server.notifications.event import Event
from sentinel_server.notifications.outbox import outbox_change
from sentinel_server.records.model import Ledger
from sentinel_server.wiring import open_records
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.command_line import CommandLine
from tests.fakes.notices import asked, opened
from tests.fakes.receiver import Receiver, receiving_elsewhere
from tests.fakes.verifying import verification

KEY = "k" * 40


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """An embedded AWS with two topics and a signing key."""
    with embedded_aws() as running:
        sns = running.client("sns")
        sns.create_topic(Name="emergencies")
        sns.create_topic(Name="requests.fifo", Attributes={"FifoTopic": "true"})
        running.client("ssm").put_parameter(Name="/sentinel/hook", Value=KEY + "\n", Type="SecureString")
        yield running


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving_elsewhere() as running:
        yield running


@pytest.fixture
def operator(sentinel: CommandLine, sandbox: Sandbox, receiver: Receiver) -> CommandLine:
    """Whoever runs flush, with the destinations of a team. No topic has been sent anything yet."""
    for each in topics(sandbox).values():
        each.sent_notifications.clear()
    sentinel.connect(sandbox)
    here = f"arn:aws:sns:{sandbox.aws.region}:{sandbox.aws.account_id}"
    to = [
        f"page sns {here}:emergencies events=breakglass.*",
        f"flow sns {here}:requests.fifo events=request.*",
        f"siem webhook {receiver.url} key=ssm:/sentinel/hook",
    ]
    sentinel.set(
        AWS_PROFILE="base",
        SENTINEL_REGION=sandbox.aws.region,
        SENTINEL_NOTIFICATIONS_TO=";".join(to),
        SENTINEL_NOTIFICATIONS_LINK_BASE="https://console.example.com/s",
    )
    return sentinel


def put(sentinel: CommandLine, event: Event, delivery: str) -> None:
    """Commit something that is to be told."""
    ledger = Ledger.REQUESTS if event.type.value.startswith("request") else Ledger.BREAKGLASS

    async def commit() -> None:
        async with open_records(sentinel.settings) as records:
            change = outbox_change(ledger, replace(event, at=SystemClock().now()), delivery)
            assert await records.commit([change])

    asyncio.run(commit())


def topics(sandbox: Sandbox) -> dict[str, Any]:
    """What moto knows of each topic, by ARN."""
    found: dict[str, Any] = sns_backends[sandbox.aws.account_id][sandbox.aws.region].topics
    return found


def topic(sandbox: Sandbox, name: str) -> list[dict[str, Any]]:
    """What the topic was sent."""
    sent = topics(sandbox)[f"arn:aws:sns:{sandbox.aws.region}:{sandbox.aws.account_id}:{name}"]
    return [json.loads(body) for _, body, *_ in sent.sent_notifications]


def test_topics_and_a_webhook_get_what_they_want_with_keys_from_ssm(
    operator: CommandLine, sandbox: Sandbox, receiver: Receiver
) -> None:
    put(operator, asked(), "1" * 16)
    put(operator, opened(), "2" * 16)
    ran = operator("notify", "flush", "--json")
    assert ran.status == 0, ran.out + ran.err
    assert [each["delivery"] for each in topic(sandbox, "emergencies")] == ["2" * 16]
    (request,) = topic(sandbox, "requests.fifo")
    assert request["links"] == {"self": "https://console.example.com/s/request/00000000000000aa"}
    assert [posted.delivery for posted in receiver.got] == ["1" * 16, "2" * 16]
    for posted in receiver.got:
        assert verification()([KEY.encode()], posted.headers, posted.body, lambda _: True)


def test_a_topic_that_refuses_keeps_nobody_else_waiting(
    operator: CommandLine, sandbox: Sandbox, receiver: Receiver
) -> None:
    put(operator, opened(), "3" * 16)
    sandbox.aws.fail(service="sns", kind="deny")
    try:
        ran = operator("notify", "flush", "--json")
    finally:
        sandbox.aws.heal("sns")
    (delivery,) = ran.json["deliveries"]
    assert (ran.status, delivery["done"]) == (1, ["siem"])
    assert "AccessDenied" in delivery["failed"]["page"] or "AuthorizationError" in delivery["failed"]["page"]
    assert operator("notify", "flush", "--early").status == 0
    assert [posted.delivery for posted in receiver.got] == ["3" * 16]
    assert topic(sandbox, "emergencies")[-1]["delivery"] == "3" * 16


def test_a_parameter_that_is_not_there_is_said_by_its_name(operator: CommandLine, receiver: Receiver) -> None:
    operator.set(SENTINEL_NOTIFICATIONS_TO=f"siem webhook {receiver.url} key=ssm:/sentinel/gone")
    ran = operator("notify", "test")
    assert (ran.status, receiver.got) == (1, [])
    assert "/sentinel/gone" in ran.out


def test_what_is_no_topic_is_said(operator: CommandLine) -> None:
    operator.set(SENTINEL_NOTIFICATIONS_TO="page sns arn:aws:sqs:us-east-1:111122223333:q")
    ran = operator("notify", "test")
    assert ran.status == 1
    assert "not the ARN of an SNS topic" in ran.out
