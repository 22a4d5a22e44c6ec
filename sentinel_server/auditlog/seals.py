"""Whether the seals of a file are those of its keys, and which of the things that can be wrong it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

from sentinel_server.auditlog.chain import OPENED, SealKey
from sentinel_server.auditlog.findings import Code, Finding
from sentinel_server.auditlog.lines import Line

Keys = Mapping[str, SealKey]
"""The keys that seals are checked with, by id."""


class Seal(Enum):
    """What a seal is worth."""

    GOOD = "good"
    BAD = "bad"
    NONE = "none"
    UNKNOWN = "unknown"


def judge(lines: Sequence[Line], keys: Keys) -> dict[Line, Seal]:
    """Every line that claims to be sealed, and what its seal is worth."""
    return {line: _judged(line, keys) for line in lines if line.sealed}


def _judged(line: Line, keys: Keys) -> Seal:
    if "mac" not in line.fields or "key" not in line.fields:
        return Seal.NONE
    key_id, mac = line.fields["key"], line.fields["mac"]
    if not isinstance(key_id, str) or not isinstance(mac, str):
        return Seal.BAD
    key = keys.get(key_id)
    if key is None:
        return Seal.UNKNOWN
    return Seal.GOOD if key.vouches(line.fields, mac) else Seal.BAD


def seal_findings(name: str, judged: Mapping[Line, Seal], keys: Keys) -> Iterator[Finding]:
    """Bad and absent seals, each; and one finding for each key that is not here."""
    for line, seal in judged.items():
        if seal is Seal.BAD:
            yield line.finding(name, Code.BAD_CHECKPOINT, "has a seal that its key did not make")
        elif seal is Seal.NONE:
            yield line.finding(name, Code.UNSIGNED, "must be sealed and has no seal")
    code, why = _not_here(judged, keys)
    told: set[object] = set()
    for line, seal in judged.items():
        key_id = line.fields.get("key")
        if seal is Seal.UNKNOWN and key_id not in told:
            told.add(key_id)
            yield line.finding(name, code, f"is sealed with the key {key_id}, {why}")


def _not_here(judged: Mapping[Line, Seal], keys: Keys) -> tuple[Code, str]:
    """What it means that the key of a seal is not here."""
    if not keys:
        return Code.UNCHECKED, "and no key is here, so no seal was checked"
    if Seal.GOOD in judged.values():
        return Code.ROTATED_KEY, "and other lines with one that is here: name the other key, too"
    return Code.WRONG_KEY, "and no seal of this file with one that is here"


def seals_missing(name: str, lines: Sequence[Line]) -> Iterator[Finding]:
    """Runs of lines without a seal that are longer than the opening line allows."""
    every = lines[0].every if lines and lines[0].action == OPENED else None
    since = 0
    for line in lines if every is not None else ():
        since = 0 if line.sealed else since + 1
        if since == (every or 0) + 1:
            text = f"has no checkpoint in the {every} lines before it"
            yield line.finding(name, Code.MISSING_CHECKPOINT, text)
