"""The audit log, held against what was answered: every answer is in it, and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path


def accounts(directory: Path) -> Mapping[str, Counter[str]]:
    """How many answers the log has of each session: `Success` and refusals, `refused`."""
    found: dict[str, Counter[str]] = {}
    for path in sorted(directory.rglob("*.jsonl")):
        for line in path.read_text().splitlines():
            event = json.loads(line)
            word = _word(event)
            if word and (session := event.get("session_id")):
                found.setdefault(session, Counter())[word] += int(event.get("count", 1))
    return found


def _word(event: Mapping[str, object]) -> str:
    if event["action"] in ("served", "changed") and event.get("effect") == "allow":
        return "Success"
    return "refused" if event["action"] in ("refused", "store_failed") else ""


def differences(logged: Mapping[str, Counter[str]], answered: Mapping[str, Counter[str]]) -> list[str]:
    """Where the log does not account for what was answered, session by session.

    A decision is written down before it is answered. One that was late was answered as that, so the log may
    have as many more. The first mint of each session is nobody's answer.
    """
    found = []
    for session, given in answered.items():
        has = logged.get(session, Counter())
        served, refused, late = has["Success"] - 1, has["refused"], given["late"]
        total = given.total()
        enough = given["Success"] <= served <= given["Success"] + late
        if not enough or not total <= served + refused <= total + late:
            found.append(f"{session}: {dict(given)} was answered, {served} and {refused} are in the log")
    return found
