"""A log file's bytes as lines. Nothing in a line is believed here; it is only read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from sentinel_server.auditlog.chain import CHECKPOINT, FILE_NAME, OPENED, SIGNED, Head
from sentinel_server.auditlog.event import SHAPE
from sentinel_server.auditlog.findings import Code, Finding
from sentinel_server.canonical import Json, sha256_hex

_HASH = re.compile(r"[0-9a-f]{64}")
_WRITER = re.compile(r"[0-9a-f]{16}")
_SEALED = frozenset({OPENED, CHECKPOINT})
_SPEAKING = _SEALED | {SIGNED}
_NOTHING: Mapping[str, Json] = {}
_MOST = 2**53
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    """One line that says where it belongs. `number` counts from 1; `hash` is of its bytes as they stand.

    A `sealed` one claims to be vouched for by a key.
    """

    number: int
    hash: str
    seq: int
    prev: str
    writer: str
    action: str
    fields: Mapping[str, Json]
    sealed: bool

    @property
    def final(self) -> bool:
        """Whether it claims that nothing follows in its file."""
        return self.action == CHECKPOINT and self.fields.get("final") is True

    @property
    def rests(self) -> bool:
        """Whether it claims that its writer stopped here in good order."""
        return self.action == CHECKPOINT and self.fields.get("rest") is True

    @property
    def every(self) -> int | None:
        """How many lines may go unsealed, as an opening or a resting line says."""
        every = self.fields.get("every")
        return int(str(every)) if self.sealed and _is_count(every) else None

    @property
    def next(self) -> str | None:
        """The file that a final line names as the one that goes on."""
        name = self.fields.get("next")
        return str(name) if self.final and _matches(FILE_NAME, name) else None

    @property
    def after(self) -> Head | None:
        """Where an opening line goes on: the last line of another file; None for the first of a chain."""
        return _head(self.fields.get("after")) if self.action == OPENED else None

    def seen(self) -> tuple[Head, ...]:
        """The heads of other files that an opening line names; what is not of their form is left out."""
        heads = self.fields.get("seen")
        if self.action != OPENED or not isinstance(heads, list):
            return ()
        return tuple(head for head in map(_head, heads) if head is not None)

    def finding(self, file: str, code: Code, text: str) -> Finding:
        """Something found about this line."""
        return Finding(code=code, file=file, line=self.number, seq=self.seq, text=text)

    def head(self, file: str) -> Head:
        """What another file says of this one when this line is its last."""
        return Head(file=file, seq=self.seq, hash=self.hash)


@dataclass(frozen=True, kw_only=True)
class Parsed:
    """A file's lines, the numbers of those that are no log lines, and whether the last one has no end."""

    lines: tuple[Line, ...]
    damaged: tuple[int, ...]
    unfinished: bool

    @cached_property
    def hashes(self) -> frozenset[str]:
        """The hashes of all the lines."""
        return frozenset(line.hash for line in self.lines)

    @property
    def count(self) -> int:
        """Whole lines, good and bad."""
        return len(self.lines) + len(self.damaged)


def parse(content: bytes) -> Parsed:
    """Every line of a file. A last line without its newline is not a line yet."""
    *whole, rest = content.split(b"\n")
    read = [(number, parse_line(number, raw, _SPEAKING)) for number, raw in enumerate(whole, start=1)]
    return Parsed(
        lines=tuple(line for _, line in read if line is not None),
        damaged=tuple(number for number, line in read if line is None),
        unfinished=bool(rest),
    )


def parse_line(number: int, raw: bytes, keep: frozenset[str] | None = None) -> Line | None:
    """The line, or None when these bytes are no line of shape 1.

    With `keep`, only lines of these actions keep their fields: a hundred thousand dicts take their time.
    """
    fields = _read(raw)
    if not isinstance(fields, dict) or fields.get("v") != SHAPE or not _placed(fields):
        return None
    action = fields["action"]
    return Line(
        number=number,
        hash=sha256_hex(raw),
        seq=fields["seq"],
        prev=fields["prev"],
        writer=fields["writer"],
        action=action,
        fields=fields if keep is None or action in keep else _NOTHING,
        sealed=action in _SEALED,
    )


def _read(raw: bytes) -> object:
    """What `json.loads` makes of the bytes, faster for a line as it is written; None when it is no JSON."""
    try:
        text = raw.decode("ascii")
        found, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return _otherwise(raw)
    return found if end == len(text) else _otherwise(raw)


def _otherwise(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _placed(fields: Mapping[str, object]) -> bool:
    seq, prev, writer = fields.get("seq"), fields.get("prev"), fields.get("writer")
    return (
        type(seq) is int
        and 0 <= seq < _MOST
        and isinstance(prev, str)
        and _HASH.fullmatch(prev) is not None
        and isinstance(writer, str)
        and _WRITER.fullmatch(writer) is not None
        and isinstance(fields.get("action"), str)
    )


def _head(value: object) -> Head | None:
    if not isinstance(value, dict):
        return None
    file, seq, digest = value.get("file"), value.get("seq"), value.get("hash")
    if not (_matches(FILE_NAME, file) and _is_count(seq) and _matches(_HASH, digest)):
        return None
    return Head(file=str(file), seq=int(str(seq)), hash=str(digest))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST


def _matches(form: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None
