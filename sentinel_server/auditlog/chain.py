"""How lines hang together. Each line names the SHA-256 of the bytes of the line before it.

Every process that writes has a writer id and a chain to itself, so nobody waits for anybody's lock and nobody
can spoil another's file. The first line of a chain links to a text made of the writer id; the first line of
a further file of it (`opened`) to the last line of the file before. `opened` says how far the neighbouring
files had come, and is sealed; so is every checkpoint. One with `rest` says that its process has ended in
good order and another may go on from here, one with `final` that the file is complete, and `next` where it
goes on. A seal is an HMAC-SHA256 over the whole line under a key that stays on this machine.
`docs/adr/0008-audit-chain.md` gives the reasons, `docs/audit.md` what this can show and what it cannot.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from sentinel_server.auditlog.event import SHAPE
from sentinel_server.canonical import Json, canonical, sha256_hex
from sentinel_server.clock import sortable
from sentinel_server.frozen import frozen
from sentinel_server.secret import Secret

OPENED = "opened"
"""The action of the first line of every file."""
CHECKPOINT = "checkpoint"
"""The action of a sealed line further on."""
SIGNED = "signed"
"""The action of a line that holds a signature over another one."""
CHECKPOINT_EVERY = 256
"""Lines between two checkpoints."""
SUFFIX = ".jsonl"
"""How a log file's name ends."""
FILE_NAME = re.compile(r"(?P<day>\d{8})T\d{12}Z-(?P<writer>[0-9a-f]{16})\.jsonl")
"""A log file's name: when it was opened, to the microsecond, and its writer; text order is time order."""


@dataclass(frozen=True, slots=True)
class SealKey:
    """What seals lines: 32 bytes as 64 hex digits. Its id is safe to show."""

    secret: Secret

    @property
    def id(self) -> str:
        """16 hex digits that name the key and do not give it away."""
        return hashlib.sha256(b"sentinel audit key\n" + self._bytes()).hexdigest()[:16]

    def seal(self, fields: Mapping[str, Json]) -> str:
        """The HMAC-SHA256 of the line without its seal, as hex."""
        unsealed = {name: value for name, value in fields.items() if name != "mac"}
        return hmac.new(self._bytes(), canonical(unsealed), hashlib.sha256).hexdigest()

    def vouches(self, fields: Mapping[str, Json], mac: str) -> bool:
        """Whether `mac` is the seal of these fields; False too for what could never have been sealed."""
        try:
            return hmac.compare_digest(self.seal(fields).encode(), mac.encode("utf-8", "surrogatepass"))
        except TypeError:
            return False

    def _bytes(self) -> bytes:
        return bytes.fromhex(self.secret.reveal())


def parse_key(text: str) -> SealKey:
    """The key in a key file; raises ValueError unless it is 64 hex digits and white space."""
    digits = text.strip()
    if not re.fullmatch(r"[0-9a-fA-F]{64}", digits):
        raise ValueError("not an audit key: 64 hex digits expected")
    return SealKey(Secret(digits.lower()))


@frozen
class Head:
    """How far a file had come: its name, and the sequence number and hash of a line of it."""

    file: str
    seq: int
    hash: str

    def fields(self) -> dict[str, Json]:
        """The head as lines carry it."""
        return {"file": self.file, "seq": self.seq, "hash": self.hash}


@frozen
class Chain:
    """Where a writer is: the number of the next line and the hash that it must name.

    A value: lines that could not be written leave the chain they were made from as it was.
    """

    writer: str
    seq: int = 0
    head: str = ""
    unsealed: int = 0

    def event(self, fields: Mapping[str, Json]) -> tuple[bytes, Chain]:
        """The next line, newline included, and the chain after it."""
        line, chain = self._link(fields)
        return line, replace(chain, unsealed=self.unsealed + 1)

    def opened(
        self,
        at: datetime,
        seen: Sequence[Head],
        key: SealKey,
        *,
        every: int = CHECKPOINT_EVERY,
        after: Head | None = None,
    ) -> tuple[bytes, Chain]:
        """The first line of a file: which others were there, how far they had come, how many lines may go
        unsealed, and `after` which line of which file it goes on.
        """
        heads: list[Json] = [head.fields() for head in seen]
        fields: dict[str, Json] = {"action": OPENED, "at": sortable(at), "every": every, "seen": heads}
        if after is None:
            return self._sealed(fields, key)
        return replace(self, seq=after.seq + 1, head=after.hash)._sealed(
            {**fields, "after": after.fields()}, key
        )

    def checkpoint(self, at: datetime, key: SealKey, **more: Json) -> tuple[bytes, Chain]:
        """A sealed line that vouches for all before it; `more` is what `resting` or `finished` says."""
        return self._sealed({"action": CHECKPOINT, "at": sortable(at), **more}, key)

    def _sealed(self, fields: Mapping[str, Json], key: SealKey) -> tuple[bytes, Chain]:
        whole = self._placed({**fields, "key": key.id})
        return self._link({**fields, "key": key.id, "mac": key.seal(whole)})

    def _placed(self, fields: Mapping[str, Json]) -> dict[str, Json]:
        prev = self.head or genesis(self.writer)
        return {**fields, "v": SHAPE, "seq": self.seq, "writer": self.writer, "prev": prev}

    def _link(self, fields: Mapping[str, Json]) -> tuple[bytes, Chain]:
        line = canonical(self._placed(fields))
        return line + b"\n", replace(self, seq=self.seq + 1, head=sha256_hex(line), unsealed=0)


@lru_cache(maxsize=1024)
def genesis(writer: str) -> str:
    """What the first line of a writer names in place of a line before it."""
    return sha256_hex(f"sentinel audit log of writer {writer}".encode())


def resting(every: int) -> dict[str, Json]:
    """What the last line of a process says when another may go on from it, with as many lines unsealed."""
    return {"rest": True, "every": every}


def finished(next_file: str | None = None) -> dict[str, Json]:
    """What the last line of a file says: nothing may follow, or only in the file `next_file`."""
    return {"final": True} if next_file is None else {"final": True, "next": next_file}


def file_name(opened_at: datetime, writer: str, *, after: str = "") -> str:
    """The name of a writer's file, as `FILE_NAME` has it; it sorts after `after`, whatever the clock says."""
    name = f"{_stamp(opened_at)}-{writer}{SUFFIX}"
    if name > after:
        return name
    before = datetime.strptime(after[:21], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    return f"{_stamp(before + timedelta(microseconds=1))}-{writer}{SUFFIX}"


def day_of(instant: datetime) -> str:
    """The day in UTC as file names begin with it."""
    return _stamp(instant)[:8]


def _stamp(instant: datetime) -> str:
    return re.sub(r"[-:.]", "", sortable(instant))


def key_file_of(directory: Path) -> Path:
    """Where the key of a log directory is: beside it, so that a copy of the directory does not carry it."""
    return directory.parent / f"{directory.name}.key"
