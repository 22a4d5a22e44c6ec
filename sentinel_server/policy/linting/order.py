"""What the order of the rules makes of them: rules that nothing reaches, denials that come too late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sentinel_server.policy.linting.codes import Code
from sentinel_server.policy.linting.findings import ALLOWING, Finding, Subject
from sentinel_server.policy.linting.globs import Undecided
from sentinel_server.policy.linting.reach import Witness
from sentinel_server.policy.linting.words import witness_words
from sentinel_server.policy.schema import Effect, Policy, Rule, expand

_PAIRS = 20_000
"""Allowances held against denials in one policy."""


def order(subject: Subject) -> Iterator[Finding]:
    """Findings about what comes before what."""
    unreached: set[int] = set()
    same: dict[object, int] = {}
    for index, rule in enumerate(subject.policy.rules):
        first = same.setdefault(_meaning(subject.policy, rule), index)
        if first != index:
            unreached.add(index)
            earlier = subject.policy.rules[first].name
            yield subject.about_rule(
                Code.IDENTICAL, index, f"same conditions and effect as the earlier rule `{earlier}`"
            )
            continue
        if (finding := unreachable(subject, index)) is not None:
            if finding.code is not Code.UNDECIDED:
                unreached.add(index)
            yield finding
    yield from _late(subject, unreached)


def _meaning(policy: Policy, rule: Rule) -> object:
    """Equal for rules with the same effect and conditions that differ at most in the order of lists."""
    conditions = rule.conditions
    window = conditions.time
    return (
        rule.effect,
        frozenset(conditions.profiles),
        frozenset(conditions.not_profiles),
        frozenset(expand(conditions.users, policy.groups)),
        frozenset(expand(conditions.not_users, policy.groups)),
        frozenset(conditions.modes),
        None if window is None else (frozenset(window.days), replace(window, days=())),
        conditions.device,
    )


def unreachable(subject: Subject, index: int) -> Finding | None:
    """That nothing reaches the rule, or that it was not decided; None if something does."""
    try:
        return _unreached(subject, index)
    except Undecided:
        return subject.about_rule(Code.UNDECIDED, index, "whether any request reaches it was not decided")


def _unreached(subject: Subject, index: int) -> Finding | None:
    """Why nothing reaches the rule; None if something does, or if another check says why."""
    reach = subject.reach
    if reach.find((index,), (1 << index) - 1) is not None:
        return None
    if reach.find((index,), 0) is None:
        if reach.never(index) or _nobody(subject, index):
            return None
        return _about(subject, index, "its own conditions contradict each other, so it never matches")
    covering = reach.covering(index)
    names = subject.names(covering)
    what = f"rule {names} takes" if len(covering) == 1 else f"rules {names} together take"
    return _about(subject, index, f"no request reaches it: the earlier {what} all that it matches")


def _about(subject: Subject, index: int, message: str) -> Finding:
    denies = subject.policy.rules[index].effect is Effect.DENY
    return subject.about_rule(Code.UNREACHABLE_DENY if denies else Code.UNREACHABLE, index, message)


def _nobody(subject: Subject, index: int) -> bool:
    users = expand(subject.policy.rules[index].conditions.users, subject.policy.groups)
    return bool(users) and not any(subject.reach.means_somebody(entry) for entry in users)


def _late(subject: Subject, unreached: set[int]) -> Iterator[Finding]:
    """Denials of which an earlier rule allows a part without being an exception to them."""
    rules = subject.policy.rules
    left = _PAIRS
    for index, rule in enumerate(rules):
        if rule.effect is not Effect.DENY or index in unreached:
            continue
        earlier = [n for n in range(index) if rules[n].effect in ALLOWING and n not in unreached]
        left -= len(earlier)
        try:
            if left < 0:
                raise Undecided
            if (finding := _too_late(subject, index, earlier)) is not None:
                yield finding
        except Undecided:
            what = "whether an earlier rule allows a part of it was not decided"
            yield subject.about_rule(Code.UNDECIDED, index, what)


def _too_late(subject: Subject, denying: int, earlier: list[int]) -> Finding | None:
    """The first of the earlier rules that lets something escape; those that cannot be decided come last."""
    undecided = False
    for allowing in earlier:
        try:
            if (witness := _escapes(subject, allowing, denying)) is not None:
                name, words = subject.policy.rules[allowing].name, witness_words(witness)
                return subject.about_rule(
                    Code.DENY_TOO_LATE, denying, f"the earlier rule `{name}` allows part of it: {words}"
                )
        except Undecided:
            undecided = True
    if undecided:
        raise Undecided
    return None


def _escapes(subject: Subject, allowing: int, denying: int) -> Witness | None:
    """A request that the one allows and the other would deny, if the one does not lie within the other."""
    before = (1 << allowing) - 1
    witness = subject.reach.find((allowing, denying), before)
    if witness is None or subject.reach.find((allowing,), before | 1 << denying) is None:
        return None
    return witness
