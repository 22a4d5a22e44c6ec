"""Documents to start from. Each parses and lints clean, and allows those it names and nobody else."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from sentinel_server.errors import BadInput
from sentinel_server.frozen import frozen
from sentinel_server.policy.names import ARN, ARN_LIMIT, BARE, PROFILE_LIMIT

TEMPLATES = ("basic", "approvals", "full")
"""What there is to choose from, each with more than the one before."""


@frozen
class Cast:
    """Whom and what the documents are for. Raises BadInput for a name that they could not hold as it is.

    `approvers` agree to requests; they are the users when none are named.
    """

    profiles: tuple[str, ...]
    users: tuple[str, ...]
    approvers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for profile in self.profiles:
            _check_profile(profile)
        for user in (*self.users, *self.approvers):
            _check_user(user)


def documents(template: str, cast: Cast) -> dict[str, str]:
    """The texts by file name."""
    return {file: make(cast) for file, make in _FILES[template].items()}


def _check_profile(name: str) -> None:
    if not name or not name.isprintable() or name != name.strip() or len(name) > PROFILE_LIMIT:
        raise BadInput(f"{name[:60]!r} is not a profile's name")
    if {"*", "?"} & set(name):
        raise BadInput(f"profile {name[:60]!r}: here a name must be one, and no pattern")


def _check_user(name: str) -> None:
    if name.startswith("arn:"):
        if not ARN.fullmatch(name) or len(name) > ARN_LIMIT:
            raise BadInput(f"{name[:60]!r} is not an ARN pattern")
    elif not BARE.fullmatch(name) or {"*", "?"} & set(name):
        raise BadInput(f"{name[:60]!r} is not a user's name", hint="name roles by ARN, as in arn:aws:…")


def _basic(cast: Cast) -> str:
    return _POLICY.format(profiles=_listed(cast.profiles), users=_listed(cast.users))


def _asking(cast: Cast) -> str:
    return _ASKING.format(profiles=_listed(cast.profiles), users=_listed(cast.users))


def _approval(cast: Cast) -> str:
    approvers = cast.approvers or cast.users
    return _APPROVAL.format(
        profiles=_listed(cast.profiles), users=_listed(cast.users), approvers=_listed(approvers)
    )


def _breakglass(cast: Cast) -> str:
    return _BREAKGLASS.format(profiles=_listed(cast.profiles), users=_listed(cast.users))


def _ratelimit(cast: Cast) -> str:
    return _RATELIMIT.format(profiles=_listed(cast.profiles))


def _listed(names: Sequence[str]) -> str:
    """A flow list, every name in quotes: YAML reads a JSON string as what it is."""
    return "[" + ", ".join(json.dumps(name, ensure_ascii=False) for name in dict.fromkeys(names)) + "]"


_POLICY = """\
# Who may have credentials of which profile. The first rule that matches decides; when none does, nobody may.
#   check it:   sentinel policy validate policy.yaml && sentinel policy lint policy.yaml
version: "1"
kind: policy
rules:
  - name: allow the team
    effect: allow
    conditions:
      profiles: {profiles}
      users: {users}
    max_duration: 1h
"""
_ASKING = """\
# Who may have credentials of which profile. The first rule that matches decides; when none does, nobody may.
#   check it:   sentinel policy validate policy.yaml && sentinel policy lint policy.yaml
version: "1"
kind: policy
rules:
  - name: the team asks first
    effect: require_approval
    reason: somebody else has to agree
    conditions:
      profiles: {profiles}
      users: {users}
    max_duration: 1h
"""
_APPROVAL = """\
# Who may agree to requests. Nobody approves their own, whatever stands here.
version: "1"
kind: approval
rules:
  - name: the team agrees
    profiles: {profiles}
    requesters: {users}
    approvers: {approvers}
    approvals_required: 1
    start_within: 1h
    max_duration: 1h
    # What is approved without anybody: only requests of those you name.
    # auto_approve:
    #   users: [somebody]
    #   time: {{days: [monday, friday], hours: {{start: "09:00", end: "17:00"}}, timezone: Europe/Berlin}}
    #   max_duration: 30m
"""
_BREAKGLASS = """\
# Who may break the glass in an emergency, and for what.
version: "1"
kind: breakglass
rules:
  - name: the team in an emergency
    profiles: {profiles}
    users: {users}
    allowed_reason_codes: [incident, maintenance, security, recovery]
    max_duration: 1h
    # Whoever breaks the glass proves who they are once more; leave this out only where nobody can.
    mfa: {{required: true}}
"""
_RATELIMIT = """\
# How often the glass may be broken.
version: "1"
kind: ratelimit
rules:
  - name: a few a day
    profiles: {profiles}
    cooldown: 30m
    max_per_user: 3
    max_per_profile: 10
    quota_window: 24h
    escalation_threshold: 2
"""
_FILES: dict[str, dict[str, Callable[[Cast], str]]] = {
    "basic": {"policy.yaml": _basic},
    "approvals": {"policy.yaml": _asking, "approval.yaml": _approval},
    "full": {
        "policy.yaml": _asking,
        "approval.yaml": _approval,
        "breakglass.yaml": _breakglass,
        "ratelimit.yaml": _ratelimit,
    },
}
