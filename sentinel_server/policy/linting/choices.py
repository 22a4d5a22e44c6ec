"""What a request may be, in lists from which one is put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from sentinel_server.frozen import frozen
from sentinel_server.identity.arn import parse_principal
from sentinel_server.policy.asked import PolicyAsk
from sentinel_server.policy.linting.globs import Least
from sentinel_server.policy.linting.people import Someone
from sentinel_server.policy.linting.postures import Posture
from sentinel_server.policy.schema import Mode


@frozen
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


@dataclass(frozen=True, slots=True)
class Lists:
    """What a request may be; `whole` unless something that matters may be missing."""

    modes: list[Choice[Mode]]
    times: list[Choice[datetime]]
    devices: list[Choice[Posture]]
    names: list[Choice[str]]
    people: list[Choice[Someone]]
    whole: bool

    def rules(self) -> list[list[int]]:
        """For every list, in order, the rules that each choice satisfies."""
        lists = (self.modes, self.times, self.devices, self.names, self.people)
        return [[choice.rules for choice in choices] for choices in lists]

    def witness(self, mode: int, time: int, device: int, name: int, someone: int) -> Witness:
        """The request that consists of these places in the lists."""
        who, profile = self.people[someone].what, self.names[name].what
        ask = _ask(who, profile, self.modes[mode].what, self.times[time].what)
        return Witness(ask=ask, posture=self.devices[device].what)


def least(choices: Sequence[Choice[What]], wanted: int, excluded: int) -> list[Choice[What]]:
    """The choices that satisfy `wanted` and, of `excluded`, no more than they must."""
    fitting = {
        each.rules & excluded: each.what for each in reversed(choices) if each.rules & wanted == wanted
    }
    best = Least()
    return [Choice(fitting[rules], rules) for rules in sorted(fitting, key=int.bit_count) if best.add(rules)]


def _ask(someone: Someone, profile: str, mode: Mode, now: datetime) -> PolicyAsk:
    principal = parse_principal(someone.arn, unique_id="somebody")
    return PolicyAsk(
        principal=principal,
        profile=profile,
        mode=mode,
        now=now,
        home_account=someone.home,
    )
