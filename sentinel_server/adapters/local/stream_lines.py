"""The audit log as lines on an open stream, for places where what is written to stderr is kept.

They are chained and sealed as those of a file are, with a writer of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sentinel_server.adapters.local.log_opening import write_all
from sentinel_server.auditlog.chain import Chain, SealKey, finished
from sentinel_server.canonical import Json
from sentinel_server.clock import Clock, Ids
from sentinel_server.errors import AuditUnavailable


class StreamLines:
    """Appends events to the stream `descriptor`; `load_key` is asked when the first one comes."""

    def __init__(
        self, descriptor: int, *, load_key: Callable[[], SealKey], clock: Clock, ids: Ids, every: int
    ) -> None:
        self._descriptor = descriptor
        self._load_key = load_key
        self._clock = clock
        self._ids = ids
        self._every = every
        self._chain: Chain | None = None
        self._key: SealKey | None = None

    def append(self, events: Sequence[Mapping[str, Json]], durable: bool) -> None:
        """Write the events. Raises AuditUnavailable, and then the next ones begin a new chain."""
        try:
            key = self._key = self._key or self._load_key()
            chain, lines = self._begun(key)
            for event in events:
                line, chain = chain.event(event)
                lines.append(line)
                if chain.unsealed >= self._every:
                    line, chain = chain.checkpoint(self._clock.now(), key)
                    lines.append(line)
            self._write(b"".join(lines))
        except OSError as error:
            self._chain = None
            raise AuditUnavailable(f"cannot write the audit log to stderr: {error.strerror}") from error
        self._chain = chain

    def close(self) -> None:
        """End the chain. Raises AuditUnavailable."""
        if self._chain is None or self._key is None:
            return
        line, _ = self._chain.checkpoint(self._clock.now(), self._key, **finished())
        self._chain = None
        try:
            self._write(line)
        except OSError as error:
            raise AuditUnavailable(f"cannot write the audit log to stderr: {error.strerror}") from error

    def _begun(self, key: SealKey) -> tuple[Chain, list[bytes]]:
        if self._chain is not None:
            return self._chain, []
        line, chain = Chain(writer=self._ids.fresh()).opened(self._clock.now(), (), key, every=self._every)
        return chain, [line]

    def _write(self, data: bytes) -> None:
        write_all(self._descriptor, data)
