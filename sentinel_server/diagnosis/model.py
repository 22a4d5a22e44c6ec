"""A finding: what was looked at, how it is, why that matters, and the command that mends it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from sentinel_server.frozen import frozen

INCOMPLETE, FOUND, CLEAN = 6, 1, 0
"""Exit statuses: something could not be looked at; there is a problem; there is none."""


class Verdict(Enum):
    """How something is. UNKNOWN means that it could not be looked at."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


class Topic(Enum):
    """What a finding is about, in the order in which people read."""

    CONFIG = "config"
    STATE = "state"
    KEYRING = "keyring"
    CLOCK = "clock"
    NETWORK = "network"
    IDENTITY = "identity"
    PERMISSIONS = "permissions"
    POLICY = "policy"
    STORES = "stores"
    ENDPOINT = "endpoint"


@frozen
class Finding:
    """`what` is so; `why` it matters and `mend`, a command, are there unless all is well. Never a secret."""

    topic: Topic
    verdict: Verdict
    what: str
    why: str = ""
    mend: str = ""


def ok(topic: Topic, what: str, why: str = "") -> Finding:
    """All is well."""
    return Finding(topic=topic, verdict=Verdict.OK, what=what, why=why)


def warning(topic: Topic, what: str, why: str, mend: str = "") -> Finding:
    """It works, and not as well or as safely as it should."""
    return Finding(topic=topic, verdict=Verdict.WARNING, what=what, why=why, mend=mend)


def problem(topic: Topic, what: str, why: str = "", mend: str = "") -> Finding:
    """It does not work, or protects nothing."""
    return Finding(topic=topic, verdict=Verdict.PROBLEM, what=what, why=why, mend=mend)


def unknown(topic: Topic, what: str, why: str = "", mend: str = "") -> Finding:
    """Nobody could look."""
    return Finding(topic=topic, verdict=Verdict.UNKNOWN, what=what, why=why, mend=mend)


def exit_status(findings: Sequence[Finding]) -> int:
    """6 when something could not be looked at, else 1 when there is a problem, else 0."""
    verdicts = {finding.verdict for finding in findings}
    if Verdict.UNKNOWN in verdicts:
        return INCOMPLETE
    return FOUND if Verdict.PROBLEM in verdicts else CLEAN
