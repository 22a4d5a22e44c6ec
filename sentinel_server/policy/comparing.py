"""What changes for whom when one policy takes the place of another. Pure.

Exact for everybody and every profile that either policy names, for one of each sort that none names and for
one name that fits each pattern; through every door, and at every time of the year that follows.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import product
from typing import TypeVar

from sentinel_server.frozen import frozen
from sentinel_server.policy.answers import Answer, answer_of
from sentinel_server.policy.cast import NO_ACCOUNT, Figure, NamedProfile, figures, profiles_of
from sentinel_server.policy.compiled import Matcher, compiled
from sentinel_server.policy.evaluate import PolicyAsk, evaluate
from sentinel_server.policy.match import bare_name
from sentinel_server.policy.schema import Conditions, Effect, Mode, Policy, Rule
from sentinel_server.policy.stretches import home_zone, periods, windows_met
from sentinel_server.policy.when import Open, when_words

NOTHING = Policy(rules=())
"""What stands for a policy that is not there: it denies everything."""

Thing = TypeVar("Thing")

_RANK = (
    Effect.DENY,
    Effect.REQUIRE_SERVER,
    Effect.REQUIRE_APPROVAL,
    Effect.REQUIRE_SERVER_SESSION,
    Effect.ALLOW,
)


@frozen
class Change:
    """Everybody in `who`, for every one of `profiles` by every one of `modes`, from `before` to `after`.

    `when` is the part of the week in words, with dates where it is not the same all year; empty is always.
    """

    who: tuple[str, ...]
    profiles: tuple[str, ...]
    modes: tuple[Mode, ...]
    when: tuple[str, ...]
    before: Answer
    after: Answer

    @property
    def word(self) -> str:
        """`gains`, `loses`, or `changes` when only the terms do."""
        before, after = (_RANK.index(answer.outcome) for answer in (self.before, self.after))
        return "gains" if after > before else "loses" if after < before else "changes"


@frozen
class Comparison:
    """All changes, and the names for which they were looked for."""

    changes: tuple[Change, ...]
    users: tuple[str, ...]
    profiles: tuple[str, ...]


def compare(
    old: Policy,
    new: Policy,
    *,
    since: datetime,
    home_account: str | None = None,
    profiles: Iterable[str] = (),
) -> Comparison:
    """What `new` changes. `home_account` is where both are stored, `profiles` are looked at besides."""
    people = figures((old, new), home_account)
    asked = profiles_of((old, new), profiles)
    found = _Comparing(old, new, since, home_account).changes(people, asked)
    return Comparison(
        changes=tuple(found),
        users=tuple(dict.fromkeys(figure.label for figure in people)),
        profiles=tuple(place.label for place in asked),
    )


_Pair = tuple[Answer, Answer]
_Part = tuple[_Pair, tuple[str, ...]]
_What = tuple[_Part, tuple[Mode, ...]]


class _Comparing:
    """Two policies side by side."""

    def __init__(self, old: Policy, new: Policy, since: datetime, home_account: str | None) -> None:
        self._both = (old, new)
        self._since = since
        self._home = home_account or NO_ACCOUNT
        self._zone = home_zone(self._both)
        self._terms = [[_terms(rule) for rule in policy.rules] for policy in self._both]
        self._parts: dict[Hashable, list[_Part]] = {}

    def changes(self, people: Sequence[Figure], asked: Sequence[NamedProfile]) -> list[Change]:
        """What differs, put together where it differs alike. People and profiles that no rule tells apart are
        asked about once."""
        crowds = _grouped(people, self._person_key)
        sites = _grouped(asked, self._profile_key)
        found: dict[_What, dict[int, list[int]]] = {}
        for (i, crowd), (j, site) in product(enumerate(crowds), enumerate(sites)):
            for what in self._differences(crowd[0], site[0]):
                found.setdefault(what, {}).setdefault(j, []).append(i)
        changes = []
        for what, who_by_site in found.items():
            for who, where in _rectangles(who_by_site):
                chosen = [figure for i in who for figure in crowds[i]]
                labels = [place.label for j in where for place in sites[j]]
                changes.append(_change(what, _labels(chosen, people), tuple(labels)))
        return changes

    def _person_key(self, figure: Figure) -> tuple[bool, ...]:
        arn = figure.principal.arn
        return tuple(
            matcher.misses_user(bare_name(figure.principal, policy, self._home), arn)
            for policy in self._both
            for matcher in compiled(policy).matchers
        )

    def _profile_key(self, place: NamedProfile) -> tuple[bool, ...]:
        return tuple(
            matcher.misses_profile(place.name)
            for policy in self._both
            for matcher in compiled(policy).matchers
        )

    def _differences(self, figure: Figure, place: NamedProfile) -> list[_What]:
        found: dict[_Part, list[Mode]] = {}
        for mode in Mode:
            ask = PolicyAsk(
                principal=figure.principal,
                profile=place.name,
                mode=mode,
                now=self._since,
                home_account=self._home,
            )
            for part in self._parts_of(ask):
                found.setdefault(part, []).append(mode)
        return [(part, tuple(modes)) for part, modes in found.items()]

    def _parts_of(self, ask: PolicyAsk) -> list[_Part]:
        """The answers that differ, and when. Worked out once for all whose rules are of the same terms."""
        before, after = (
            tuple(terms[matcher.decision.index] for matcher in self._standing(policy, ask))
            for policy, terms in zip(self._both, self._terms, strict=True)
        )
        if before == after:
            return []
        key = (ask.mode, before, after)
        if key not in self._parts:
            self._parts[key] = self._work_out(ask)
        return self._parts[key]

    def _standing(self, policy: Policy, ask: PolicyAsk) -> tuple[Matcher, ...]:
        return compiled(policy).standing(ask.profile, ask.mode, ask.principal, ask.home_account)

    def _work_out(self, ask: PolicyAsk) -> list[_Part]:
        weeks = periods(windows_met(self._both, ask), self._since)
        moments = {stretch.open: stretch.start for week in weeks for stretch in week.stretches}
        found: dict[_Pair, set[Open]] = {}
        for now_open, at in moments.items():
            before, after = self._answers(replace(ask, now=at))
            if before != after:
                found.setdefault((before, after), set()).add(now_open)
        return [
            (pair, () if len(opens) == len(moments) else when_words(weeks, opens, self._zone))
            for pair, opens in found.items()
        ]

    def _answers(self, ask: PolicyAsk) -> _Pair:
        old, new = self._both
        return answer_of(evaluate(old, ask), ask.mode), answer_of(evaluate(new, ask), ask.mode)


def _change(what: _What, who: tuple[str, ...], profiles: tuple[str, ...]) -> Change:
    ((before, after), when), modes = what
    return Change(who=who, profiles=profiles, modes=modes, when=when, before=before, after=after)


def _terms(rule: Rule) -> Rule:
    """All that matters of a rule once it is known to be about the profile, the user and the mode."""
    conditions = Conditions(time=rule.conditions.time, device=rule.conditions.device)
    return replace(rule, name="", reason="", conditions=conditions)


def _grouped(each: Sequence[Thing], key: Callable[[Thing], Hashable]) -> list[list[Thing]]:
    found: dict[Hashable, list[Thing]] = {}
    for thing in each:
        found.setdefault(key(thing), []).append(thing)
    return list(found.values())


def _rectangles(who_by_site: dict[int, list[int]]) -> Iterator[tuple[tuple[int, ...], list[int]]]:
    """Sites with the same people, put together."""
    found: dict[tuple[int, ...], list[int]] = {}
    for site, who in who_by_site.items():
        found.setdefault(tuple(who), []).append(site)
    yield from found.items()


def _labels(chosen: Sequence[Figure], people: Sequence[Figure]) -> tuple[str, ...]:
    """The labels of those whose every figure is chosen, and the details of the others."""
    details = {figure.detail for figure in chosen}
    split = {figure.label for figure in people if figure.detail not in details}
    return tuple(dict.fromkeys(f.detail if f.label in split else f.label for f in chosen))
