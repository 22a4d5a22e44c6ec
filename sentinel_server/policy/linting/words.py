"""A request in words."""

from __future__ import annotations

from sentinel_server.identity.principal import Kind
from sentinel_server.policy.linting.reach import Witness
from sentinel_server.policy.match import NAMED_BARE
from sentinel_server.policy.schema import WEEK
from sentinel_server.policy.yaml_lines import clock_time

_KINDS = {Kind.IAM_USER: "IAM user", Kind.SSO_ROLE: "Identity Center session"}


def witness_words(witness: Witness) -> str:
    """`alice (IAM user) for prod by cli on Monday 2026-01-05 09:00 UTC`."""
    ask = witness.ask
    principal = ask.principal
    who = f"{principal.name} ({_KINDS[principal.kind]})" if principal.kind in NAMED_BARE else principal.arn
    day = WEEK[ask.now.weekday()].value.capitalize()
    when = f"{day} {ask.now:%Y-%m-%d} {clock_time(ask.now.hour * 60 + ask.now.minute)} UTC"
    device = " from a device that satisfies it" if witness.posture else ""
    return f"{who} for {ask.profile} by {ask.mode.value} on {when}{device}"
