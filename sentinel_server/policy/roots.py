"""The root key: who may say which keys count.

A key set that comes by a way others can write to, or lies where its reader could put an older one back, is
believed only with a signature by a root key that the settings pin. The signature is over everything the set
says, its lowest serials included, over the set's own serial, and over the time until which it counts.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from sentinel_server.canonical import canonical, sha256_hex
from sentinel_server.clock import MAX_SKEW, Clock, whole_seconds
from sentinel_server.errors import InvalidSetting, PolicyUnverified, SentinelError
from sentinel_server.policy.keys import KeySet, PublicKey, RootSignature, content, signature_fields
from sentinel_server.policy.signing import Signer, made_by, read_public
from sentinel_server.policy.statement import MAX_SERIAL
from sentinel_server.policy.stored import SerialMemory

_HINT = "get the one in force, or sign it anew: sentinel policy keys sign"


class PinnedKeys:
    """The key set as `read` finds it at each call; with `roots` only what one of them signed.

    `roots` are public keys as SubjectPublicKeyInfo. The highest serial that was believed is remembered in
    `memory`, per root key, so that an older set cannot come back.
    """

    def __init__(
        self,
        read: Callable[[], KeySet],
        roots: tuple[bytes, ...] = (),
        *,
        memory: SerialMemory,
        clock: Clock,
    ) -> None:
        self._read = read
        self._roots = roots
        self._memory = memory
        self._clock = clock

    async def now(self) -> KeySet:
        """The set in force. Raises PolicyUnverified, PolicyUnavailable when the memory cannot be used."""
        highest = await self.highest()
        keys, signed_by = await asyncio.to_thread(self._checked, highest)
        if signed_by is not None and keys.serial > highest:
            await self._memory.saw(remembered_as(signed_by), keys.serial)
        return keys

    async def highest(self) -> int:
        """The highest serial of a set that was believed here; 0 when there is none."""
        return max([await self._memory.highest(remembered_as(root)) for root in self._roots], default=0)

    def _checked(self, highest: int) -> tuple[KeySet, bytes | None]:
        try:
            keys = self._read()
            if not self._roots:
                return keys, None
            return keys, check(keys, self._roots, now=self._clock.now(), highest=highest)
        except InvalidSetting as error:
            raise PolicyUnverified(error.message, hint=error.hint) from error


def remembered_as(root: bytes) -> str:
    """The key under which the highest serial of sets signed by that root is remembered."""
    return f"key-set:{sha256_hex(root)}"


def to_sign(keys: KeySet, signature: RootSignature) -> bytes:
    """The bytes that a root signs. No policy's statement has this form."""
    return canonical({**content(keys), "serial": keys.serial, "signature": signature_fields(signature)})


async def sign_key_set(
    signer: Signer, keys: KeySet, *, serial: int, now: datetime, valid_for: timedelta | None = None
) -> KeySet:
    """The set with a signature by a root key. Raises SentinelError when the signer fails."""
    if not 0 < serial <= MAX_SERIAL:
        raise SentinelError(f"{serial} cannot be a serial")
    at = now.replace(microsecond=0)
    numbered = replace(keys, serial=serial)
    signature = RootSignature(
        key_id=signer.public.id,
        algorithm=signer.public.algorithm,
        signed_at=at,
        not_after=None if valid_for is None else at + valid_for,
    )
    message = to_sign(numbered, signature)
    value = await signer.sign(message)
    if not made_by(signer.public, message, value):
        raise SentinelError(f"the signature that {signer.public.id} gave does not hold")
    return replace(numbered, signature=replace(signature, value=value))


def check(keys: KeySet, roots: tuple[bytes, ...], *, now: datetime, highest: int) -> bytes:
    """The one of `roots` that signed the set. Raises PolicyUnverified, InvalidSetting when one is no key."""
    pinned = {root: read_public(root, "signing.root") for root in roots}
    if keys.signature is None:
        raise PolicyUnverified(
            "the key set is not signed, and signing.root asks for a signature",
            hint="sign it: sentinel policy keys sign",
        )
    message = to_sign(keys, keys.signature)
    signed = (
        root
        for root, public in pinned.items()
        if public.algorithm is keys.signature.algorithm and made_by(public, message, keys.signature.value)
    )
    root = next(signed, None)
    if root is None:
        why = f"no root key made its signature, which names {keys.signature.key_id}"
        raise PolicyUnverified(f"the key set is not the one that was signed: {why}", hint=_HINT)
    for reason in _faults(keys, keys.signature, now, highest):
        raise PolicyUnverified(f"the key set is not accepted: {reason}", hint=_HINT)
    return root


def _faults(keys: KeySet, signature: RootSignature, now: datetime, highest: int) -> Iterator[str]:
    if keys.serial < highest:
        yield f"its serial {keys.serial} is older than {highest}, which was in use here before"
    if signature.signed_at > now + MAX_SKEW:
        yield f"it was signed in the future, at {whole_seconds(signature.signed_at)}"
    if signature.not_after is not None and now >= signature.not_after:
        yield f"it expired at {whole_seconds(signature.not_after)}"


def next_set_serial(keys: KeySet, highest: int) -> int:
    """One more than every serial that is known of the set."""
    return max(keys.serial, highest) + 1


def root_text(public: PublicKey) -> str:
    """The key as the setting `signing.root` has it: base64 of its SubjectPublicKeyInfo."""
    return base64.b64encode(public.der).decode("ascii")
