"""A policy as text. `parse_policy` reads from it the very policy that was printed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from enum import Enum

from sentinel_server.policy.durations import format_duration
from sentinel_server.policy.schema import (
    Conditions,
    DeviceCondition,
    Lease,
    Moment,
    Override,
    Policy,
    Rule,
    TimeWindow,
)

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*")
# What other YAML readers would not take for text (YAML 1.1, https://yaml.org/type/bool.html).
_CLAIMED = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_WIDTH = 100

Value = str | bool | Enum | timedelta | date | Lease | None


def print_policy(policy: Policy) -> str:
    """YAML text of `policy`, with defaults left out and all that other YAML readers may mistake in quotes."""
    lines = ['version: "1"']
    lines += _list("trusted_accounts", policy.trusted_accounts)
    if policy.groups:
        lines += _below(
            "groups", (line for group in policy.groups for line in _list(_scalar(group.name), group.users))
        )
    lines.append("rules:")
    for rule in policy.rules:
        first, *rest = _rule(rule)
        lines += [f"  - {first}", *(f"    {line}" for line in rest)]
    return "\n".join(lines) + "\n"


def _rule(rule: Rule) -> Iterator[str]:
    yield from _one("name", rule.name)
    yield from _one("effect", rule.effect)
    if rule.conditions == Conditions():
        yield "match: any"
    else:
        yield from _below("conditions", _conditions(rule.conditions))
    yield from _one("reason", rule.reason)
    yield from _one("override", None if rule.override is Override.EMERGENCY else rule.override)
    yield from _one("max_duration", rule.max_duration)
    yield from _one("max_server_duration", rule.max_server_duration)
    yield from _one("max_lease", rule.max_lease)
    yield from _one("enforce_lease", rule.enforce_lease)
    yield from _one("session_table", rule.session_table)
    yield from _one("allow_unstamped", rule.allow_unstamped)


def _conditions(conditions: Conditions) -> Iterator[str]:
    yield from _list("profiles", conditions.profiles)
    yield from _list("not_profiles", conditions.not_profiles)
    yield from _list("users", conditions.users)
    yield from _list("not_users", conditions.not_users)
    if conditions.time is not None:
        yield from _below("time", _window(conditions.time))
    yield from _list("mode", conditions.modes)
    if conditions.device is not None:
        yield from _below("device", _device(conditions.device))


def _window(window: TimeWindow) -> Iterator[str]:
    yield from _list("days", window.days)
    if window.hours is not None:
        start, end = window.hours.start, window.hours.end
        yield f'hours: {{start: "{clock_time(start)}", end: "{clock_time(end)}"}}'
    yield from _one("not_before", window.not_before)
    yield from _one("not_after", window.not_after)
    yield from _one("timezone", None if window.timezone == "UTC" else window.timezone)


def _device(device: DeviceCondition) -> Iterator[str]:
    yield from _one("require_encryption", device.require_encryption)
    yield from _one("require_mdm", device.require_mdm)
    yield from _one("require_mdm_compliant", device.require_mdm_compliant)
    yield from _one("require_firewall", device.require_firewall)
    yield from _one("min_os_version", device.min_os_version)
    yield from _list("allowed_os_types", device.allowed_os_types)
    yield from _one("max_posture_age", device.max_posture_age)
    yield from _one("override", None if device.override is Override.EMERGENCY else device.override)


def clock_time(minute: int) -> str:
    """`09:00`: a minute of the day as policies write it."""
    return f"{minute // 60:02}:{minute % 60:02}"


def moment_text(moment: Moment) -> str:
    """A day or an instant as policies write it: `2026-12-01`, `2026-12-01T09:00:00+01:00`."""
    text = moment.isoformat()
    return text.replace("+00:00", "Z") if isinstance(moment, datetime) else text


def _one(key: str, value: Value) -> Iterator[str]:
    if value not in (None, False, ""):
        yield f"{key}: {_scalar(value)}"


def _list(key: str, values: Sequence[str | Enum]) -> Iterator[str]:
    texts = [_scalar(value) for value in values]
    line = f"{key}: [{', '.join(texts)}]"
    if len(line) <= _WIDTH:
        yield from [line] if texts else []
    else:
        yield f"{key}:"
        yield from (f"  - {text}" for text in texts)


def _below(key: str, lines: Iterator[str]) -> Iterator[str]:
    yield f"{key}:"
    yield from (f"  {line}" for line in lines)


def _scalar(value: Value) -> str:
    if isinstance(value, bool):
        return "true"
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, date):
        return f'"{moment_text(value)}"'
    if isinstance(value, Lease):
        return value.word or format_duration(timedelta(seconds=value.seconds or 0))
    text = str(value.value) if isinstance(value, Enum) else str(value)
    plain = _PLAIN.fullmatch(text) and text.lower() not in _CLAIMED
    return text if plain else json.dumps(text, ensure_ascii=False)
