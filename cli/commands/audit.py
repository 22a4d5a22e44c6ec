"""`sentinel audit`: is the log as it was written?"""

from __future__ import annotations

import json
import sys
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from cli.options import output_option, own_option

if TYPE_CHECKING:
    from sentinel_server.auditlog.chain import SealKey
    from sentinel_server.auditlog.findings import FileReport, Finding, Report
    from sentinel_server.errors import AuditUnavailable

WIDTH = 80
"""Columns of what people read; only paths may be longer."""
SHOWN = 20
"""Findings of one file that people are shown; `--json` has them all."""


class Found(NamedTuple):
    """A directory and what verifying its files, or some of them, found."""

    where: Path
    report: Report


@click.group()
def audit() -> None:
    """Check the audit log."""


@audit.command("verify-logs")
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path, allow_dash=True))
@own_option(
    "AUDIT",
    "--key-file",
    "key_files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Key that sealed the checkpoints; repeat it for older keys.  [the one beside the log]",
)
@output_option("human", "json")
@click.pass_context
def verify_logs(
    ctx: click.Context, paths: tuple[Path, ...], key_files: tuple[Path, ...], output: str
) -> None:
    """Tell whether log lines were changed, removed, reordered, repeated or cut.

    PATH is a log file, a directory of them, or - for stdin; without one it is the configured directory.
    Of a directory, missing files are noticed too. Changes nothing and asks nobody.

    Exits 0 when nothing is wrong, 1 when something is, 2 when used wrongly and 6 when not all could be
    checked: a last line without its end, an unreadable file, a key that is not here.
    """
    given = [_key(path) for path in key_files]
    found = list(_verified(paths or (_default_directory(),), given))
    click.echo(_as_json(found) if output == "json" else "\n".join(_in_words(found)))
    ctx.exit(_exit_status(found))


def _default_directory() -> Path:
    from cli.context import settings_from

    directory = settings_from({}).audit_directory
    if not directory.is_dir():
        raise _nothing_in(directory)
    return directory


def _verified(paths: Iterable[Path], given: Iterable[SealKey]) -> Iterator[Found]:
    """Directories by themselves; files together with the others that were named of their directory."""
    single: dict[Path, list[Path]] = defaultdict(list)
    for path in paths:
        if path.is_dir():
            yield _verify(path, _log_files(path), given, whole=True)
        else:
            single[path.parent].append(path)
    for directory, files in single.items():
        yield _verify(directory, files, given, whole=False)


def _verify(directory: Path, files: Iterable[Path], given: Iterable[SealKey], *, whole: bool) -> Found:
    from sentinel_server.auditlog.chain import key_file_of
    from sentinel_server.auditlog.findings import Code, FileReport, Finding, Report
    from sentinel_server.auditlog.verify import verify

    contents = {path.name: _content(path) for path in files}
    keys = {key.id: key for key in (*given, *_key_beside(key_file_of(directory)))}
    readable = {name: content for name, content in contents.items() if isinstance(content, bytes)}
    report = verify(readable, keys, whole_directory=whole)
    unread = [
        FileReport(file=name, findings=(Finding(code=Code.UNREADABLE, file=name, text=why),))
        for name, why in contents.items()
        if isinstance(why, str)
    ]
    return Found(directory, Report(files=(*report.files, *unread)))


def _log_files(directory: Path) -> list[Path]:
    from sentinel_server.auditlog.chain import SUFFIX
    from sentinel_server.errors import AuditUnavailable

    try:
        files = [path for path in directory.iterdir() if path.suffix == SUFFIX]
    except OSError as error:
        raise AuditUnavailable(f"cannot read {directory}: {error.strerror}", hint="") from error
    if not files:
        raise _nothing_in(directory)
    return files


def _nothing_in(directory: Path) -> AuditUnavailable:
    from sentinel_server.errors import AuditUnavailable

    return AuditUnavailable(f"there is no audit log in {directory}", hint="see: sentinel config show")


def _content(path: Path) -> bytes | str:
    """What the file holds, or why that cannot be read. A path to nothing raises BadInput."""
    from sentinel_server.errors import BadInput

    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes() if path.is_file() or not path.exists() else "is not a file"
    except FileNotFoundError as error:
        raise BadInput(f"there is no {path}", hint="name a log file or a directory of them") from error
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _key(path: Path) -> SealKey:
    from sentinel_server.auditlog.chain import parse_key
    from sentinel_server.errors import BadInput

    try:
        return parse_key(path.read_text(encoding="ascii", errors="replace"))
    except OSError as error:
        raise BadInput(f"cannot read the key file {path}: {error.strerror}") from error
    except ValueError as error:
        raise BadInput(f"cannot use the key file {path}: {error}") from error


def _key_beside(path: Path) -> list[SealKey]:
    """The key of this machine; seals stay unchecked, and are said to be, when it cannot be had."""
    from sentinel_server.errors import BadInput

    try:
        return [_key(path)]
    except BadInput:
        return []


def _exit_status(found: Iterable[Found]) -> int:
    statuses = {each.report.exit_status for each in found}
    return 1 if 1 in statuses else max(statuses)


def _as_json(found: Iterable[Found]) -> str:
    found = list(found)
    words = {0: "clean", 1: "tampered", 6: "incomplete"}
    files = [_file_fields(each.where, file) for each in found for file in each.report.files]
    return json.dumps({"v": 1, "result": words[_exit_status(found)], "files": files}, indent=2)


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
        "findings": findings,
    }


def _in_words(found: Iterable[Found]) -> Iterator[str]:
    found = list(found)
    files = [file for each in found for file in each.report.files]
    for where, report in found:
        if report.findings:
            yield f"{_printable(str(where))}:"
        for file in report.files:
            yield from _file_lines(file)
    total = f"{_count(len(files), 'file')}, {_count(sum(file.lines for file in files), 'line')}"
    verdicts = {0: "nothing was changed", 1: "TAMPERED WITH", 6: "not all could be checked"}
    yield f"{total}: {verdicts[_exit_status(found)]}"


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
