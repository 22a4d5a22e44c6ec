"""Finds the few rules of a policy that can be about one profile and one user, without looking at the others.

A rule whose users are all exact names is filed under each of them, and likewise for profiles; a rule with a
pattern, or with nothing to say, is filed under *any*. What is found may still not match; what is not found
cannot.
"""

from __future__ import annotations

from collections.abc import Sequence

from sentinel_server.policy.schema import Policy, Rule, expand

_Key = tuple[str | None, str | None]

_ANY: tuple[None] = (None,)
_MOST_KEYS = 256


class Index:
    """The places of the rules of one policy, by user and profile."""

    __slots__ = ("_places",)

    def __init__(self, policy: Policy) -> None:
        self._places: dict[_Key, list[int]] = {}
        for place, rule in enumerate(policy.rules):
            for key in _keys(policy, rule):
                self._places.setdefault(key, []).append(place)

    def places(self, profile: str, bare: str | None, arn: str) -> Sequence[int]:
        """In order, the place of every rule that may match this profile and user."""
        users = {None, bare, arn}
        lists = [self._places.get((user, each), ()) for user in users for each in (profile, None)]
        filled = [places for places in lists if places]
        if len(filled) == 1:
            return filled[0]
        return sorted({place for places in filled for place in places})


def _keys(policy: Policy, rule: Rule) -> list[_Key]:
    profiles = _exact(rule.conditions.profiles)
    users = _exact(expand(rule.conditions.users, policy.groups))
    if len(users) * len(profiles) > _MOST_KEYS:
        # One of the two is enough to find a rule by; the more names it has, the less it tells.
        users, profiles = (users, _ANY) if len(users) < len(profiles) else (_ANY, profiles)
    return [(user, profile) for user in users for profile in profiles]


def _exact(entries: tuple[str, ...]) -> Sequence[str | None]:
    patterns = any("*" in entry or "?" in entry for entry in entries)
    return _ANY if patterns or not entries else entries
