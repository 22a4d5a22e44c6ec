"""The ARNs that AWS can name somebody by, cut at `:` and `/`: no wildcard crosses those, so each part can be
chosen by itself.

What a part may hold is what `identity.arn` accepts.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass

from sentinel_server.identity.arn import PARTITIONS
from sentinel_server.identity.principal import Kind
from sentinel_server.policy.linting.globs import Item, Shape, glob

HEX = "0123456789abcdef"
DIGITS = string.digits
_LETTERS = "x" + string.ascii_lowercase.replace("x", "")
NAME = _LETTERS + string.ascii_uppercase + string.digits + "_+=,.@-"
PATH = NAME + "".join(sorted(set(map(chr, range(0x21, 0x7F))) - set(NAME) - set(":/")))

A_NAME: Shape = (Item(NAME), Item(NAME, run=True))
ACCOUNT: Shape = (Item(DIGITS),) * 12
PATH_PART: Shape = (Item(PATH, run=True),)
SSO_ROLE: Shape = (*glob("AWSReservedSSO_"), *A_NAME, *glob("_"), *(Item(HEX),) * 16)

KINDS = (Kind.IAM_USER, Kind.SSO_ROLE, Kind.ASSUMED_ROLE, Kind.FEDERATED_USER, Kind.ROOT)
"""Every kind, those that people think of first."""
_FIRST = {
    Kind.IAM_USER: ("iam", "user"),
    Kind.SSO_ROLE: ("sts", "assumed-role"),
    Kind.ASSUMED_ROLE: ("sts", "assumed-role"),
    Kind.FEDERATED_USER: ("sts", "federated-user"),
    Kind.ROOT: ("iam", "root"),
}
ROLES = (Kind.SSO_ROLE, Kind.ASSUMED_ROLE)


@dataclass(frozen=True, slots=True)
class Cut:
    """An ARN, or a pattern for some: the parts before and in the resource, and what separates the latter."""

    parts: tuple[str, ...]
    form: str


def cut(pattern: str) -> Cut | None:
    """The parts of an ARN pattern; None when it has not the form of an ARN and so fits nobody's."""
    fields = pattern.split(":", 5)
    if len(fields) < 6 or any("/" in field for field in fields[:5]):
        return None
    pieces = re.split("([:/])", fields[5])
    return Cut(parts=(*fields[1:5], *pieces[::2]), form="".join(pieces[1::2]))


def may_have(kind: Kind, form: str) -> bool:
    """Whether ARNs of this kind can be separated so; a user's path may have any depth, and colons."""
    if kind is Kind.IAM_USER:
        return form[:1] == "/" == form[-1:]
    return form == {Kind.FEDERATED_USER: "/", Kind.ROOT: ""}.get(kind, "//")


def fixed(kind: Kind, place: int) -> tuple[str, ...] | None:
    """The only words that the part at `place` can be: partition, service, region, and the first of the
    resource; None where it can be many.
    """
    service, first = _FIRST[kind]
    return {0: _PARTITIONS, 1: (service,), 2: ("",), 4: (first,)}.get(place)


_PARTITIONS = tuple(sorted(PARTITIONS, key=lambda name: (len(name), name)))
