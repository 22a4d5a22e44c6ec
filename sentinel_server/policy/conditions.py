"""Reads the `conditions` of a rule. An empty one would match everything by accident, so it is a problem."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import timedelta

from sentinel_server.policy.events import Entries
from sentinel_server.policy.fields import Field, closest, shown
from sentinel_server.policy.schema import (
    OS_TYPES,
    Conditions,
    Day,
    DeviceCondition,
    Hours,
    Mode,
    Override,
    TimeWindow,
)
from sentinel_server.policy.zones import zone_names

KEYS = ("profiles", "users", "time", "mode", "device")
"""What a condition may be about."""

_ELSEWHERE: Mapping[str, str] = {
    "days": "it belongs under `time`",
    "hours": "it belongs under `time`",
    "timezone": "it belongs under `time`",
    "match": "it belongs beside `conditions`, instead of it",
    "modes": "did you mean `mode`?",
}
_PROFILE_LIMIT = 256
_BARE = re.compile(r"[A-Za-z0-9_+=,.@*?-]{1,128}")
_ARN = re.compile(r"arn(?::[!-9;-~]*){4}:[!-~]+")
_CLOCK = re.compile(r"([0-9]{2}):([0-9]{2})")
_FLAGS = ("require_encryption", "require_mdm", "require_mdm_compliant", "require_firewall")
DEVICE_KEYS = (*_FLAGS, "min_os_version", "allowed_os_types", "max_posture_age", "override")
"""What a device condition may ask."""
_VERSION = re.compile(r"[0-9]+(?:[.+-][0-9A-Za-z]+)*")


def read_conditions(field: Field) -> Conditions:
    """The conditions at `field`, which must be some."""
    found = field.mapping(KEYS, elsewhere=_ELSEWHERE)
    if field.node == Entries(mark=field.node.mark, pairs=()):
        field.problem("is empty", "for a rule that always matches, write `match: any` instead")
    return Conditions(
        profiles=found["profiles"].distinct(read_profile) if "profiles" in found else (),
        users=found["users"].distinct(_user) if "users" in found else (),
        modes=found["mode"].distinct(lambda each: each.word(Mode)) if "mode" in found else (),
        time=_window(found["time"]) if "time" in found else None,
        device=_device(found["device"]) if "device" in found else None,
    )


def read_profile(field: Field) -> str | None:
    """A profile name or a pattern for some."""
    text = field.text()
    if text is not None and len(text) > _PROFILE_LIMIT:
        field.problem(f"is longer than {_PROFILE_LIMIT} characters")
    return text


def _user(field: Field) -> str | None:
    if (text := field.text()) is None:
        return None
    if text.startswith("arn:"):
        if not _ARN.fullmatch(text) or len(text) > 2048:
            field.problem(
                f"`{shown(text)}` is not an ARN pattern; it has six fields, and `*` stays within one",
                "as in `arn:aws:iam::111122223333:user/*`",
            )
    elif not _BARE.fullmatch(text):
        field.problem(
            f"`{shown(text)}` is not a user name", "name other principals by ARN, as in `arn:aws:…`"
        )
    return text


def _window(field: Field) -> TimeWindow | None:
    known = len(field.report.problems)
    found = field.mapping(("days", "hours", "timezone"))
    if not {"days", "hours"} & found.keys() and len(field.report.problems) == known:
        field.problem("says neither `days` nor `hours`, so it is always true", "give it one, or leave it out")
    return TimeWindow(
        days=found["days"].distinct(lambda each: each.word(Day)) if "days" in found else (),
        hours=_hours(found["hours"]) if "hours" in found else None,
        timezone=_zone(found["timezone"]) if "timezone" in found else "UTC",
    )


def _hours(field: Field) -> Hours | None:
    found = field.mapping(("start", "end"), required=("start", "end"))
    start = _minutes(found["start"], last=1439) if "start" in found else None
    end = _minutes(found["end"], last=1440) if "end" in found else None
    if start is None or end is None:
        return None
    if start == end:
        field.problem("starts when it ends", "for the whole day write 00:00 to 24:00, or leave `hours` out")
    return Hours(start=start, end=end)


def _minutes(field: Field, last: int) -> int | None:
    if (text := field.text()) is None:
        return None
    digits = _CLOCK.fullmatch(text)
    hour, minute = (int(digits[1]), int(digits[2])) if digits else (99, 99)
    if minute > 59 or hour * 60 + minute > last:
        until = "24:00" if last == 1440 else "23:59"
        field.problem(
            f"`{shown(text)}` is not a time of day", f"write HH:MM, from 00:00 to {until}, as in 09:00"
        )
        return None
    return hour * 60 + minute


def _zone(field: Field) -> str:
    text = field.text()
    if text is None or text in zone_names():
        return text or "UTC"
    near = difflib.get_close_matches(text[:60], zone_names(), n=1)
    suggestion = f"did you mean `{near[0]}`?" if near else "use an IANA name, as in `Europe/Berlin`"
    field.problem(f"unknown timezone `{shown(text)}`", suggestion)
    return text


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
    if text is not None and not (_VERSION.fullmatch(text) and len(text) <= 64):
        field.problem(f"`{shown(text)}` is not a version", "write it as `14.2`")
    return text


def _os_type(field: Field) -> str | None:
    text = field.text()
    if text is not None and text not in OS_TYPES:
        field.problem(f"`{shown(text)}` is not one of {', '.join(OS_TYPES)}", closest(text, OS_TYPES))
    return text


def _age(field: Field) -> timedelta | None:
    return field.duration(low=timedelta(minutes=1), high=timedelta(days=90))


def _override(field: Field) -> Override:
    override = field.word(Override) or Override.EMERGENCY
    if override not in (Override.EMERGENCY, Override.NONE):
        field.problem("a device condition is lifted by an emergency or by none", "write emergency or none")
    return override
