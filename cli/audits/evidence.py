"""What is verified and what it is held to: files, keys and heads, as they were named on the command line."""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cli.audits.report import Found

if TYPE_CHECKING:
    from sentinel_server.auditlog.chain import SealKey
    from sentinel_server.auditlog.verify import ExpectedHead
    from sentinel_server.errors import AuditUnavailable
    from sentinel_server.policy.keys import KeySet
    from sentinel_server.settings.resolve import Settings

_HEAD = re.compile(r"[0-9a-f]{16}:[0-9]{1,15}:[0-9a-f]{64}", re.ASCII)


class Given(NamedTuple):
    """What the log is held to: the keys of its seals, lines that were noted elsewhere, public keys.

    `usual` is the directory that is configured and the file with the key of its seals, where that is not
    beside it.
    """

    keys: tuple[SealKey, ...] = ()
    heads: tuple[ExpectedHead, ...] = ()
    public: KeySet | None = None
    usual: tuple[Path, Path] | None = None


def default_directory(settings: Settings) -> Path:
    """The configured one. Raises AuditUnavailable when it is not there."""
    directory = settings.audit_directory
    if not directory.is_dir():
        raise _nothing_in(directory)
    return directory


def verified(paths: Iterable[Path], given: Given) -> Iterator[Found]:
    """Directories by themselves; files together with the others that were named of their directory.

    A noted head must be in one of them: with several, it is looked for where its writer is.
    """
    single: dict[Path, list[Path]] = defaultdict(list)
    places: list[tuple[Path, list[Path], bool]] = []
    for path in paths:
        if path.is_dir():
            places.append((path, _log_files(path), True))
        else:
            single[path.parent].append(path)
    places += [(directory, files, False) for directory, files in single.items()]
    left = list(given.heads)
    for number, (directory, files, whole) in enumerate(places, start=1):
        named = " ".join(path.name for path in files)
        here = [head for head in left if head.writer in named or number == len(places)]
        left = [head for head in left if head not in here]
        yield _verify(directory, files, given._replace(heads=tuple(here)), whole=whole)


def _verify(directory: Path, files: Iterable[Path], given: Given, *, whole: bool) -> Found:
    from sentinel_server.auditlog.chain import key_file_of
    from sentinel_server.auditlog.findings import Code, FileReport, Finding, Report
    from sentinel_server.auditlog.verify import verify

    contents = {path.name: _content(path) for path in files}
    beside = given.usual[1] if given.usual and directory == given.usual[0] else key_file_of(directory)
    keys = {key.id: key for key in (*given.keys, *_key_beside(beside))}
    readable = {name: content for name, content in contents.items() if isinstance(content, bytes)}
    report = verify(readable, keys, whole_directory=whole, expected=given.heads, public=given.public)
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
        raise AuditUnavailable(
            f"cannot read {directory}: {error.strerror}",
            hint="run it as the owner: sentinel audit verify-logs",
        ) from error
    if not files:
        raise _nothing_in(directory)
    return files


def _nothing_in(directory: Path) -> AuditUnavailable:
    from sentinel_server.errors import AuditUnavailable

    hint = "see where it is set: sentinel config show; name another place: sentinel audit verify-logs DIR"
    return AuditUnavailable(f"there is no audit log in {directory}", hint=hint)


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


def read_key(path: Path) -> SealKey:
    """The key in the file. Raises BadInput."""
    from sentinel_server.auditlog.chain import parse_key
    from sentinel_server.errors import BadInput

    try:
        return parse_key(path.read_text(encoding="ascii", errors="replace"))
    except OSError as error:
        raise BadInput(f"cannot read the key file {path}: {error.strerror}") from error
    except ValueError as error:
        raise BadInput(f"cannot use the key file {path}: {error}") from error


def expected(text: str) -> list[ExpectedHead]:
    """The heads that were noted: one in words, or all in a report that was saved. Raises BadInput."""
    from sentinel_server.auditlog.verify import ExpectedHead

    if not _HEAD.fullmatch(text):
        return _saved(Path(text))
    writer, seq, digest = text.split(":")
    return [ExpectedHead(writer=writer, seq=int(seq), hash=digest)]


def _saved(path: Path) -> list[ExpectedHead]:
    from sentinel_server.errors import BadInput

    hint = "sentinel audit verify-logs --json > FILE"
    try:
        files = json.loads(path.read_bytes())["files"]
        noted = [file["head"] for file in files if file["head"] is not None]
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}, and it is no head", hint=hint) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput(f"{path} is no report of an audit log", hint=hint) from error
    if not all(isinstance(head, str) and _HEAD.fullmatch(head) for head in noted):
        raise BadInput(f"{path} is no report of an audit log", hint=hint)
    return [head for text in noted for head in expected(text)]


def _key_beside(path: Path) -> list[SealKey]:
    """The key of this machine; seals stay unchecked, and are said to be, when it cannot be had."""
    from sentinel_server.errors import BadInput

    try:
        return [read_key(path)]
    except BadInput:
        return []
