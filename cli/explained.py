"""What a policy decides on one ask, as data and as words of at most 80 columns."""

from __future__ import annotations

import textwrap
from typing import TypedDict

from sentinel_server.clock import whole_seconds
from sentinel_server.policy.evaluate import PolicyAsk, evaluate
from sentinel_server.policy.explain import explain
from sentinel_server.policy.outcome import outcome
from sentinel_server.policy.schema import LoadedPolicy

_WIDTH = 80
_LABEL = 8


class Miss(TypedDict):
    """A rule that did not match."""

    rule_index: int
    rule: str
    why_not: str


class Explained(TypedDict):
    """The decision with all that led to it; `rule` is None and `rule_index` -1 when no rule matches.

    `outcome` is what whoever asks meets at that door, where a session is in a shared store.
    """

    effect: str
    outcome: str
    rule: str | None
    rule_index: int
    reason: str
    device_blocked: str | None
    profile: str
    principal: str
    mode: str
    at: str
    policy_path: str
    policy_version: str
    policy_sha256: str
    policy_signer: str | None
    policy_serial: int | None
    trace: list[Miss]


def explained(loaded: LoadedPolicy, ask: PolicyAsk) -> Explained:
    """The decision of a loaded policy on `ask`, for `--output json`."""
    decision = evaluate(loaded.policy, ask)
    rule, blocked = decision.rule, decision.device_blocked
    steps = explain(loaded.policy, ask)
    return Explained(
        effect="deny" if rule is None else rule.effect.value,
        outcome=outcome(decision, ask.mode, shared_store=True).value,
        rule=None if rule is None else rule.name,
        rule_index=decision.index,
        reason="no matching rule" if rule is None else rule.reason,
        device_blocked=None if blocked is None else blocked.name,
        profile=ask.profile,
        principal=ask.principal.arn,
        mode=ask.mode.value,
        at=whole_seconds(ask.now),
        policy_path=loaded.name,
        policy_version=loaded.version,
        policy_sha256=loaded.sha256,
        policy_signer=loaded.signer or None,
        policy_serial=loaded.serial,
        trace=[Miss(rule_index=step.index, rule=step.rule, why_not=step.why_not) for step in steps],
    )


def in_words(found: Explained) -> str:
    """The same for people."""
    rule = "none" if found["rule"] is None else f"{found['rule_index'] + 1}, {found['rule']}"
    lines = [_line("effect", found["effect"])]
    if found["outcome"] != found["effect"]:
        lines.append(_line("outcome", f"{found['outcome']} by {found['mode']}"))
    lines.append(_line("rule", rule))
    if found["reason"]:
        lines.append(_line("reason", found["reason"]))
    if found["device_blocked"] is not None:
        lines.append(
            _line("device", f"rule {found['device_blocked']} insists on a device; nothing lifts that")
        )
    lines.append(_line("asked", f"{found['principal']} for {found['profile']} by {found['mode']}"))
    lines.append(_line("at", found["at"]))
    lines.append(_line("policy", found["policy_path"]))
    if found["policy_signer"] is not None:
        lines.append(_line("signed", f"by {found['policy_signer']}, serial {found['policy_serial']}"))
    if found["trace"]:
        lines.append("rules that do not match:")
    lines += [
        _line("", f"{miss['rule_index'] + 1}, {miss['rule']}: {miss['why_not']}") for miss in found["trace"]
    ]
    return "\n".join(lines)


def _line(label: str, text: str) -> str:
    first, rest = label.ljust(_LABEL), " " * _LABEL
    return textwrap.fill(
        text, _WIDTH, initial_indent=first if label else "  ", subsequent_indent=rest, break_on_hyphens=False
    )
