"""What can go wrong: every dependency, every way in which it fails, and what may be said of it then."""

from __future__ import annotations

import resource
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from keyring.errors import KeyringLocked

from sentinel_server.sandbox.aws import FaultName
from tests.fakes.os_keyring import MemoryKeyring
from tests.faults.ground import Ground
from tests.faults.loop import the_loop

SLOW = 1.0
"""Seconds by which a slow service is late: more than any fetch has."""

_FRONT: dict[str, FaultName] = {
    "slow": "latency",
    "reset mid-body": "reset",
    "throttled": "throttle",
    "wrong JSON": "wrong-json",
    "access denied": "deny",
}
FAILURES = ("refused", *_FRONT)
"""The ways in which a service of AWS fails."""
SERVICES = {"STS": "sts", "SSM": "ssm", "DynamoDB": "dynamodb"}
JUMPS = {
    "+5 min": timedelta(minutes=5),
    "-5 min": -timedelta(minutes=5),
    "+1 h": timedelta(hours=1),
    "-1 h": -timedelta(hours=1),
}
WHY_NOT = {
    "clock": "nobody asks it over a network: it can only be wrong, by less than matters or by more",
    "DNS": "a name is known or not; one that is slow to be known is a service that is slow",
    "disk": "it takes bytes or does not: what else it may say reads like a full one",
    "keyring": "it is asked before the child starts, while a person waits, and locked is all it says",
}
"""Why a dependency is not crossed with every failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One dependency failing in one way, from `begin` to `end`.

    One `at_the_door` is met only where a process begins.
    """

    dependency: str
    failure: str
    begin: Callable[[Ground], None]
    end: Callable[[Ground], None]
    at_the_door: bool = False

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"{self.dependency}, {self.failure}"


def of_service(dependency: str) -> list[Fault]:
    """The ways in which a service of AWS fails."""
    service = SERVICES[dependency]

    def front(kind: FaultName) -> Callable[[Ground], None]:
        return lambda ground: ground.aws.fail(service=service, kind=kind, seconds=SLOW)

    return [
        Fault(
            dependency=dependency,
            failure="refused",
            begin=lambda ground: ground.ways[service].stop(),
            end=lambda ground: ground.ways[service].mend(),
        ),
        *(
            Fault(
                dependency=dependency,
                failure=failure,
                begin=front(kind),
                end=lambda ground: ground.aws.heal(service),
            )
            for failure, kind in _FRONT.items()
        ),
    ]


def of_clock() -> list[Fault]:
    """This machine's clock is suddenly wrong, and as suddenly right."""

    def jump(much: timedelta) -> Callable[[Ground], None]:
        def begin(ground: Ground) -> None:
            ground.truth.jump = much

        return begin

    return [
        Fault(dependency="clock", failure=f"jump {word}", begin=jump(much), end=jump(timedelta(0)))
        for word, much in JUMPS.items()
    ]


def of_names() -> list[Fault]:
    """No name is known any more, and what was connected is not."""

    def begin(ground: Ground) -> None:
        the_loop().dns = False
        for way in ground.ways.values():
            way.mend()  # which breaks what is open

    def end(_: Ground) -> None:
        the_loop().dns = True

    return [Fault(dependency="DNS", failure="gone", begin=begin, end=end)]


def of_disk() -> list[Fault]:
    """No file of this process may grow: every write fails, as on a full disk. Of the whole process!"""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    return [
        Fault(
            dependency="disk",
            failure="full",
            begin=lambda _: resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1])),
            end=lambda _: resource.setrlimit(resource.RLIMIT_FSIZE, before),
        )
    ]


def of_keyring() -> list[Fault]:
    """The system's keyring is locked, and nobody unlocks it."""

    def begin(ground: Ground) -> None:
        MemoryKeyring.refuses = KeyringLocked("Failed to unlock the collection!")
        ground.settings.keyring_file.touch()  # so that what was read of it counts no more

    def end(_: Ground) -> None:
        MemoryKeyring.refuses = None

    return [Fault(dependency="keyring", failure="locked", begin=begin, end=end, at_the_door=True)]
