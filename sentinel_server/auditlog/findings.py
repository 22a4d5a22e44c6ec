"""What verifying a log can find, in words; `docs/runbooks/audit-findings.md` says what to do about each."""

from __future__ import annotations

from enum import Enum

from sentinel_server.auditlog.chain import Head
from sentinel_server.frozen import frozen


class Severity(Enum):
    """How bad a finding is."""

    TAMPERED = "tampered"
    INCOMPLETE = "incomplete"
    NOTE = "note"


class Code(Enum):
    """What was found; the word in the report, and how bad it is."""

    CHANGED = ("changed", Severity.TAMPERED)
    REMOVED = ("removed", Severity.TAMPERED)
    REORDERED = ("reordered", Severity.TAMPERED)
    DUPLICATED = ("duplicated", Severity.TAMPERED)
    INSERTED = ("inserted", Severity.TAMPERED)
    SPLICED = ("spliced", Severity.TAMPERED)
    NOT_JSON = ("not_json", Severity.TAMPERED)
    BAD_CHECKPOINT = ("bad_checkpoint", Severity.TAMPERED)
    UNSIGNED = ("unsigned", Severity.TAMPERED)
    BAD_SIGNATURE = ("bad_signature", Severity.TAMPERED)
    CONTRADICTED = ("contradicted", Severity.TAMPERED)
    MISSING_CHECKPOINT = ("missing_checkpoint", Severity.TAMPERED)
    MISSING_FILE = ("missing_file", Severity.TAMPERED)
    CUT_BACK = ("cut_back", Severity.TAMPERED)
    REPLACED = ("replaced", Severity.TAMPERED)
    BROKEN = ("broken", Severity.TAMPERED)
    UNFINISHED = ("unfinished", Severity.INCOMPLETE)
    UNCHECKED = ("unchecked", Severity.INCOMPLETE)
    WRONG_KEY = ("wrong_key", Severity.INCOMPLETE)
    ROTATED_KEY = ("rotated_key", Severity.INCOMPLETE)
    SIGNATURE_UNCHECKED = ("signature_unchecked", Severity.INCOMPLETE)
    NOT_SIGNED = ("not_signed", Severity.INCOMPLETE)
    UNREADABLE = ("unreadable", Severity.INCOMPLETE)
    EARLIER_MISSING = ("earlier_missing", Severity.INCOMPLETE)
    NEXT_MISSING = ("next_missing", Severity.INCOMPLETE)
    NOT_CLOSED = ("not_closed", Severity.NOTE)
    UNSIGNED_TAIL = ("unsigned_tail", Severity.NOTE)

    def __init__(self, word: str, severity: Severity) -> None:
        self.word = word
        self.severity = severity


@frozen
class Finding:
    """One thing found. `line` counts from 1 as editors do, `seq` from 0 as the log does."""

    code: Code
    file: str
    text: str
    line: int | None = None
    seq: int | None = None


@frozen
class FileReport:
    """What one file holds: whole lines, sealed ones, whether it was closed, and all that was found.

    `writer` is whose log it is and `head` its last line, to be noted elsewhere and expected later.
    """

    file: str
    lines: int = 0
    sealed: int = 0
    closed: bool = False
    writer: str = ""
    head: Head | None = None
    findings: tuple[Finding, ...] = ()


@frozen
class Report:
    """What all the files hold."""

    files: tuple[FileReport, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything found, file by file."""
        return tuple(finding for report in self.files for finding in report.findings)

    @property
    def exit_status(self) -> int:
        """0 when nothing is wrong, 1 when something was tampered with, else 6 when not all was checked."""
        found = {finding.code.severity for finding in self.findings}
        if Severity.TAMPERED in found:
            return 1
        return 6 if Severity.INCOMPLETE in found else 0
