"""Findings of `doctor` as lines of at most 80 columns, and as data."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import click

from cli.layout import clean
from sentinel_server.diagnosis.model import Finding, Verdict

FIELDS = ("topic", "verdict", "what", "why", "mend")
"""The columns of CSV."""

_WIDTH = 80
_COLOURS = {
    Verdict.OK: "green",
    Verdict.WARNING: "yellow",
    Verdict.PROBLEM: "red",
    Verdict.UNKNOWN: "magenta",
}
_WORD = max(len(verdict.value) for verdict in Verdict)


def lines(findings: Sequence[Finding]) -> Iterator[str]:
    """For people: by topic, each finding with its why and what mends it, and a count at the end."""
    for topic, group in groupby(findings, key=lambda finding: finding.topic):
        yield click.style(topic.value, bold=True)
        for finding in group:
            yield from _finding(finding)
    yield _count(findings)


def fields(findings: Sequence[Finding]) -> dict[str, Any]:
    """For programs."""
    counts = Counter(finding.verdict for finding in findings)
    return {
        "findings": [
            {
                "topic": finding.topic.value,
                "verdict": finding.verdict.value,
                "what": finding.what,
                "why": finding.why or None,
                "mend": finding.mend or None,
            }
            for finding in findings
        ],
        "summary": {verdict.value: counts[verdict] for verdict in Verdict},
    }


def _finding(finding: Finding) -> Iterator[str]:
    word = finding.verdict.value
    indent = " " * (_WORD + 4)
    first, *more = _wrapped(finding.what, "", _WIDTH - len(indent))
    yield f"  {click.style(word, fg=_COLOURS[finding.verdict])}{' ' * (_WORD - len(word))}  {first}"
    yield from (f"{indent}{line}" for line in more)
    if finding.why:
        label = "note: " if finding.verdict is Verdict.OK else "why: "
        yield from (f"{indent}{line}" for line in _wrapped(finding.why, label, _WIDTH - len(indent)))
    if finding.mend:
        yield from (f"{indent}{line}" for line in _wrapped(finding.mend, "try: ", _WIDTH - len(indent)))


def _wrapped(text: str, label: str, width: int) -> list[str]:
    return textwrap.wrap(
        clean(label + text), width, subsequent_indent=" " * len(label), break_on_hyphens=False
    ) or [""]


def _count(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.verdict for finding in findings)
    words = {
        Verdict.PROBLEM: ("problem", "problems"),
        Verdict.WARNING: ("warning", "warnings"),
        Verdict.UNKNOWN: ("not looked at", "not looked at"),
        Verdict.OK: ("ok", "ok"),
    }
    said = [
        f"{counts[verdict]} {one if counts[verdict] == 1 else many}"
        for verdict, (one, many) in words.items()
        if counts[verdict]
    ]
    return ", ".join(said)
