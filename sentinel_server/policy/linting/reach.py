"""Which requests reach a rule: those that it means and no rule before it does, shown by one that does.

A request is somebody, a profile, a mode, a device and an instant. Each of these comes from a short list in
which nothing that matters is missing, with the rules that it satisfies, a bit for each. A request reaches a
rule if no bit of an earlier rule is in all five; to find one is to choose five sets with nothing in common.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any, Generic, TypeVar

from sentinel_server.identity.arn import parse_principal
from sentinel_server.policy.asked import PolicyAsk
from sentinel_server.policy.linting.disjoint import disjoint
from sentinel_server.policy.linting.globs import Least, Undecided, bits, one_of
from sentinel_server.policy.linting.people import People, Someone
from sentinel_server.policy.linting.postures import Posture, postures, satisfies
from sentinel_server.policy.linting.profiles import Profiles
from sentinel_server.policy.linting.timeline import moments
from sentinel_server.policy.schema import Mode, Policy, expand


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A request, and the device it comes from: the conditions it satisfies, nothing more; none if unknown."""

    ask: PolicyAsk
    posture: Posture = ()


What = TypeVar("What")


@dataclass(frozen=True, slots=True)
class Choice(Generic[What]):
    """Something that a request may be, and the rules that it satisfies."""

    what: What
    rules: int


_Lists = tuple[
    list[Choice[Mode]],
    list[Choice[datetime]],
    list[Choice[Posture]],
    list[Choice[str]],
    list[Choice[Someone]],
]


class Reach:
    """What can be asked of one policy from `since` on."""

    def __init__(self, policy: Policy, since: datetime) -> None:
        self.policy = policy
        self._people = People(policy)
        self._profiles = Profiles(policy)
        self._moments = [Choice(at, rules) for rules, at in moments(policy, since).items()]
        self._modes = [Choice(mode, self._with_mode(mode)) for mode in Mode]
        self._users = [expand(rule.conditions.users, policy.groups) for rule in policy.rules]

    def find(self, required: Sequence[int], excluded: int) -> Witness | None:
        """A request that satisfies all rules of `required` and none of the mask `excluded`, if there is one.

        Raises Undecided when that takes too long to find out.
        """
        wanted = one_of(required)
        lists = None if wanted & excluded else self._lists(required, wanted, excluded)
        found = None if lists is None else disjoint([_rules(choices) for choices in lists], excluded)
        if lists is None or found is None:
            return None
        modes, times, devices, names, people = lists
        mode, time, device, name, someone = found
        ask = _ask(people[someone].what, names[name].what, modes[mode].what, times[time].what)
        return Witness(ask=ask, posture=devices[device].what)

    def covering(self, rule: int) -> list[int]:
        """The earlier rules that leave this one nothing, none of which could be spared; one if one suffices.

        Only for a rule that no request reaches.
        """
        earlier = (1 << rule) - 1
        lists = self._lists((rule,), 1 << rule, earlier)
        if lists is None:
            return []
        alone = earlier
        for choices in lists:
            for each in _rules(choices):
                alone &= each
        return [next(bits(alone))] if alone else self._needed(rule, list(bits(earlier)))

    def _needed(self, rule: int, among: list[int]) -> list[int]:
        """Of those rules that cover one together, a set from which none can be taken: by halves, then one by
        one.
        """
        size = len(among) // 2
        while size:
            for start in range(0, len(among), size):
                rest = among[:start] + among[start + size :]
                if self._still_covered(rule, rest):
                    among = rest
                    break
            else:
                size //= 2
        return among

    def _still_covered(self, rule: int, by: list[int]) -> bool:
        try:
            return self.find((rule,), one_of(by)) is None
        except Undecided:
            return False

    def never(self, rule: int) -> bool:
        """Whether the rule's window is closed for good, or never opens."""
        return not any(moment.rules >> rule & 1 for moment in self._moments)

    def means_somebody(self, entry: str) -> bool:
        """Whether AWS could name anybody by what this entry of `users` says."""
        return bool(self._people.meant_by((entry,), 0))

    def _lists(self, required: Sequence[int], wanted: int, excluded: int) -> _Lists | None:
        """What requests that satisfy `wanted` can be; None when there are none of some sort."""
        modes = _least(self._modes, wanted, excluded)
        times = _least(self._moments, wanted, excluded)
        devices = _least(self._devices(required), wanted, excluded)
        if not (modes and times and devices):
            return None
        names = _least(self._named(required, wanted), wanted, excluded)
        people = _least(self._somebody(required, wanted), wanted, excluded) if names else []
        return (modes, times, devices, names, people) if people else None

    def _named(self, required: Sequence[int], wanted: int) -> list[Choice[str]]:
        lists = [self.policy.rules[rule].conditions.profiles for rule in required]
        return [
            Choice(word.text, word.fits)
            for entries in _together(lists)
            for word in self._profiles.meant_by(entries, wanted)
        ]

    def _somebody(self, required: Sequence[int], wanted: int) -> list[Choice[Someone]]:
        return [
            Choice(someone, someone.rules)
            for entries in _together([self._users[rule] for rule in required])
            for someone in self._people.meant_by(entries, wanted)
        ]

    def _devices(self, required: Sequence[int]) -> list[Choice[Posture]]:
        asked = [self.policy.rules[rule].conditions.device for rule in required]
        known = postures([each for each in asked if each is not None])
        return [Choice(posture, self._with_posture(posture)) for posture in known]

    def _with_posture(self, posture: Posture) -> int:
        devices = (rule.conditions.device for rule in self.policy.rules)
        return one_of(n for n, device in enumerate(devices) if device is None or satisfies(posture, device))

    def _with_mode(self, mode: Mode) -> int:
        lists = (rule.conditions.modes for rule in self.policy.rules)
        return one_of(n for n, modes in enumerate(lists) if not modes or mode in modes)


def _ask(someone: Someone, profile: str, mode: Mode, now: datetime) -> PolicyAsk:
    principal = parse_principal(someone.arn, unique_id="somebody")
    return PolicyAsk(
        principal=principal,
        person=principal.person,
        profile=profile,
        mode=mode,
        now=now,
        home_account=someone.home,
    )


def _rules(choices: Sequence[Choice[Any]]) -> list[int]:
    return [choice.rules for choice in choices]


def _together(lists: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Every choice of one entry out of each list, those aside that say nothing."""
    filled = [entries for entries in lists if entries]
    return (tuple(dict.fromkeys(chosen)) for chosen in product(*filled))


def _least(choices: Sequence[Choice[What]], wanted: int, excluded: int) -> list[Choice[What]]:
    """The choices that satisfy `wanted` and, of `excluded`, no more than they must."""
    fitting = {
        each.rules & excluded: each.what for each in reversed(choices) if each.rules & wanted == wanted
    }
    best = Least()
    return [Choice(fitting[rules], rules) for rules in sorted(fitting, key=int.bit_count) if best.add(rules)]
