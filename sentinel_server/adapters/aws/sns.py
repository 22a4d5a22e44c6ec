"""Messages to an SNS topic, and codes to a telephone.

https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sentinel_server.adapters.aws.answers import aws_errors
from sentinel_server.adapters.aws.clients import SnsClient
from sentinel_server.errors import InvalidSetting, MfaUnavailable, NotificationFailed, SentinelError
from sentinel_server.notifications.message import Message, headline
from sentinel_server.secret import Secret

_TOPIC = re.compile(
    r"arn:aws[a-z-]*:sns:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):[A-Za-z0-9_-]{1,256}(?P<fifo>\.fifo)?",
    re.ASCII,
)
_SUBJECT_LIMIT = 99


class SnsTopic:
    """A Notifier that publishes to one topic, with `client`, which must be open.

    Subscribers filter by the attributes `event_type`, `profile` and `drill`, and tell doubles by
    `delivery_id`. A FIFO topic drops doubles by itself for five minutes, and keeps the order of what is
    told of one request.
    """

    def __init__(self, client: SnsClient, arn: str) -> None:
        self._client = client
        self._arn = arn
        self._fifo = arn.endswith(".fifo")

    async def send(self, message: Message, within: timedelta) -> None:
        """Publish the message."""
        options: dict[str, str] = {}
        if self._fifo:
            options = {
                "MessageGroupId": _group(message),
                "MessageDeduplicationId": message.delivery_id,
            }
        with _sns_errors(f"publishing to {self._arn}", NotificationFailed):
            async with asyncio.timeout(within.total_seconds()):
                answer = await self._client.publish(
                    TopicArn=self._arn,
                    Message=message.payload.decode("ascii"),
                    Subject=subject(message),
                    MessageAttributes=_attributes(message),
                    **options,
                )
            _check_taken(answer)

    async def close(self) -> None:
        """Nothing of its own to let go of."""


class SnsTexts:
    """A CodeSender that lets SNS send an SMS, with `client`, which must be open."""

    def __init__(self, client: SnsClient) -> None:
        self._client = client

    async def send(self, phone: str, text: Secret) -> None:
        """Hand the text to SNS, as one that matters more than its price."""
        kind = {"DataType": "String", "StringValue": "Transactional"}
        with _sns_errors("sending a code by SMS", MfaUnavailable):
            answer = await self._client.publish(
                PhoneNumber=phone,
                Message=text.reveal(),
                MessageAttributes={"AWS.SNS.SMS.SMSType": kind},
            )
            _check_taken(answer)


@contextmanager
def _sns_errors(doing: str, otherwise: type[SentinelError]) -> Iterator[None]:
    """Raises whatever goes wrong inside as an error of ours."""
    try:
        with aws_errors(doing, otherwise):
            yield
    except SentinelError:
        raise
    except Exception as error:  # the parser of a foreign answer raises what it likes
        raise otherwise(f"{doing}: the answer is not SNS's ({type(error).__name__})") from error


def _check_taken(answer: Mapping[str, Any]) -> None:
    """Raises ValueError for an answer without the id of a message, as some page with status 200."""
    if not answer.get("MessageId"):
        raise ValueError("SNS's answers have the id of the message")


def topic_region(arn: str) -> str:
    """The region of a topic. Raises InvalidSetting for what is not the ARN of one."""
    found = _TOPIC.fullmatch(arn)
    if found is None:
        raise InvalidSetting(f"{arn!r} is not the ARN of an SNS topic")
    return found["region"]


def subject(message: Message) -> str:
    """A subject for e-mail: under 100 ASCII characters on one line, and no blank in front, as SNS demands."""
    text = headline(message).encode("ascii", "replace").decode()
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return f"Sentinel: {line}"[:_SUBJECT_LIMIT].rstrip()


def _attributes(message: Message) -> Mapping[str, Mapping[str, str]]:
    said = {
        "event_type": message.type.value,
        "delivery_id": message.delivery_id,
        "profile": message.text("profile"),
        "drill": "true" if message.fields.get("drill") is True else "false",
    }
    return {name: {"DataType": "String", "StringValue": text} for name, text in said.items() if text}


def _group(message: Message) -> str:
    """What must stay in order: everything of one request or emergency."""
    ident = message.text("id") or "test"
    return f"{message.type.value.partition('.')[0]}-{re.sub('[^A-Za-z0-9]', '-', ident)}"[:128]
