"""Messages on an SNS topic, and codes by SMS, against the embedded AWS."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.sns.models import sns_backends

from sentinel_server.adapters.aws.clients import AwsSession, SnsClient
from sentinel_server.adapters.aws.sns import SnsTexts, SnsTopic, subject, topic_region
from sentinel_server.canonical import canonical
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.errors import InvalidSetting, MfaUnavailable, NotificationFailed
from sentinel_server.notifications.event import Event, to_fields
from sentinel_server.notifications.message import Message, read_message
from sentinel_server.secret import Secret
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.notices import asked, opened
from tests.fakes.receiver import receiving, says

ID = "0123456789abcdef"
SOON = timedelta(seconds=10)


class Opened:
    """An embedded AWS, and our client of its SNS."""

    def __init__(self, sandbox: Sandbox, client: Any) -> None:
        self.sandbox = sandbox
        self.client = client

    def topic(self, name: str, **attributes: str) -> str:
        """A new topic's ARN."""
        arn: str = self.sandbox.client("sns").create_topic(Name=name, Attributes=attributes)["TopicArn"]
        return arn

    def published(self) -> Mapping[str, Any]:
        """The parameters of the one message that was published."""
        (seen,) = self.sandbox.aws.calls_to("sns", "Publish")
        return seen.params

    @property
    def backend(self) -> Any:
        """moto's own memory."""
        return sns_backends[self.sandbox.aws.account_id][self.sandbox.aws.region]

    def received(self, arn: str) -> tuple[str, Mapping[str, Any]]:
        """Body and attributes of the one message that the topic has."""
        ((_, body, _, attributes, _),) = self.backend.topics[arn].sent_notifications
        return body, attributes


@asynccontextmanager
async def reached_at(url: str) -> AsyncIterator[SnsClient]:
    """Our client of an SNS elsewhere, with anybody's keys."""

    async def credentials() -> AwsCredentials:
        return AwsCredentials(access_key_id="AKIAEXAMPLE", secret_access_key=Secret("secret"))

    session = AwsSession(region="us-east-1", credentials=credentials, endpoints={"sns": url})
    async with session.client("sns") as client:
        yield client


@pytest.fixture
async def sns() -> AsyncIterator[Opened]:
    with embedded_aws() as sandbox:
        keys = AwsCredentials(
            access_key_id=sandbox.dev.access_key_id, secret_access_key=Secret(sandbox.dev.secret_access_key)
        )

        async def credentials() -> AwsCredentials:
            return keys

        session = AwsSession(
            region=sandbox.aws.region, credentials=credentials, endpoints={"sns": sandbox.aws.url}
        )
        async with session.client("sns") as client:
            yield Opened(sandbox, client)


def message(event: Event) -> Message:
    """The event as it is sent."""
    return read_message(canonical(to_fields(event)).decode(), ID)


async def test_a_topic_gets_the_message_with_attributes_to_filter_by(sns: Opened) -> None:
    arn = sns.topic("emergencies")
    await SnsTopic(sns.client, arn).send(message(opened(drill=True)), SOON)
    sent = sns.published()
    assert sent["Subject"].startswith("Sentinel: DRILL: EMERGENCY ACCESS opened: prod for alice")
    assert "MessageGroupId" not in sent
    body, attributes = sns.received(arn)
    assert json.loads(body)["delivery"] == ID
    values = {name: each["Value"] for name, each in attributes.items()}
    assert values == {
        "event_type": "breakglass.opened",
        "delivery_id": ID,
        "profile": "prod",
        "drill": "true",
    }


async def test_a_fifo_topic_keeps_the_order_of_one_request_and_drops_doubles(sns: Opened) -> None:
    arn = sns.topic("requests.fifo", FifoTopic="true")
    await SnsTopic(sns.client, arn).send(message(asked()), SOON)
    sent = sns.published()
    assert sent["MessageGroupId"] == "request-00000000000000aa"
    assert sent["MessageDeduplicationId"] == ID


async def test_a_topic_that_is_not_there_is_a_failed_notification(sns: Opened) -> None:
    arn = sns.topic("requests") + "-gone"
    with pytest.raises(NotificationFailed, match="publishing to arn:aws:sns"):
        await SnsTopic(sns.client, arn).send(message(asked()), SOON)


PAGES = [
    "<html><body>log in first</body></html>",
    "<html><br>",
    "",
    "{}",
    "<PublishResponse><PublishResult/></PublishResponse>",
]


@pytest.mark.parametrize("page", PAGES)
async def test_the_page_of_a_network_that_wants_a_login_is_not_taken_for_sns(page: str) -> None:
    async with receiving() as portal, reached_at(f"http://127.0.0.1:{portal.port}") as client:
        portal.otherwise = says(200, page)
        with pytest.raises(NotificationFailed, match=r"publishing to arn:aws:sns:us-east-1.* not SNS's"):
            await SnsTopic(client, "arn:aws:sns:us-east-1:111122223333:t").send(message(asked()), SOON)
        with pytest.raises(MfaUnavailable, match=r"sending a code by SMS.* not SNS's"):
            await SnsTexts(client).send("+491701234567", Secret("12345678"))


async def test_a_topic_that_stalls_is_left_in_bounded_time(sns: Opened) -> None:
    arn = sns.topic("requests")
    sns.sandbox.aws.fail(service="sns", kind="latency", seconds=30)
    with pytest.raises(NotificationFailed, match="publishing to"):
        await SnsTopic(sns.client, arn).send(message(asked()), timedelta(seconds=0.2))


async def test_6_a_code_is_sent_by_sms_as_transactional(sns: Opened) -> None:
    await SnsTexts(sns.client).send("+491701234567", Secret("Sentinel code 12345678"))
    ((phone, text),) = sns.backend.sms_messages.values()
    assert (phone, text) == ("+491701234567", "Sentinel code 12345678")


async def test_a_code_that_sns_does_not_take_is_said_without_the_code(sns: Opened) -> None:
    sns.sandbox.aws.fail(service="sns", kind="deny")
    with pytest.raises(MfaUnavailable) as caught:
        await SnsTexts(sns.client).send("+491701234567", Secret("12345678"))
    assert "12345678" not in caught.value.message
    assert "+491701234567" not in caught.value.message


@given(st.text(max_size=300), st.text(max_size=50))
def test_a_subject_is_one_that_sns_takes(profile: str, user: str) -> None:
    text = subject(message(asked(profile=profile, user=user)))
    assert 0 < len(text) < 100
    assert text.isascii()
    assert text.isprintable()
    assert text[0].isalpha()


@pytest.mark.parametrize(
    ("arn", "region"),
    [
        ("arn:aws:sns:eu-central-1:111122223333:requests", "eu-central-1"),
        ("arn:aws-us-gov:sns:us-gov-west-1:111122223333:r.fifo", "us-gov-west-1"),
    ],
)
def test_the_region_of_a_topic_is_in_its_arn(arn: str, region: str) -> None:
    assert topic_region(arn) == region


@pytest.mark.parametrize(
    "arn", ["", "requests", "arn:aws:sqs:eu-central-1:111122223333:q", "arn:aws:sns:eu-central-1:1:r"]
)
def test_what_is_no_topic_is_refused(arn: str) -> None:
    with pytest.raises(InvalidSetting, match="not the ARN of an SNS topic"):
        topic_region(arn)
