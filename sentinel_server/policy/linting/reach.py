"""Which requests reach a rule: those that it means and no rule before it does, shown by one that does.

A request is somebody, a profile, a mode, a device and an instant. Each of these comes from a short list in
which nothing that matters is missing, with the rules that it satisfies, a bit for each. A request reaches a
rule if no bit of an earlier rule is in all five; to find one is to choose five sets with nothing in common.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache

from sentinel_server.policy.linting.choices import Choice, Lists, Witness, least
from sentinel_server.policy.linting.disjoint import disjoint
from sentinel_server.policy.linting.globs import Undecided, bits, one_of
from sentinel_server.policy.linting.people import People, Someone
from sentinel_server.policy.linting.postures import Posture, postures, satisfies
from sentinel_server.policy.linting.profiles import Profiles
from sentinel_server.policy.linting.timeline import moments
from sentinel_server.policy.schema import Mode, Policy, expand

__all__ = ["Reach", "Witness"]


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
        if lists is None:
            return None
        found = disjoint(lists.rules(), excluded)
        if found is not None:
            return lists.witness(*found)
        if not lists.whole:
            raise Undecided
        return None

    def covering(self, rule: int) -> list[int]:
        """The earlier rules that leave this one nothing, none of which could be spared; one if one suffices.

        Only for a rule that no request reaches.
        """
        earlier = (1 << rule) - 1
        lists = self._lists((rule,), 1 << rule, earlier)
        if lists is None:
            return []
        alone = earlier
        for masks in lists.rules():
            for each in masks:
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
        """Whether AWS could name anybody by what this entry of `users` says; if in doubt, it could."""
        people, whole = self._people.meant_by((entry,), 0)
        return bool(people) or not whole

    def _lists(self, required: Sequence[int], wanted: int, excluded: int) -> Lists | None:
        """What requests that satisfy `wanted` can be; None when there are none of some sort."""
        modes = least(self._modes, wanted, excluded)
        times = least(self._moments, wanted, excluded)
        devices = least(self._devices(required), wanted, excluded)
        if not (modes and times and devices):
            return None
        names, all_names = self._named(required, wanted)
        people, everybody = self._somebody(required, wanted)
        whole = all_names and everybody
        if whole and not (names and people):
            return None
        return Lists(
            modes, times, devices, least(names, wanted, excluded), least(people, wanted, excluded), whole
        )

    def _named(self, required: Sequence[int], wanted: int) -> tuple[list[Choice[str]], bool]:
        lists = [self.policy.rules[rule].conditions.profiles for rule in required]
        found = [self._profiles.meant_by(entries, wanted) for entries in _together(lists)]
        choices = [Choice(word.text, word.fits) for words, _ in found for word in words]
        return choices, all(whole for _, whole in found)

    def _somebody(self, required: Sequence[int], wanted: int) -> tuple[list[Choice[Someone]], bool]:
        lists = [self._users[rule] for rule in required]
        found = [self._people.meant_by(entries, wanted) for entries in _together(lists)]
        choices = [Choice(each, each.rules) for people, _ in found for each in people]
        return choices, all(whole for _, whole in found)

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


def _together(lists: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Every choice of one entry out of each list that may mean one name together; lists that say nothing
    aside.
    """
    chosen: list[tuple[str, ...]] = [()]
    for entries in filter(None, lists):
        chosen = [(*before, entry) for before in chosen for entry in _beside(before, entries)]
    return (tuple(dict.fromkeys(each)) for each in chosen)


def _beside(before: tuple[str, ...], entries: tuple[str, ...]) -> Sequence[str]:
    """The entries that may mean a name that all of `before` mean: of exact names of a kind, only the same."""
    exact = {entry.startswith("arn:"): entry for entry in before if _is_exact(entry)}
    if not exact:
        return entries
    return [
        each for each in entries if not _is_exact(each) or exact.get(each.startswith("arn:"), each) == each
    ]


@lru_cache(maxsize=4096)
def _is_exact(entry: str) -> bool:
    return "*" not in entry and "?" not in entry
