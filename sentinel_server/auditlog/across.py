"""What files say about each other: which were there, how far they had come, where a chain goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sentinel_server.auditlog.chain import Head
from sentinel_server.auditlog.findings import Code, FileReport, Finding, Severity
from sentinel_server.auditlog.lines import Line, Parsed
from sentinel_server.frozen import frozen

Said = tuple[str, Finding]
"""The file that a finding is reported under, and the finding."""


@frozen
class ExpectedHead:
    """A line that somebody has noted elsewhere, and that must still be there."""

    writer: str
    seq: int
    hash: str


def between(
    parsed: Mapping[str, Parsed],
    reports: Mapping[str, FileReport],
    whole: bool,
    expected: Sequence[ExpectedHead],
) -> Iterator[Said]:
    """Everything that shows only when files are looked at together."""
    missing: set[str] = set()
    yield from _seen(parsed, reports, whole, missing)
    yield from _ends(parsed, whole, missing)
    yield from _copies(parsed)
    yield from _expected(parsed, expected)


def _seen(
    parsed: Mapping[str, Parsed], reports: Mapping[str, FileReport], whole: bool, missing: set[str]
) -> Iterator[Said]:
    """What the opening lines of some files say about others; each missing file is reported once."""
    for name, file in parsed.items():
        for head in (head for line in file.lines for head in _heads(line)):
            if head.file in parsed:
                yield from _compared(head, name, parsed[head.file], reports[head.file])
            elif whole and head.file not in missing:
                missing.add(head.file)
                code = Code.MISSING_FILE if min(parsed) < head.file else Code.EARLIER_MISSING
                text = f"{head.file} is gone; it had {head.seq + 1} lines or more"
                yield name, Finding(code=code, file=name, text=text)


def _heads(line: Line) -> tuple[Head, ...]:
    after = line.after
    return line.seen() if after is None else (after, *line.seen())


def _compared(head: Head, witness: str, seen: Parsed, report: FileReport) -> Iterator[Said]:
    """Whether a file still has the line that another one saw at its end, unless its findings explain it."""
    if head.hash in seen.hashes:
        return
    last = seen.lines[-1].seq if seen.lines else -1
    if last < head.seq and not any(finding.code is Code.REMOVED for finding in report.findings):
        text = f"had a line {head.seq} when {witness} was opened and ends with {last} now"
        yield head.file, Finding(code=Code.CUT_BACK, file=head.file, text=text)
    elif not any(finding.code.severity is Severity.TAMPERED for finding in report.findings):
        text = f"is not the file that {witness} saw when it was opened"
        yield head.file, Finding(code=Code.REPLACED, file=head.file, text=text)


def _ends(parsed: Mapping[str, Parsed], whole: bool, missing: set[str]) -> Iterator[Said]:
    """Whether what a finished file says that it goes on in is there."""
    for name, file in parsed.items():
        last = file.lines[-1] if file.lines else None
        following = None if last is None else last.next
        if whole and following is not None and following not in parsed and following not in missing:
            missing.add(following)
            text = (
                f"it goes on in {following}, which is gone, or was never begun because the writer was killed"
            )
            yield name, Finding(code=Code.NEXT_MISSING, file=name, text=text)


def _copies(parsed: Mapping[str, Parsed]) -> Iterator[Said]:
    first: dict[str, str] = {}
    for name, file in parsed.items():
        if file.lines:
            original = first.setdefault(file.lines[0].hash, name)
            if original != name:
                text = f"begins as {original} does: one is a copy of the other"
                yield name, Finding(code=Code.DUPLICATED, file=name, line=1, text=text)


def _expected(parsed: Mapping[str, Parsed], expected: Sequence[ExpectedHead]) -> Iterator[Said]:
    for head in expected:
        mine = {
            name: file for name, file in parsed.items() if file.lines and file.lines[0].writer == head.writer
        }
        if any(head.hash in file.hashes for file in mine.values()):
            continue
        name = max(mine, default=head.writer)
        yield name, _lost(name, head, [file.lines for file in mine.values()])


def _lost(name: str, head: ExpectedHead, found: Sequence[Sequence[Line]]) -> Finding:
    if not found:
        text = f"nothing of writer {head.writer} is here; it had come to line {head.seq}"
        return Finding(code=Code.MISSING_FILE, file=name, text=text)
    first, last = min(lines[0].seq for lines in found), max(lines[-1].seq for lines in found)
    if last < head.seq:
        text = f"writer {head.writer} had come to line {head.seq} and ends with {last} now"
        return Finding(code=Code.CUT_BACK, file=name, text=text)
    if head.seq < first:
        text = f"line {head.seq} of writer {head.writer} was in a file that is gone"
        return Finding(code=Code.EARLIER_MISSING, file=name, text=text)
    text = f"line {head.seq} of writer {head.writer} is not the one that was expected"
    return Finding(code=Code.REPLACED, file=name, seq=head.seq, text=text)
