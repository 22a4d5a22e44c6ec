"""What verifying a log has found, in words for people and as JSON for programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sentinel_server.auditlog.findings import FileReport, Finding, Report

WIDTH = 80
"""Columns of what people read; only paths may be longer."""
SHOWN = 20
"""Findings of one file that people are shown; `--json` has them all."""


class Found(NamedTuple):
    """A directory and what verifying its files, or some of them, found."""

    where: Path
    report: Report


def exit_status(found: Iterable[Found]) -> int:
    """0 clean, 1 tampered with, 6 incomplete."""
    statuses = {each.report.exit_status for each in found}
    return 1 if 1 in statuses else max(statuses)


def as_json(found: Iterable[Found]) -> str:
    """Everything that was found, and the head of every file, to be noted."""
    found = list(found)
    words = {0: "clean", 1: "tampered", 6: "incomplete"}
    files = [_file_fields(each.where, file) for each in found for file in each.report.files]
    return json.dumps({"v": 1, "result": words[exit_status(found)], "files": files}, indent=2)


def _file_fields(where: Path, file: FileReport) -> dict[str, object]:
    findings = [
        {
            "code": finding.code.word,
            "severity": finding.code.severity.value,
            "line": finding.line,
            "seq": finding.seq,
            "text": finding.text,
        }
        for finding in file.findings
    ]
    return {
        "file": file.file if file.file == "-" else str(where / file.file),
        "lines": file.lines,
        "sealed": file.sealed,
        "closed": file.closed,
        "head": None if file.head is None else f"{file.writer}:{file.head.seq}:{file.head.hash}",
        "findings": findings,
    }


def in_words(found: Iterable[Found]) -> Iterator[str]:
    """The findings of each file, and a last line with the verdict."""
    found = list(found)
    files = [file for each in found for file in each.report.files]
    for where, report in found:
        if report.findings:
            yield f"{_printable(str(where))}:"
        for file in report.files:
            yield from _file_lines(file)
    total = f"{_count(len(files), 'file')}, {_count(sum(file.lines for file in files), 'line')}"
    verdicts = {0: "nothing was changed", 1: "TAMPERED WITH", 6: "not all could be checked"}
    yield f"{total}: {verdicts[exit_status(found)]}"


def _file_lines(file: FileReport) -> Iterator[str]:
    if file.findings:
        yield from textwrap.wrap(_printable(file.file), WIDTH, initial_indent="  ", subsequent_indent="  ")
    for finding in file.findings[:SHOWN]:
        yield from textwrap.wrap(_sentence(finding), WIDTH, initial_indent="    ", subsequent_indent="      ")
    if len(file.findings) > SHOWN:
        yield f"    and {len(file.findings) - SHOWN} more; --json lists them all"


def _sentence(finding: Finding) -> str:
    """`changed: line 7 (seq 6) is not …`; what is not tampering says so first."""
    severity = finding.code.severity.value
    mark = "" if severity == "tampered" else f"{severity}, "
    line = "" if finding.line is None else f"line {finding.line} "
    seq = "" if finding.seq is None else f"(seq {finding.seq}) "
    if finding.code.word in ("unfinished", "not_closed"):
        line = "" if finding.line is None else f"line {finding.line}: "
    return f"{mark}{finding.code.word}: {line}{seq}{_printable(finding.text)}"


def _printable(text: str) -> str:
    """A name that somebody else has chosen must not move the cursor."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
