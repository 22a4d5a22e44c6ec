"""Reads the `conditions` of a rule. An empty one would match everything by accident, so it is a problem."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import timedelta

from sentinel_server.policy.events import Entries
from sentinel_server.policy.fields import Field, shown
from sentinel_server.policy.names import read_profiles, read_users
from sentinel_server.policy.schema import (
    OS_TYPES,
    Conditions,
    DeviceCondition,
    Mode,
    Override,
)
from sentinel_server.policy.windows import TIME_KEYS, read_window

KEYS = ("profiles", "not_profiles", "users", "not_users", "time", "mode", "device")
"""What a condition may be about."""

_ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(TIME_KEYS, "it belongs under `time`"),
    "match": "it belongs beside `conditions`, instead of it",
    "modes": "did you mean `mode`?",
}
_FLAGS = ("require_encryption", "require_mdm", "require_mdm_compliant", "require_firewall")
DEVICE_KEYS = (*_FLAGS, "min_os_version", "allowed_os_types", "max_posture_age", "override")
"""What a device condition may ask."""
OS_VERSION = re.compile(r"[0-9]+(?:[.+-][0-9A-Za-z]+)*")
"""A version of an operating system."""


def read_conditions(field: Field, groups: Collection[str] = ()) -> Conditions:
    """The conditions at `field`, which must be some; `groups` are those that users may name."""
    found = field.mapping(KEYS, elsewhere=_ELSEWHERE)
    if field.node == Entries(mark=field.node.mark, pairs=()):
        field.problem("is empty", "for a rule that always matches, write `match: any` instead")
    return Conditions(
        profiles=read_profiles(found.get("profiles")),
        not_profiles=read_profiles(found.get("not_profiles")),
        users=read_users(found.get("users"), groups),
        not_users=read_users(found.get("not_users"), groups),
        modes=found["mode"].distinct(lambda each: each.word(Mode)) if "mode" in found else (),
        time=read_window(found["time"]) if "time" in found else None,
        device=_device(found["device"]) if "device" in found else None,
    )


def _device(field: Field) -> DeviceCondition:
    known = len(field.report.problems)
    found = field.mapping(DEVICE_KEYS)
    flags = {name: found[name].flag() for name in _FLAGS if name in found}
    condition = DeviceCondition(
        **flags,
        min_os_version=_version(found["min_os_version"]) if "min_os_version" in found else None,
        allowed_os_types=found["allowed_os_types"].distinct(_os_type) if "allowed_os_types" in found else (),
        max_posture_age=_age(found["max_posture_age"]) if "max_posture_age" in found else None,
        override=_override(found["override"]) if "override" in found else Override.EMERGENCY,
    )
    idle = {"override", *(name for name, on in flags.items() if not on)}
    if not found.keys() - idle and len(field.report.problems) == known:
        field.problem("asks nothing of the device", "give it a requirement, or leave it out")
    return condition


def _version(field: Field) -> str | None:
    text = field.text()
    if text is not None and not (OS_VERSION.fullmatch(text) and len(text) <= 64):
        field.problem(f"`{shown(text)}` is not a version", "write it as `14.2`")
    return text


def _os_type(field: Field) -> str | None:
    text = field.text()
    if text is not None and text not in OS_TYPES:
        field.problem(f"`{shown(text)}` is not one of {', '.join(OS_TYPES)}", field.closest(text, OS_TYPES))
    return text


def _age(field: Field) -> timedelta | None:
    return field.duration(low=timedelta(minutes=1), high=timedelta(days=90))


def _override(field: Field) -> Override:
    override = field.word(Override) or Override.EMERGENCY
    if override not in (Override.EMERGENCY, Override.NONE):
        field.problem("a device condition is lifted by an emergency or by none", "write emergency or none")
    return override
