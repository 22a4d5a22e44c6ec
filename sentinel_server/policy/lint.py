"""What is questionable about a policy that is valid. Exact: what it reports about reach holds for every
request, and what it cannot decide within bounds it says that it cannot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from sentinel_server.policy.bootstrap import Bootstrap
from sentinel_server.policy.documents import Document, parse_document
from sentinel_server.policy.events import read_tree
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.linting import single
from sentinel_server.policy.linting.codes import Code, Severity
from sentinel_server.policy.linting.findings import Finding, Subject
from sentinel_server.policy.linting.order import order
from sentinel_server.policy.linting.places import Places
from sentinel_server.policy.linting.sides import sides
from sentinel_server.policy.schema import Policy

__all__ = ["Code", "Finding", "Severity", "lint", "lint_document", "lint_policy"]


def lint(
    text: bytes | str, *, file: str, now: datetime, kind: DocumentKind | None = None
) -> tuple[Finding, ...]:
    """What there is to say about the document that `text` is, in the order of the text.

    `now` is where the future begins, in which alone requests are made; it must be aware of its zone. Takes up
    to seconds for hundreds of rules. `kind` is as in `read_document`. Raises InvalidPolicy.
    """
    document = parse_document(text, file=file, kind=kind)
    return lint_document(document, now=now, places=Places(read_tree(text)))


def lint_document(document: Document, *, now: datetime, places: Places | None = None) -> tuple[Finding, ...]:
    """The same for a document by itself; without `places` all is found at the first line."""
    where = Places(None) if places is None else places
    if isinstance(document, Policy):
        return lint_policy(document, now=now, places=where)
    if isinstance(document, Bootstrap):
        return tuple(_initial(document, where, now))
    return _sorted(sides(document, where, now))


def lint_policy(policy: Policy, *, now: datetime, places: Places | None = None) -> tuple[Finding, ...]:
    """The same for a policy by itself; without `places` all is found at the first line."""
    subject = Subject(policy, Places(None) if places is None else places, now)
    return _sorted(_findings(subject))


def _sorted(found: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(found, key=lambda each: (each.line, each.column, each.code.value)))


def _initial(bootstrap: Bootstrap, places: Places, now: datetime) -> Iterator[Finding]:
    """What there is to say about each initial policy, at the place of its text."""
    for index, profile in enumerate(bootstrap.profiles):
        if not profile.initial_text:
            continue
        path = f"profiles[{index}].initial_policy"
        mark = places.at(path)
        for each in lint(profile.initial_text, file=path, now=now, kind=DocumentKind.POLICY):
            message = f"line {each.line} of it: {each.message}"
            yield replace(each, path=path, line=mark.line, column=mark.column, message=message)


def _findings(subject: Subject) -> Iterator[Finding]:
    yield from single.groups(subject)
    for index in range(len(subject.policy.rules)):
        yield from single.users(subject, index)
        yield from single.windows(subject, index)
        yield from single.settings(subject, index)
    yield from order(subject)
