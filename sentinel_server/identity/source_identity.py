"""The stamp on every AWS session: `sentinel=<user>=<d|a|b>=<id>`.

STS allows SourceIdentity 2 to 64 characters of `[\\w+=,.@-]`, ASCII; a colon is illegal there. `<user>` is
for people to read and `<id>` is the key: the session id in server mode, the issue id elsewhere.

`<user>` is a letter for the kind, a dot and the name, 36 characters at most: `u.` IAM user, `s.` SSO user,
`r.` the *name* of any other role (its session name is the caller's choice), `f.` federated user. Account root
is `root`, which no other can be, since all others have the dot. A name that had to be altered or cut, or that
contains `..`, ends in `..` and 10 hex digits of the SHA-256 of the name itself; one that does not is exact.
"""

from __future__ import annotations

import hashlib
import re
from enum import Enum

from sentinel_server.errors import InvalidIdentifier
from sentinel_server.frozen import frozen
from sentinel_server.identity.principal import Kind, Principal

STS_PATTERN = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
"""What STS accepts as SourceIdentity and as RoleSessionName (its service model, `sourceIdentityType`)."""

USER_LIMIT = 36
"""Characters of `<user>`: what 64 leave beside the rest."""

_ID = re.compile(r"[0-9a-f]{16}")
_USER = re.compile(r"root|[usrf]\.[A-Za-z0-9_.@-]{1,34}")
_FOREIGN = re.compile(r"[^A-Za-z0-9_.@-]")
_OLD = re.compile(r"sentinel:([A-Za-z0-9]{1,20}):(?:(direct|[0-9a-f]{8}):)?([0-9a-f]{8})")
_LETTERS = {Kind.IAM_USER: "u", Kind.SSO_ROLE: "s", Kind.ASSUMED_ROLE: "r", Kind.FEDERATED_USER: "f"}


class Marker(Enum):
    """Why the session exists; the value is its letter in the stamp."""

    DIRECT = "d"
    APPROVED = "a"
    EMERGENCY = "b"


@frozen
class SourceIdentity:
    """A stamp, taken apart. `old` is true for the Go product's form with colons, which is never written."""

    user: str
    marker: Marker
    id: str
    old: bool = False


def stamp_for(principal: Principal, marker: Marker, id: str) -> str:
    """The SourceIdentity for this principal; always legal to STS.

    Raises InvalidIdentifier when `id` is not 16 lower-case hex digits.
    """
    return f"sentinel={stamp_user(principal)}={marker.value}={_checked(id)}"


def role_session_name(principal: Principal, issue_id: str) -> str:
    """`sentinel-<user>-<issue_id>`, the RoleSessionName of one AssumeRole; at most 62 characters."""
    return f"sentinel-{stamp_user(principal)}-{_checked(issue_id)}"


def stamp_user(principal: Principal) -> str:
    """The `<user>` of the stamp; equal for two principals of one kind only when their names are equal."""
    if principal.kind is Kind.ROOT:
        return "root"
    name = principal.role if principal.kind is Kind.ASSUMED_ROLE else principal.name
    return f"{_LETTERS[principal.kind]}.{_readable(name or '')}"


def parse_stamp(text: str) -> SourceIdentity:
    """The stamp that `text` is, in today's form or the old one; raises InvalidIdentifier otherwise."""
    old = _OLD.fullmatch(text)
    if old is not None:
        user, approval, request_id = old.groups()
        marker = Marker.DIRECT if approval in (None, "direct") else Marker.APPROVED
        return SourceIdentity(user=user, marker=marker, id=request_id, old=True)
    fields = text.split("=")
    if len(fields) != 4 or fields[0] != "sentinel" or fields[2] not in {"d", "a", "b"}:
        raise InvalidIdentifier(f"{text!r} is not a stamp of ours (sentinel=USER=d|a|b=ID)")
    if not _USER.fullmatch(fields[1]):
        raise InvalidIdentifier(f"{fields[1]!r} is not the user of a stamp")
    return SourceIdentity(user=fields[1], marker=Marker(fields[2]), id=_checked(fields[3]))


def _readable(name: str) -> str:
    limit = USER_LIMIT - 2
    plain = _FOREIGN.sub("-", name)
    if plain == name and 0 < len(name) <= limit and ".." not in name:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{plain[: limit - 12]}..{digest}"


def _checked(id: str) -> str:
    if not _ID.fullmatch(id):
        raise InvalidIdentifier(f"{id!r} is not an id (16 lower-case hex digits)")
    return id
