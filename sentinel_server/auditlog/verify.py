"""Whether log files are as they were written, and if not, what was done to them. Bytes in, findings out.

First comes the plain check: every line names the one before, numbers rise by one, every seal is good. Only
when that fails is the failure explained, and whatever the explanation misses is still reported as broken.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from sentinel_server.auditlog.across import ExpectedHead, between
from sentinel_server.auditlog.chain import FILE_NAME, OPENED, SIGNED, Head
from sentinel_server.auditlog.findings import Code, FileReport, Finding, Report, Severity
from sentinel_server.auditlog.lines import Line, Parsed, parse
from sentinel_server.auditlog.links import first_seq, is_first
from sentinel_server.auditlog.seals import Keys, Seal, judge, seal_findings, seals_missing
from sentinel_server.auditlog.trace import trace

if TYPE_CHECKING:
    from sentinel_server.policy.keys import KeySet

__all__ = ["ExpectedHead", "Keys", "verify"]


def verify(
    files: Mapping[str, bytes],
    keys: Keys,
    *,
    whole_directory: bool = False,
    expected: Sequence[ExpectedHead] = (),
    public: KeySet | None = None,
) -> Report:
    """What the files hold, in the order of their names.

    With `whole_directory` they are all there is: a file that another one has seen must be among them.
    Signatures are checked with the keys `public`.
    """
    parsed = {name: parse(files[name]) for name in sorted(files)}
    reports: dict[str, FileReport] = {}
    ends: dict[str, int] = {}
    for name, each in parsed.items():
        writer = _writer(name, each)
        reports[name] = _file(name, writer, each, keys, ends.get(writer, 0))
        ends[writer] = max((line.seq + 1 for line in each.lines[-1:]), default=ends.get(writer, 0))
    together = between(parsed, reports, whole_directory, expected)
    for name, finding in (*together, *_signatures(parsed, reports, public)):
        report = reports.get(name, FileReport(file=name))
        reports[name] = replace(report, findings=(*report.findings, finding))
    return Report(files=tuple(reports.values()))


def _signatures(
    parsed: Mapping[str, Parsed], reports: Mapping[str, FileReport], public: KeySet | None
) -> Iterator[tuple[str, Finding]]:
    """What the signatures show, chain by chain."""
    chains: dict[str, list[tuple[str, Line]]] = defaultdict(list)
    for name, each in parsed.items():
        writer = reports[name].writer
        chains[writer] += [(name, line) for line in each.lines if line.writer == writer]
    for chain in chains.values():
        signed = public is not None or any(line.action == SIGNED for _, line in chain)
        if chain and signed:
            from sentinel_server.auditlog.signatures import signature_findings

            names = {line: name for name, line in chain}
            yield from signature_findings(names, list(names), public)


def _writer(name: str, parsed: Parsed) -> str:
    """Whose log the file is: that of the writer in its name, if that one wrote any of it."""
    named = FILE_NAME.fullmatch(name)
    if named is not None and any(line.writer == named["writer"] for line in parsed.lines):
        return named["writer"]
    return parsed.lines[0].writer if parsed.lines else ""


def _file(name: str, writer: str, parsed: Parsed, keys: Keys, start: int) -> FileReport:
    """One file by itself. `start` is the number that its first line should have if that is gone."""
    lines = [line for line in parsed.lines if line.writer == writer]
    found = [
        *_spliced(name, parsed, writer),
        *_findings(name, replace(parsed, lines=tuple(lines)), keys, start),
    ]
    found.sort(key=lambda finding: finding.line or 0)
    if not parsed.damaged and not _holds(lines) and not any(_tampering(finding) for finding in found):
        text = "the chain does not hold, and no single edit explains it"
        found.insert(0, Finding(code=Code.BROKEN, file=name, text=text))
    last = lines[-1] if lines else None
    return FileReport(
        file=name,
        lines=parsed.count,
        sealed=sum(line.sealed for line in lines),
        closed=last is not None and (last.final or last.rests) and not parsed.unfinished,
        head=None if last is None else Head(file=name, seq=last.seq, hash=last.hash),
        writer=writer,
        findings=tuple(found),
    )


def _spliced(name: str, parsed: Parsed, writer: str) -> Iterator[Finding]:
    """Runs of lines that another writer wrote; one finding for each, or one for all that is here."""
    named = FILE_NAME.fullmatch(name)
    if named is not None and writer and writer != named["writer"]:
        yield Finding(code=Code.REPLACED, file=name, text=f"holds the log of writer {writer}")
    for other, run in groupby(parsed.lines, key=lambda line: line.writer):
        if other != writer:
            lines = list(run)
            count = "1 line" if len(lines) == 1 else f"{len(lines)} lines"
            yield lines[0].finding(
                name, Code.SPLICED, f"begins {count} of another log, that of writer {other}"
            )


def _holds(lines: Sequence[Line]) -> bool:
    """The plain check, seals apart."""
    if not lines:
        return True
    first, last = lines[0], lines[-1]
    if not is_first(first) or first.action != OPENED:
        return False
    prev, seq = first.prev, first_seq(first)
    for line in lines:
        if line.prev != prev or line.seq != seq:
            return False
        prev, seq = line.hash, seq + 1
    actions = Counter(line.action for line in lines)
    return actions[OPENED] == 1 and not any(line.final for line in lines if line is not last and line.sealed)


def _findings(name: str, parsed: Parsed, keys: Keys, start: int) -> Iterator[Finding]:
    lines = parsed.lines
    for number in parsed.damaged:
        yield Finding(code=Code.NOT_JSON, file=name, line=number, text="is no line of an audit log")
    judged = judge(lines, keys)
    yield from seal_findings(name, judged, keys)
    if not _holds(lines) or parsed.damaged:
        trusted = frozenset(line for line, seal in judged.items() if seal is Seal.GOOD)
        forged = frozenset(line for line, seal in judged.items() if seal in (Seal.BAD, Seal.NONE))
        for blame in trace(lines, parsed.damaged, trusted, forged, start):
            yield blame.line.finding(name, blame.code, blame.text)
    else:
        yield from seals_missing(name, lines)
    yield from _end(name, parsed)


def _end(name: str, parsed: Parsed) -> Iterator[Finding]:
    if parsed.unfinished:
        text = "the last line has no end: its writer was stopped, or the file was cut"
        yield Finding(code=Code.UNFINISHED, file=name, line=parsed.count + 1, text=text)
    elif not parsed.count:
        yield Finding(code=Code.UNFINISHED, file=name, text="the file is empty")
    elif not parsed.lines or not (parsed.lines[-1].final or parsed.lines[-1].rests):
        line = parsed.lines[-1].number if parsed.lines else parsed.count
        text = "no closing checkpoint: its writer runs or was killed, or the end was cut off"
        yield Finding(code=Code.NOT_CLOSED, file=name, line=line, text=text)


def _tampering(finding: Finding) -> bool:
    return finding.code.severity is Severity.TAMPERED
