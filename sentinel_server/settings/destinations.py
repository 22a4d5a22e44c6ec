"""Who is told of requests and emergencies, one destination a line, and where their secrets are.

    NAME  sns      TOPIC-ARN                      [events=PATTERN,…]
    NAME  slack    SECRET                         [events=PATTERN,…]
    NAME  webhook  https://HOST/PATH or SECRET    key=SECRET [events=PATTERN,…]

SECRET is a reference (`file:///PATH`, `env:VARIABLE` or `ssm:/NAME`), because settings are shown to everybody
and a command line can be read by everybody on the machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from sentinel_server.errors import InvalidSetting
from sentinel_server.frozen import frozen

if TYPE_CHECKING:
    from sentinel_server.notifications.event import EventType

_NAME = r"[a-z0-9][a-z0-9-]{0,31}"
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]{0,127}"
_PARAMETER = r"/[A-Za-z0-9_./-]{1,1010}"
_FORM = (
    "one destination a line, or between semicolons: NAME sns|slack|webhook WHERE [key=SECRET] "
    "[events=PATTERN,…], such as: chat slack file:///etc/sentinel/slack-url"
)


class Channel(Enum):
    """How a destination is reached."""

    SNS = "sns"
    SLACK = "slack"
    WEBHOOK = "webhook"


@frozen
class SecretRef:
    """Where a secret is: in a file, in a variable, or in an SSM parameter. `kind` is the word for that."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"file://{self.name}" if self.kind == "file" else f"{self.kind}:{self.name}"


@frozen
class DestinationSetting:
    """One destination: a topic's ARN, a URL, or where the URL is; and where the keys that sign for it are."""

    name: str
    channel: Channel
    where: str | SecretRef
    key: SecretRef | None
    events: frozenset[EventType]


def read_destinations(text: str) -> tuple[DestinationSetting, ...]:
    """The destinations of a text, one a line or between semicolons. Raises InvalidSetting.

    No message quotes more than a name: somebody may have written a secret where it must not be.
    """
    lines = [line.split() for line in re.split(r"[\n;]", text) if line.strip()]
    found = tuple(_destination(words, number) for number, words in enumerate(lines, start=1))
    names = [each.name for each in found]
    for name in names:
        if names.count(name) > 1:
            raise InvalidSetting(f"notifications.to: two destinations are called {name!r}")
    return found


def read_link_base(text: str) -> str:
    """What links begin with. Raises ValueError."""
    if not re.fullmatch(r"https://[A-Za-z0-9.-]+(?::\d{1,5})?(?:/[A-Za-z0-9._~/-]*)?", text, re.ASCII):
        raise ValueError("https://HOST/PATH is wanted")
    return text.rstrip("/")


def _destination(words: list[str], number: int) -> DestinationSetting:
    if len(words) < 3:
        has = "one word" if len(words) == 1 else f"{len(words)} words"
        raise _wrong(f"destination {number}", f"it has {has}, and a name, a kind and a place are wanted")
    if not re.fullmatch(_NAME, words[0], re.ASCII):
        raise _wrong(
            f"destination {number}", "its name, the first word, may have a-z, 0-9 and - and 32 characters"
        )
    name, kind, where, *rest = words
    if kind not in {channel.value for channel in Channel}:
        raise _wrong(name, "sns, slack or webhook is wanted")
    channel, options = Channel(kind), _options(name, rest)
    key = options.get("key")
    if (key is not None) != (channel is Channel.WEBHOOK):
        raise _wrong(name, "a webhook needs key=SECRET to sign with, and nothing else has one")
    return DestinationSetting(
        name=name,
        channel=channel,
        where=_where(name, channel, where),
        key=None if key is None else _secret(name, key),
        events=_events(name, options.get("events", "*")),
    )


def _options(name: str, words: list[str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for word in words:
        option, equals, value = word.partition("=")
        if not equals or not value or option not in ("key", "events") or option in found:
            raise _wrong(name, "only key=SECRET and events=PATTERN,… may follow, each once")
        found[option] = value
    return found


def _where(name: str, channel: Channel, text: str) -> str | SecretRef:
    if channel is Channel.SNS:
        if not text.startswith("arn:"):
            raise _wrong(name, "the ARN of an SNS topic is wanted")
        return text
    if channel is Channel.WEBHOOK and text.startswith(("https://", "http://")):
        return text
    return _secret(name, text)


def _secret(name: str, text: str) -> SecretRef:
    if text.startswith("file://") and Path(text.removeprefix("file://")).is_absolute():
        return SecretRef(kind="file", name=text.removeprefix("file://"))
    kind, _, rest = text.partition(":")
    if kind == "env" and re.fullmatch(_VARIABLE, rest, re.ASCII) and not rest.startswith("SENTINEL_"):
        return SecretRef(kind=kind, name=rest)
    if kind == "ssm" and re.fullmatch(_PARAMETER, rest, re.ASCII):
        return SecretRef(kind=kind, name=rest)
    raise _wrong(name, "a secret is named by file:///PATH, env:VARIABLE or ssm:/NAME, never written here")


def _events(name: str, text: str) -> frozenset[EventType]:
    """All types that some pattern fits; each pattern has to fit one. A test goes everywhere."""
    from sentinel_server.notifications.event import EventType

    found = {EventType.TEST}
    for pattern in text.split(","):
        fitting = {type_ for type_ in EventType if fnmatchcase(type_.value, pattern)}
        if not fitting:
            raise _wrong(name, f"no event is called {pattern[:40]!r}; see docs/notifications.md")
        found |= fitting
    return frozenset(found)


def _wrong(name: str, what: str) -> InvalidSetting:
    return InvalidSetting(f"notifications.to: {name}: {what}", hint=_FORM)
