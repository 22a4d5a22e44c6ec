"""What the signatures in a chain show: that their key made them, over lines that are still the same."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence

from sentinel_server.auditlog.chain import CHECKPOINT_EVERY, SIGNED, Head
from sentinel_server.auditlog.findings import Code, Finding
from sentinel_server.auditlog.lines import Line
from sentinel_server.auditlog.signing import to_sign
from sentinel_server.canonical import Json
from sentinel_server.policy.keys import KeySet
from sentinel_server.policy.signing import made_by


def signature_findings(
    names: Mapping[Line, str], lines: Sequence[Line], keys: KeySet | None
) -> Iterator[tuple[str, Finding]]:
    """What the signatures in one chain show; `names` are the files of its lines, in order.

    Without `keys` they cannot be checked, and that is said once.
    """
    signed = [line for line in lines if line.action == SIGNED]
    if keys is None:
        if signed:
            text = "holds a signature, and no public keys are here to check it with"
            yield names[signed[0]], signed[0].finding(names[signed[0]], Code.SIGNATURE_UNCHECKED, text)
        return
    places = {line.hash: line.seq for line in lines}
    reached, told = lines[0].seq - 1, set[tuple[Code, str]]()
    for line in signed:
        of = _of(line)
        fault = _fault(line, of, keys) or _contradiction(of, places, lines[0].seq)
        if fault is None:
            reached = max(reached, of.seq)
        elif fault not in told:
            told.add(fault)
            yield names[line], line.finding(names[line], *fault)
    yield from _unsigned_tail(names, lines, reached)


def _of(line: Line) -> Head:
    """The line that a signature is over; one that there is not when it says nothing of the kind."""
    of = line.fields.get("of")
    seq, digest = (of.get("seq"), of.get("hash")) if isinstance(of, dict) else (None, None)
    return Head(
        file="", seq=seq if isinstance(seq, int) else -1, hash=digest if isinstance(digest, str) else ""
    )


def _fault(line: Line, of: Head, keys: KeySet) -> tuple[Code, str] | None:
    key = keys.find(str(line.fields.get("key")))
    if key is None:
        text = f"is signed with {line.fields.get('key')}, which is not among the public keys"
        return Code.SIGNATURE_UNCHECKED, text
    message, right = to_sign(line.writer, of.seq, of.hash), line.fields.get("alg") == key.algorithm.value
    if right and made_by(key, message, _bytes(line.fields.get("sig"))):
        return None
    return Code.BAD_SIGNATURE, "has a signature that its key did not make"


def _contradiction(of: Head, places: Mapping[str, int], first: int) -> tuple[Code, str] | None:
    """A genuine signature over a line that is not there; one from before the first line cannot be seen."""
    if of.seq < first or places.get(of.hash) == of.seq:
        return None
    return Code.CONTRADICTED, f"was signed when line {of.seq} was another one: the log was written anew"


def _unsigned_tail(
    names: Mapping[Line, str], lines: Sequence[Line], reached: int
) -> Iterator[tuple[str, Finding]]:
    tail = [line for line in lines if line.seq > reached]
    if all(line.sealed or line.action == SIGNED for line in tail):
        return
    every = next((line.every for line in lines if line.every is not None), CHECKPOINT_EVERY)
    code = Code.NOT_SIGNED if len(tail) > 2 * every else Code.UNSIGNED_TAIL
    count = "1 line" if len(tail) == 1 else f"{len(tail)} lines"
    yield names[tail[0]], tail[0].finding(names[tail[0]], code, f"begins {count} that no signature is over")


def _bytes(text: Json) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        return b""
