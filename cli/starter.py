"""The policy that `init local` writes: one rule for one person and one profile, with comments that teach."""

from __future__ import annotations

import json
import re
from datetime import datetime

from sentinel_server.errors import BadInput, Findings
from sentinel_server.frozen import frozen
from sentinel_server.identity.principal import Kind, Principal
from sentinel_server.policy.evaluate import PolicyAsk, evaluate
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.schema import Effect, Mode


@frozen
class Starter:
    """What the policy is to say. `user` is a bare name or an ARN pattern."""

    profile: str
    user: str
    unstamped: bool = False

    def __post_init__(self) -> None:
        """Raises BadInput for what a policy could only mean as a pattern for more."""
        if {"*", "?"} & set(self.profile):
            raise BadInput(
                f"profile {self.profile!r}: policies take * and ? for wildcards; rename the profile"
            )
        if {"*", "?"} & set(self.user) and not self.user.startswith("arn:"):
            raise BadInput(f"--user {self.user!r}: only in ARN patterns may there be wildcards here")


def user_entry(principal: Principal) -> str:
    """The entry of `users` that means this principal and nobody else.

    A role is meant whatever its session name, which the caller chooses.
    """
    match principal.kind:
        case Kind.IAM_USER | Kind.SSO_ROLE:
            return principal.name
        case Kind.ASSUMED_ROLE:
            head = principal.arn.rpartition("/")[0]
            return f"{head}/*"
        case Kind.FEDERATED_USER | Kind.ROOT:
            return principal.arn


def render(starter: Starter) -> str:
    """The YAML text. `parse_policy` reads it, and it allows what it was made for."""
    text = _TEXT.format(
        profile_words=_one_line(starter.profile),
        rule=json.dumps(f"{_one_line(starter.profile)[:40]} for its owner", ensure_ascii=False),
        profile=json.dumps(starter.profile, ensure_ascii=False),
        user=json.dumps(starter.user, ensure_ascii=False),
    )
    return text + (_UNSTAMPED if starter.unstamped else _STAMPED)


def check(text: str, starter: Starter, principal: Principal | None, now: datetime) -> None:
    """Make sure that the text is a policy, and that it allows `principal` at each of its doors.

    Raises InvalidPolicy, and Findings when it would refuse the one it was made for.
    """
    policy = parse_policy(text, file=f"{starter.profile}.yaml")
    if principal is None:
        return
    for mode in (Mode.SERVER, Mode.CLI, Mode.CREDENTIAL_PROCESS):
        ask = PolicyAsk(
            principal=principal,
            profile=starter.profile,
            mode=mode,
            now=now,
            home_account=principal.account,
        )
        rule = evaluate(policy, ask).rule
        if rule is None or rule.effect is not Effect.ALLOW:
            raise Findings(f"the policy would refuse {principal.arn}", hint="name an ARN pattern: --user ARN")


def _one_line(text: str) -> str:
    return re.sub(r"[^ -~]", "?", text)


_TEXT = """\
# What may be done with the profile {profile_words}.
# Rules are tried from top to bottom; the first that matches decides, and no match is a denial.
#   check this file:      sentinel policy validate FILE
#   try it out:           sentinel policy explain --profile NAME --user USER
version: "1"
rules:
  - name: {rule}
    effect: allow
    # Also: deny, require_approval, require_server, require_server_session.
    conditions:
      profiles: [{profile}]
      # A bare name is an IAM user or an Identity Center user of this account; others go by ARN pattern.
      users: [{user}]
      # server: `exec --server`, decided anew on every fetch. cli: `exec`. credential_process: SDKs.
      mode: [server, cli, credential_process]
      # time: {{days: [monday, friday], hours: {{start: "09:00", end: "17:00"}}, timezone: Europe/Berlin}}
    reason: written by sentinel init local
"""
_STAMPED = """\
    # max_duration: 1h    # the longest session of any door
    # max_lease: 5m       # how soon SDKs must ask again
"""
_UNSTAMPED = """\
    # This profile has no role: its sessions carry no stamp, cannot be shortened, and no limit fits here.
    allow_unstamped: true
"""
