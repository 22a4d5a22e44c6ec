"""Signatures over the heads of chains, by a key that need not be on this machine.

A seal is quick and shows what somebody without this machine's key has done. A signature takes as long as its
key is away (KMS), so it is made in the background and written when it comes, as a line (`signed`) that names
the line it is over, and with it all before that. One that fails is said, and stops nothing: the line is
written and sealed all the same, and verifying says how far a chain is signed.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING

from sentinel_server.auditlog.chain import FILE_NAME, SIGNED, Head
from sentinel_server.canonical import Json, canonical
from sentinel_server.clock import Clock, sortable
from sentinel_server.errors import SentinelError

if TYPE_CHECKING:
    from sentinel_server.policy.signing import Signer

FORMAT = "sentinel-audit-head/1"
"""What the signed bytes say of themselves, so that no signature over anything else is one of these."""

OpenSigner = Callable[[], "AbstractAsyncContextManager[Signer]"]
"""Opens what signs. Raises SentinelError."""


def to_sign(writer: str, seq: int, digest: str) -> bytes:
    """The bytes that a signature over the line `seq` of a writer is made of."""
    return canonical({"format": FORMAT, "writer": writer, "seq": seq, "hash": digest})


class HeadSigning:
    """Signs a chain every so many lines and at its end. `note` is told when that stops working."""

    def __init__(
        self,
        open_signer: OpenSigner,
        clock: Clock,
        note: Callable[[str], None],
        *,
        every: int,
        patience: float,
    ) -> None:
        self._open = open_signer
        self._clock = clock
        self._note = note
        self._every = every
        self._patience = patience
        self._stack = AsyncExitStack()
        self._signer: Signer | None = None
        self._head: Head | None = None
        self._unsigned = 0
        self._task: asyncio.Task[None] | None = None
        self._failing = False
        self._write: Callable[[Mapping[str, Json]], None] | None = None

    def bind(self, write: Callable[[Mapping[str, Json]], None]) -> None:
        """Where the lines go that hold signatures."""
        self._write = write

    def wrote(self, head: Head, events: Sequence[Mapping[str, Json]]) -> None:
        """Note how far the chain has come."""
        self._head = head
        self._unsigned += sum(event.get("action") != SIGNED for event in events)
        if self._unsigned >= self._every and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._sign())

    async def finish(self) -> None:
        """Sign what is not signed yet, for as long as there is patience, and let go of the signer."""
        try:
            async with asyncio.timeout(self._patience):
                if self._task is not None:
                    await self._task
                if self._unsigned:
                    await self._sign()
        except TimeoutError:
            self._fails("the signer takes too long")
        finally:
            await self._stack.aclose()

    async def _sign(self) -> None:
        head, unsigned = self._head, self._unsigned
        if head is None or self._write is None:
            return
        self._unsigned = 0
        try:
            signer = await self._opened()
            signature = await signer.sign(to_sign(_writer(head), head.seq, head.hash))
            self._write(self._line(head, signer, signature))
        except SentinelError as error:
            self._unsigned += unsigned
            self._fails(error.message)
        except asyncio.CancelledError:
            self._unsigned += unsigned
            raise
        else:
            self._failing = False

    async def _opened(self) -> Signer:
        if self._signer is None:
            self._signer = await self._stack.enter_async_context(self._open())
        return self._signer

    def _line(self, head: Head, signer: Signer, signature: bytes) -> dict[str, Json]:
        return {
            "action": SIGNED,
            "at": sortable(self._clock.now()),
            "of": {"seq": head.seq, "hash": head.hash},
            "key": signer.public.id,
            "alg": signer.public.algorithm.value,
            "sig": base64.b64encode(signature).decode("ascii"),
        }

    def _fails(self, why: str) -> None:
        if not self._failing:
            self._note(f"the audit log is not signed: {why}; it is sealed, and signed when that works again")
        self._failing = True


def _writer(head: Head) -> str:
    named = FILE_NAME.fullmatch(head.file)
    return named["writer"] if named else ""
