"""Signatures over heads: made behind the writing, and what they show that seals cannot."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sentinel_server.adapters.local.jsonl import JsonlAudit
from sentinel_server.adapters.local.key_file import LocalSigner
from sentinel_server.adapters.local.log_directory import load_key
from sentinel_server.auditlog.chain import Chain, SealKey, finished, key_file_of
from sentinel_server.auditlog.findings import Code, Report
from sentinel_server.auditlog.signing import HeadSigning, to_sign
from sentinel_server.auditlog.verify import verify
from sentinel_server.canonical import Json, canonical
from sentinel_server.clock import SystemIds
from sentinel_server.errors import SentinelError
from sentinel_server.policy.keys import KeySet
from sentinel_server.policy.signing import Signer
from tests.fakes.auditlogs import START, an_event
from tests.fakes.clock import FakeClock
from tests.fakes.waiting import until

SIGNER = LocalSigner(Ed25519PrivateKey.generate())
OTHER = LocalSigner(Ed25519PrivateKey.generate())
KEYS = KeySet(keys=(SIGNER.public,))


class Far:
    """A signer that is away: it answers when `gate` opens, and fails while `fails`."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = False
        self.asked = 0
        self.public = SIGNER.public

    async def sign(self, message: bytes) -> bytes:
        """A signature, in its time."""
        self.asked += 1
        await self.gate.wait()
        if self.fails:
            raise SentinelError("it is away")
        return await SIGNER.sign(message)


class Site:
    """A directory of logs that are signed, and what was said about that."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.signer = Far()
        self.notes: list[str] = []

    def open(self, *, every: int = 4, patience: float = 5.0, limit: int = 10**6) -> JsonlAudit:
        clock = FakeClock(time=START)
        signing = HeadSigning(self._signer, clock, self.notes.append, every=every, patience=patience)
        return JsonlAudit(
            self.directory, clock=clock, ids=SystemIds(), every=every, limit=limit, signing=signing
        )

    @asynccontextmanager
    async def _signer(self) -> AsyncIterator[Signer]:
        yield self.signer

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(self.directory.glob("*.jsonl"))}

    def key(self) -> SealKey:
        return load_key(key_file_of(self.directory))

    def verified(self, keys: KeySet | None = KEYS) -> Report:
        return checked(self.files(), self.key(), keys)

    def signed(self) -> int:
        return b"".join(self.files().values()).count(b'"signed"')


def checked(files: Mapping[str, bytes], key: SealKey, keys: KeySet | None = KEYS) -> Report:
    return verify(files, {key.id: key}, whole_directory=True, public=keys)


def codes(report: Report) -> list[Code]:
    return [finding.code for finding in report.findings]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "audit")


async def a_log_of(site: Site, events: int, **options: int) -> None:
    log = site.open(**options)
    for number in range(events):
        await log.record(an_event(number))
    await log.close()


async def test_a_closed_log_is_signed_to_its_end(site: Site) -> None:
    await a_log_of(site, 2)
    assert site.signed() == 1
    assert codes(site.verified()) == []
    assert site.notes == []


async def test_a_log_is_signed_every_so_many_lines(site: Site) -> None:
    log = site.open(every=4)
    for number in range(4):
        await log.record(an_event(number))
    await until(lambda: site.signed() == 1)
    await log.close()
    assert codes(site.verified()) == []


async def test_nobody_waits_for_a_signature(site: Site) -> None:
    site.signer.gate.clear()
    log = site.open(every=2)
    for number in range(10):
        await log.record(an_event(number))
    assert (site.signer.asked, site.signed()) == (1, 0)
    site.signer.gate.set()
    await log.close()
    assert codes(site.verified()) == []


async def test_a_signer_that_never_answers_does_not_keep_a_log_open(site: Site) -> None:
    site.signer.gate.clear()
    await a_log_of(site, 3, patience=0)
    assert codes(site.verified()) == [Code.UNSIGNED_TAIL]
    assert "the signer takes too long" in site.notes[0]


async def test_a_signature_that_fails_is_said_once_and_made_later(site: Site) -> None:
    site.signer.fails = True
    log = site.open(every=2)
    for number in range(6):
        await log.record(an_event(number))
    await until(lambda: site.signer.asked > 1)
    (note,) = site.notes
    assert note == "the audit log is not signed: it is away; it is sealed, and signed when that works again"
    site.signer.fails = False
    await log.close()
    assert len(site.notes) == 1
    assert codes(site.verified()) == []


async def test_the_next_process_signs_what_one_has_left_unsigned(site: Site) -> None:
    site.signer.fails = True
    await a_log_of(site, 2)
    assert codes(site.verified()) == [Code.UNSIGNED_TAIL]
    site.signer.fails = False
    await a_log_of(site, 1)
    assert len(site.files()) == 1
    assert codes(site.verified()) == []


async def test_a_signature_may_be_over_a_line_of_the_file_before(site: Site) -> None:
    await a_log_of(site, 12, every=50, limit=1500)
    assert len(site.files()) > 1
    assert codes(site.verified()) == []


async def test_a_log_that_was_never_signed_is_incomplete_where_keys_are_named(site: Site) -> None:
    site.signer.fails = True
    await a_log_of(site, 12, every=2)
    report = site.verified()
    assert codes(report) == [Code.NOT_SIGNED]
    assert report.exit_status == 6
    assert codes(site.verified(None)) == []


async def test_without_public_keys_signatures_are_said_not_to_be_checked(site: Site) -> None:
    await a_log_of(site, 2)
    assert codes(site.verified(None)) == [Code.SIGNATURE_UNCHECKED]
    unknown = KeySet(keys=(OTHER.public,))
    assert codes(site.verified(unknown)) == [Code.SIGNATURE_UNCHECKED, Code.UNSIGNED_TAIL]


def written_anew(site: Site, change: Mapping[str, Json]) -> dict[str, bytes]:
    """The log as somebody with the key of the seals would write it, every line of it `change`d."""
    ((name, content),) = site.files().items()
    key, chain, lines = site.key(), Chain(writer=name[-22:-6]), []
    old = [json.loads(line) for line in content.splitlines()]
    for fields in old:
        said = {field: value for field, value in fields.items() if field not in ("seq", "prev", "mac", "v")}
        if fields["action"] == "opened":
            line, chain = chain.opened(START, (), key, every=fields["every"])
        elif fields["action"] == "checkpoint":
            line, chain = chain.checkpoint(START, key, **(finished() if fields is old[-1] else {}))
        else:
            line, chain = chain.event({**said, **(change if fields["action"] == "served" else {})})
        lines.append(line)
    return {name: b"".join(lines)}


async def test_w32_whoever_has_the_key_of_the_seals_cannot_write_a_signed_log_anew(site: Site) -> None:
    await a_log_of(site, 3)
    forged = written_anew(site, {"person": "u.mallory"})
    assert codes(checked(forged, site.key(), None)) == [Code.SIGNATURE_UNCHECKED]
    report = checked(forged, site.key())
    assert codes(report) == [Code.CONTRADICTED, Code.UNSIGNED_TAIL]
    assert report.exit_status == 1


@pytest.mark.parametrize(
    "change",
    [
        {"sig": base64.b64encode(b"x" * 64).decode()},
        {"sig": "no base64"},
        {"alg": "RSA"},
        {"of": 7},
        {"of": {}},
    ],
    ids=str,
)
async def test_a_signature_that_its_key_did_not_make_is_named(site: Site, change: Mapping[str, Json]) -> None:
    await a_log_of(site, 3)
    ((name, content),) = site.files().items()
    lines = content.splitlines(keepends=True)
    (place,) = (index for index, line in enumerate(lines) if b'"signed"' in line)
    chain_to = json.loads(lines[place])
    forged = canonical({**chain_to, **change})
    found = codes(checked({name: b"".join([*lines[:place], forged + b"\n"])}, site.key()))
    assert Code.BAD_SIGNATURE in found


async def test_a_signature_of_another_writer_is_none_of_this_one(site: Site) -> None:
    await a_log_of(site, 1)
    signature = await SIGNER.sign(to_sign("f" * 16, 1, "0" * 64))
    log = site.open()
    await log.record(an_event(5))
    await log.close()
    ((name, content),) = site.files().items()
    *most, last = content.splitlines(keepends=True)
    fields = json.loads(last)
    chain = Chain(writer=name[-22:-6], seq=fields["seq"], head=fields["prev"])
    line, chain = chain.event(
        {
            "action": "signed",
            "of": {"seq": 1, "hash": "0" * 64},
            "key": SIGNER.public.id,
            "alg": SIGNER.public.algorithm.value,
            "sig": base64.b64encode(signature).decode(),
        }
    )
    assert codes(checked({name: b"".join([*most, line])}, site.key())) == [
        Code.NOT_CLOSED,
        Code.BAD_SIGNATURE,
    ]


def test_what_is_signed_can_be_taken_for_nothing_else() -> None:
    assert to_sign("a" * 16, 7, "0" * 64) == (
        b'{"format":"sentinel-audit-head/1","hash":"' + b"0" * 64 + b'","seq":7,"writer":"aaaaaaaaaaaaaaaa"}'
    )
