"""Whether log files are as they were written, and if not, what was done to them. Bytes in, findings out.

First comes the plain check: every line names the one before, numbers rise by one, every seal is good. Only
when that fails is the failure explained, and whatever the explanation misses is still reported as broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sentinel_server.auditlog.chain import OPENED, Head, SealKey, genesis
from sentinel_server.auditlog.findings import Code, FileReport, Finding, Report, Severity
from sentinel_server.auditlog.lines import Line, Parsed, parse
from sentinel_server.auditlog.trace import trace

Keys = Mapping[str, SealKey]
"""The keys that seals are checked with, by id."""


def verify(files: Mapping[str, bytes], keys: Keys, *, whole_directory: bool = False) -> Report:
    """What the files hold, in the order of their names.

    With `whole_directory` they are all there is: a file that another one has seen must be among them.
    """
    parsed = {name: parse(files[name]) for name in sorted(files)}
    reports = {name: _file(name, each, keys) for name, each in parsed.items()}
    for name, finding in _across(parsed, reports, whole_directory):
        reports[name] = replace(reports[name], findings=(*reports[name].findings, finding))
    return Report(files=tuple(reports.values()))


def _file(name: str, parsed: Parsed, keys: Keys) -> FileReport:
    lines = parsed.lines
    found = sorted(_findings(name, parsed, keys), key=lambda finding: finding.line or 0)
    if not parsed.damaged and not _holds(lines) and not any(_tampering(finding) for finding in found):
        text = "the chain does not hold, and no single edit explains it"
        found.insert(0, Finding(code=Code.BROKEN, file=name, text=text))
    return FileReport(
        file=name,
        lines=parsed.count,
        sealed=sum(line.sealed for line in lines),
        closed=bool(lines) and lines[-1].final and not parsed.unfinished,
        findings=tuple(found),
    )


def _holds(lines: Sequence[Line]) -> bool:
    """The plain check, seals apart."""
    if not lines:
        return True
    prev = genesis(lines[0].writer)
    for seq, line in enumerate(lines):
        if line.prev != prev or line.seq != seq or line.writer != lines[0].writer:
            return False
        if (line.action == OPENED) != (seq == 0) or (line.final and seq != len(lines) - 1):
            return False
        prev = line.hash
    return True


def _findings(name: str, parsed: Parsed, keys: Keys) -> Iterator[Finding]:
    lines = parsed.lines
    for number in parsed.damaged:
        yield Finding(code=Code.NOT_JSON, file=name, line=number, text="is no line of an audit log")
    sealed = [line for line in lines if line.sealed]
    forged = frozenset(line for line in sealed if _sealed_well(line, keys) is False)
    trusted = frozenset(line for line in sealed if _sealed_well(line, keys))
    for line in forged:
        yield _about(name, line, Code.BAD_CHECKPOINT, "has a seal that its key did not make")
    if not _holds(lines) or parsed.damaged:
        for blame in trace(lines, parsed.damaged, trusted, forged):
            yield _about(name, blame.line, blame.code, blame.text)
    else:
        yield from _seals_missing(name, lines)
    yield from _unchecked(name, sealed, keys)
    yield from _end(name, parsed)


def _sealed_well(line: Line, keys: Keys) -> bool | None:
    """Whether the seal is good; None when its key is not here. A seal without a key's name is bad."""
    key_id, mac = line.fields.get("key"), line.fields.get("mac")
    if not isinstance(key_id, str) or not isinstance(mac, str):
        return False
    key = keys.get(key_id)
    if key is None:
        return None
    return key.vouches(line.fields, mac)


def _seals_missing(name: str, lines: Sequence[Line]) -> Iterator[Finding]:
    every = lines[0].fields.get("every") if lines and lines[0].action == OPENED else None
    since = 0
    for line in lines:
        since = 0 if line.sealed else since + 1
        if isinstance(every, int) and since == every + 1:
            yield _about(
                name, line, Code.MISSING_CHECKPOINT, f"has no checkpoint in the {every} lines before it"
            )


def _unchecked(name: str, sealed: Sequence[Line], keys: Keys) -> Iterator[Finding]:
    """One finding for each key that is not here."""
    known: set[str] = set(keys)
    for line in sealed:
        key_id = line.fields.get("key")
        if isinstance(key_id, str) and isinstance(line.fields.get("mac"), str) and key_id not in known:
            known.add(key_id)
            text = "is sealed with a key that is not here, so its seals were not checked"
            yield _about(name, line, Code.UNCHECKED, text)


def _end(name: str, parsed: Parsed) -> Iterator[Finding]:
    if parsed.unfinished:
        text = "the last line has no end: its writer was stopped, or the file was cut"
        yield Finding(code=Code.UNFINISHED, file=name, line=parsed.count + 1, text=text)
    elif not parsed.count:
        yield Finding(code=Code.UNFINISHED, file=name, text="the file is empty")
    elif not parsed.lines or not parsed.lines[-1].final:
        text = "no closing checkpoint: its writer runs or was killed, or the end was cut off"
        yield Finding(code=Code.NOT_CLOSED, file=name, line=parsed.count, text=text)


def _across(
    parsed: Mapping[str, Parsed], reports: Mapping[str, FileReport], whole: bool
) -> Iterator[tuple[str, Finding]]:
    """What the opening lines of some files say about others; each missing file is reported once."""
    missing: set[str] = set()
    for name, file in parsed.items():
        for head in (head for line in file.lines for head in line.seen()):
            if head.file in parsed:
                yield from _compared(head, name, parsed[head.file], reports[head.file])
            elif whole and head.file not in missing:
                missing.add(head.file)
                code = Code.MISSING_FILE if min(parsed) < head.file else Code.EARLIER_MISSING
                text = f"{head.file} is gone; it had {head.seq + 1} lines or more"
                yield name, Finding(code=code, file=name, text=text)


def _compared(head: Head, witness: str, seen: Parsed, report: FileReport) -> Iterator[tuple[str, Finding]]:
    """Whether a file still has the line that another one saw at its end, unless its findings explain it."""
    if any(line.hash == head.hash for line in seen.lines):
        return
    if seen.count <= head.seq and not any(finding.code is Code.REMOVED for finding in report.findings):
        text = f"had {head.seq + 1} lines or more when {witness} was opened and has {seen.count} now"
        yield head.file, Finding(code=Code.CUT_BACK, file=head.file, text=text)
    elif not any(map(_tampering, report.findings)):
        text = f"is not the file that {witness} saw when it was opened"
        yield head.file, Finding(code=Code.REPLACED, file=head.file, text=text)


def _about(name: str, line: Line, code: Code, text: str) -> Finding:
    return Finding(code=code, file=name, line=line.number, seq=line.seq, text=text)


def _tampering(finding: Finding) -> bool:
    return finding.code.severity is Severity.TAMPERED
