"""What changes for whom when one policy takes the place of another. Pure.

Exact for everybody and every profile that either policy names, for one of each sort that none names and for
one name that fits each pattern; through every door, and at every time of the year that follows.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product
from typing import TypeVar

from sentinel_server.policy.cast import NO_ACCOUNT, Figure, NamedProfile, figures, profiles_of
from sentinel_server.policy.compiled import compiled
from sentinel_server.policy.evaluate import PolicyAsk, PolicyDecision, evaluate
from sentinel_server.policy.match import bare_name
from sentinel_server.policy.outcome import outcome
from sentinel_server.policy.schema import Effect, Lease, Mode, Override, Policy, Rule
from sentinel_server.policy.stretches import home_zone, periods, windows_of
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a policy gives at one door: an outcome, in which a shared store is a demand, and its terms.

    `override` is set for a denial by a rule; None of a denial means that no rule matches. What cannot be had
    has no terms.
    """

    outcome: Effect
    override: Override | None = None
    max_duration: timedelta | None = None
    max_lease: Lease | None = None
    enforce_lease: bool = False
    session_table: str | None = None
    allow_unstamped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
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


def answer_of(decision: PolicyDecision, mode: Mode) -> Answer:
    """The part of a decision that whoever asks can notice."""
    met, rule = outcome(decision, mode, shared_store=False), decision.rule
    if decision.device_blocked is not None:
        return Answer(outcome=met, override=Override.NONE)
    if rule is None or met is Effect.REQUIRE_SERVER:
        return Answer(outcome=met)
    if met is Effect.DENY:
        return Answer(outcome=met, override=rule.override)
    return Answer(
        outcome=met,
        max_duration=_longest(rule, mode),
        max_lease=rule.max_lease,
        enforce_lease=rule.enforce_lease,
        session_table=rule.session_table if mode is Mode.SERVER else None,
        allow_unstamped=rule.allow_unstamped,
    )


def _longest(rule: Rule, mode: Mode) -> timedelta | None:
    limits = [rule.max_duration, rule.max_server_duration if mode is Mode.SERVER else None]
    return min((limit for limit in limits if limit is not None), default=None)


_Pair = tuple[Answer, Answer]
_What = tuple[_Pair, frozenset[Open], tuple[Mode, ...]]


class _Comparing:
    """Two policies side by side."""

    def __init__(self, old: Policy, new: Policy, since: datetime, home_account: str | None) -> None:
        self._both = (old, new)
        self._since = since
        self._home = home_account or NO_ACCOUNT
        self._windows = windows_of(self._both)
        self._periods = periods(self._both, since)
        self._zone = home_zone(self._both)
        stretches = [stretch for period in self._periods for stretch in period.stretches]
        self._moments = {stretch.open: stretch.start for stretch in reversed(stretches)}

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
                changes.append(self._change(what, _labels(chosen, people), tuple(labels)))
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
        found: dict[tuple[_Pair, frozenset[Open]], list[Mode]] = {}
        person = figure.principal.person
        for mode in Mode:
            ask = PolicyAsk(
                principal=figure.principal,
                person=person,
                profile=place.name,
                mode=mode,
                now=self._since,
                home_account=self._home,
            )
            for pair, opens in self._pairs(ask).items():
                found.setdefault((pair, frozenset(opens)), []).append(mode)
        return [(pair, opens, tuple(modes)) for (pair, opens), modes in found.items()]

    def _pairs(self, ask: PolicyAsk) -> dict[_Pair, set[Open]]:
        """The answers that differ, and when; asked again only where a window that matters has changed."""
        matters = self._windows_of(ask)
        known: dict[Open, _Pair] = {}
        found: dict[_Pair, set[Open]] = {}
        for now_open, at in self._moments.items():
            here = tuple(now_open[index] for index in matters)
            if here not in known:
                known[here] = self._answers(replace(ask, now=at))
            before, after = known[here]
            if before != after:
                found.setdefault((before, after), set()).add(now_open)
        return found

    def _windows_of(self, ask: PolicyAsk) -> list[int]:
        timed = {
            matcher.time
            for policy in self._both
            for matcher in compiled(policy).standing(ask.profile, ask.mode, ask.principal, ask.home_account)
        }
        return [index for index, window in enumerate(self._windows) if window in timed]

    def _answers(self, ask: PolicyAsk) -> _Pair:
        old, new = self._both
        return answer_of(evaluate(old, ask), ask.mode), answer_of(evaluate(new, ask), ask.mode)

    def _change(self, what: _What, who: tuple[str, ...], profiles: tuple[str, ...]) -> Change:
        (before, after), opens, modes = what
        always = len(opens) == len(self._moments)
        return Change(
            who=who,
            profiles=profiles,
            modes=modes,
            when=() if always else when_words(self._periods, opens, self._zone),
            before=before,
            after=after,
        )


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
