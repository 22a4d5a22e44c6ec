"""What is questionable about a policy that is valid. Exact: what it reports about reach holds for every
request, and what it cannot decide within bounds it says that it cannot.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sentinel_server.policy.events import read_tree
from sentinel_server.policy.linting import single
from sentinel_server.policy.linting.codes import Code, Severity
from sentinel_server.policy.linting.findings import Finding, Subject
from sentinel_server.policy.linting.order import order
from sentinel_server.policy.linting.places import Places
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.schema import Policy

__all__ = ["Code", "Finding", "Severity", "lint", "lint_policy"]


def lint(text: bytes | str, *, file: str, now: datetime) -> tuple[Finding, ...]:
    """What there is to say about the access policy that `text` is, in the order of the text.

    `now` is where the future begins, in which alone requests are made; it must be aware of its zone. Takes up
    to seconds for hundreds of rules. Raises InvalidPolicy.
    """
    policy = parse_policy(text, file=file)
    return lint_policy(policy, now=now, places=Places(read_tree(text)))


def lint_policy(policy: Policy, *, now: datetime, places: Places | None = None) -> tuple[Finding, ...]:
    """The same for a policy by itself; without `places` all is found at the first line."""
    subject = Subject(policy, Places(None) if places is None else places, now)
    found = sorted(_findings(subject), key=lambda each: (each.line, each.column, each.code.value))
    return tuple(found)


def _findings(subject: Subject) -> Iterator[Finding]:
    yield from single.groups(subject)
    for index in range(len(subject.policy.rules)):
        yield from single.users(subject, index)
        yield from single.windows(subject, index)
        yield from single.settings(subject, index)
    yield from order(subject)
