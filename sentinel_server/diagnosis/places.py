"""Files and directories of ours: who else could write or read them. Pure: `adapters` look, this judges."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from sentinel_server.diagnosis.model import Finding, Topic, Verdict, ok, problem
from sentinel_server.frozen import frozen


class Kind(Enum):
    """What is at a path."""

    MISSING = "nothing"
    FILE = "a file"
    DIRECTORY = "a directory"
    OTHER = "something else"


@frozen
class Seen:
    """What is at a path. `foreign` says why others could write there; `mode` are its permission bits.

    `mode` is None where the system has none.
    """

    path: Path
    kind: Kind
    foreign: str = ""
    mode: int | None = None


@frozen
class Place:
    """A path of ours and what it is for. `readers` is how it is when others can read it."""

    path: Path
    what: str
    kind: Kind
    readers: Verdict = Verdict.OK


def place_findings(looked: Sequence[tuple[Place, Seen]]) -> list[Finding]:
    """How each place is; those that are not there yet are told in one."""
    missing = [place.what for place, seen in looked if seen.kind is Kind.MISSING]
    found = [place_finding(place, seen) for place, seen in looked if seen.kind is not Kind.MISSING]
    if missing:
        found.append(ok(Topic.STATE, f"not there yet, made when they are needed: {', '.join(missing)}"))
    return found


def place_finding(place: Place, seen: Seen) -> Finding:
    """How a place is that is there: of the right kind, and closed to others."""
    name = f"{place.what} {place.path}"
    quoted = shlex.quote(str(place.path))
    if seen.kind is not place.kind:
        why = "it cannot be used for that"
        return problem(
            Topic.STATE, f"{name} is {seen.kind.value}, not {place.kind.value}", why, f"ls -ld {quoted}"
        )
    closed = f"chmod {'700' if place.kind is Kind.DIRECTORY else '600'} {quoted}"
    if seen.foreign:
        why = "whoever can write there decides what sentinel believes"
        mend = f"sudo chown $(id -u) {quoted}" if "belongs" in seen.foreign else closed
        return problem(Topic.STATE, f"{name} {seen.foreign}", why, mend)
    if place.readers is not Verdict.OK and seen.mode is not None and seen.mode & 0o077:
        why = "others on this machine can read what is in it"
        what = f"{name} is open to others ({seen.mode:04o})"
        return Finding(topic=Topic.STATE, verdict=place.readers, what=what, why=why, mend=closed)
    return ok(Topic.STATE, f"{name}: yours alone to write")
