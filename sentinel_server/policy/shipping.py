"""Putting a policy into force: the signature first, so that whatever stops us a verifier finds a whole pair.

Order: sign, write the envelope (which holds the signature of what is there and of what comes), write the
policy, read both back; before all that, ask whether the store could hold it. Stopped after any of these, the
store holds the old policy or the new one, each with its signature, and the same push again completes it.
"""

from __future__ import annotations

from sentinel_server.canonical import sha256_hex
from sentinel_server.errors import BadInput, NotFound, PolicyChanged
from sentinel_server.policy.signing import envelope_for
from sentinel_server.policy.statement import Envelope, Signed, print_envelope, signatures_in
from sentinel_server.policy.stored import PolicyStore, Revision, Stored


async def ship(store: PolicyStore, seen: Stored, data: bytes, signed: Signed | None) -> int:
    """Put `data` in the place of what was seen, with its signature; the version that is in force then.

    Raises PolicyChanged when somebody else wrote meanwhile, BadInput when the store cannot hold it or a
    signed policy would lose its signature, and what the store raises.
    """
    if signed is None and seen.envelope is not None and seen.data != data:
        raise BadInput(
            f"{seen.name} is signed, and without a new signature nobody would accept the new text",
            hint="sign it: --sign-with KEYFILE or --kms-key ID",
        )
    if seen.data != data:
        await store.check(seen, data)
    if signed is not None:
        await store.write_envelope(seen, print_envelope(envelope_for(seen, signed)))
    version = seen.version if seen.data == data else await store.write_policy(seen, data)
    await _read_back(store, seen, data, signed)
    return version


async def _read_back(store: PolicyStore, seen: Stored, data: bytes, signed: Signed | None) -> None:
    """See that what is in force is ours; somebody who pushed at the same time may have dropped our half."""
    after = await store.read(seen.profile)
    if after.data != data:
        raise PolicyChanged(f"{seen.name} was written, and then replaced by somebody else's version")
    if signed is None or signed in signatures_in(after.envelope):
        return
    await store.write_envelope(after, print_envelope(_with(after, signed)))


def _with(after: Stored, signed: Signed) -> Envelope:
    old = signatures_in(after.envelope)
    pending = [each for each in old if each.statement.serial >= signed.statement.serial]
    return Envelope(signatures=(signed, *pending[:2]))


def signed_by(data: bytes, *envelopes: bytes | None) -> Signed | None:
    """The signature in the envelopes that is about `data`, unchecked; the one of the highest serial."""
    about = [
        signed
        for envelope in envelopes
        for signed in signatures_in(envelope)
        if signed.statement.sha256 == sha256_hex(data)
    ]
    return max(about, key=lambda signed: signed.statement.serial, default=None)


def earlier(revisions: tuple[Revision, ...], seen: Stored, wanted: int | None) -> Revision:
    """The revision to go back to: that version, or the newest whose bytes are not those in force.

    Raises NotFound.
    """
    for revision in revisions:
        if revision.version == wanted or (wanted is None and revision.data != seen.data):
            return revision
    what = "earlier version" if wanted is None else f"version {wanted}"
    raise NotFound(
        f"the store has no {what} of {seen.name}", hint="see what it has: sentinel policy history PROFILE"
    )
