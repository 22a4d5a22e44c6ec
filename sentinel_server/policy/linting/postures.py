"""What a device may be for rules that ask something of it.

Which posture satisfies which condition is decided elsewhere; here it only matters which conditions cannot
hold without others. Where that is not certain (versions with words in them) they are taken to be independent,
so that no rule is said to be shadowed that is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sentinel_server.policy.schema import DeviceCondition

_FLAGS = ("require_encryption", "require_mdm", "require_mdm_compliant", "require_firewall")
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*", re.ASCII)

Posture = tuple[DeviceCondition, ...]
"""A device that satisfies these conditions, and nothing that they do not ask; none, and nothing is known."""


def postures(conditions: Sequence[DeviceCondition]) -> Iterator[Posture]:
    """The devices that satisfy all of `conditions` and nothing more, one for each operating system."""
    lists = [set(each.allowed_os_types) for each in conditions if each.allowed_os_types]
    if not lists:
        yield tuple(conditions)
        return
    for system in sorted(set.intersection(*lists)):
        yield (*conditions, DeviceCondition(allowed_os_types=(system,)))


def satisfies(posture: Posture, condition: DeviceCondition) -> bool:
    """Whether a device of that posture satisfies `condition` for certain."""
    flags = all(any(getattr(known, flag) for known in posture) for flag in _FLAGS if getattr(condition, flag))
    return flags and _system(posture, condition) and _version(posture, condition) and _age(posture, condition)


def _system(posture: Posture, condition: DeviceCondition) -> bool:
    wanted = set(condition.allowed_os_types)
    return not wanted or any(
        known.allowed_os_types and wanted.issuperset(known.allowed_os_types) for known in posture
    )


def _version(posture: Posture, condition: DeviceCondition) -> bool:
    wanted = condition.min_os_version
    return wanted is None or any(
        known.min_os_version is not None and _at_least(known.min_os_version, wanted) for known in posture
    )


def _at_least(version: str, wanted: str) -> bool:
    if version == wanted:
        return True
    if not (_NUMBERS.fullmatch(version) and _NUMBERS.fullmatch(wanted)):
        return False
    return _numbers(version) >= _numbers(wanted)


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in version.split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _age(posture: Posture, condition: DeviceCondition) -> bool:
    wanted = condition.max_posture_age
    return wanted is None or any(
        known.max_posture_age is not None and known.max_posture_age <= wanted for known in posture
    )
