"""IAM policies and what they answer. Pure: a request and policies in, a verdict out.

Explicit deny wins; no statement means no. Whatever this evaluator does not know (an element, an operator,
a request whose resource could not be told) raises CannotEvaluate instead of counting as yes or no.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import lru_cache

from sentinel_server.frozen import frozen
from sentinel_server.sandbox.conditions import (
    CannotEvaluate,
    Condition,
    Context,
    holds,
    parse_conditions,
    substitute,
    wildcard,
)


class Verdict(Enum):
    """What a set of policies says about one request."""

    ALLOWED = "allowed"
    DENIED = "explicitly denied"
    SILENT = "nothing allows it"


@frozen
class Ask:
    """One thing a request wants to do. `resource` is None where the sandbox cannot tell the ARN."""

    action: str
    resource: str | None
    context: Context
    principals: frozenset[str] = frozenset()
    """Names the caller answers to in a `Principal` element: its ARN, its role's, its account's root, `*`."""


@frozen
class Statement:
    """One parsed statement; `not_` fields say that the element was its `Not…` form."""

    allow: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[str, ...] | None = None
    conditions: tuple[Condition, ...] = ()
    not_action: bool = False
    not_resource: bool = False
    not_principal: bool = False


@frozen
class Policy:
    """A parsed policy document."""

    statements: tuple[Statement, ...]


ALLOW_ALL = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
"""The document of a principal that may do everything."""


@lru_cache(maxsize=512)
def parse_policy(document: str) -> Policy:
    """The policy that a JSON document says. Raises CannotEvaluate for anything not understood."""
    try:
        data = json.loads(document)
    except ValueError:
        raise CannotEvaluate("the policy is not JSON") from None
    if not isinstance(data, dict) or set(data) - {"Version", "Id", "Statement"} or "Statement" not in data:
        raise CannotEvaluate("the policy is not an object of Version and Statement")
    if data.get("Version") != "2012-10-17":
        raise CannotEvaluate("the policy's Version is not 2012-10-17")
    found = data["Statement"]
    return Policy(statements=tuple(map(_statement, found if isinstance(found, list) else [found])))


def evaluate(policies: Iterable[Policy], ask: Ask) -> Verdict:
    """What these policies together say: a matching deny beats every allow."""
    verdict = Verdict.SILENT
    for policy in policies:
        for statement in policy.statements:
            if not applies(statement, ask):
                continue
            if not statement.allow:
                return Verdict.DENIED
            verdict = Verdict.ALLOWED
    return verdict


def applies(statement: Statement, ask: Ask) -> bool:
    """Whether the statement speaks about this request."""
    named = any(wildcard(action, ask.action, ignore_case=True) for action in statement.actions)
    if named == statement.not_action or not _principal_matches(statement, ask):
        return False
    if not _resource_matches(statement, ask):
        return False
    return all(holds(condition, ask.context) for condition in statement.conditions)


def _principal_matches(statement: Statement, ask: Ask) -> bool:
    if statement.principals is None:
        return True
    named = not ask.principals.isdisjoint(statement.principals)
    return named != statement.not_principal


def _resource_matches(statement: Statement, ask: Ask) -> bool:
    if statement.resources == ("*",) and not statement.not_resource:
        return True
    if ask.resource is None:
        raise CannotEvaluate(f"which resource {ask.action} is about, and a statement names one")
    patterns = (substitute(pattern, ask.context) for pattern in statement.resources)
    named = any(pattern is not None and wildcard(pattern, ask.resource) for pattern in patterns)
    return named != statement.not_resource


_KNOWN = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}


def _statement(data: object) -> Statement:
    if not isinstance(data, dict):
        raise CannotEvaluate("a statement is not an object")
    if set(data) - _KNOWN:
        raise CannotEvaluate(f"statement element {sorted(set(data) - _KNOWN)[0]}")
    if data.get("Effect") not in ("Allow", "Deny"):
        raise CannotEvaluate(f"Effect {data.get('Effect')!r}")
    if ("Action" in data) == ("NotAction" in data):
        raise CannotEvaluate("a statement needs Action or NotAction")
    return Statement(
        allow=data["Effect"] == "Allow",
        actions=_texts(data.get("Action", data.get("NotAction"))),
        resources=_texts(data.get("Resource", data.get("NotResource", "*"))),
        principals=_principals(data.get("Principal", data.get("NotPrincipal"))),
        conditions=parse_conditions(data.get("Condition", {})),
        not_action="NotAction" in data,
        not_resource="NotResource" in data,
        not_principal="NotPrincipal" in data,
    )


def _texts(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(text, str) for text in values):
        raise CannotEvaluate(f"expected text or a list of texts, not {value!r}")
    return tuple(values)


def _principals(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if value == "*":
        return ("*",)
    if not isinstance(value, Mapping):
        raise CannotEvaluate(f"Principal {value!r}")
    names = [(kind, name) for kind, given in value.items() for name in _texts(given)]
    return tuple(_principal(kind, name) for kind, name in names)


def _principal(kind: str, name: str) -> str:
    if kind == "AWS":
        return f"arn:aws:iam::{name}:root" if name.isdigit() and len(name) == 12 else name
    if kind in ("Service", "Federated"):
        return f"{kind}:{name}"
    raise CannotEvaluate(f"Principal kind {kind}")
