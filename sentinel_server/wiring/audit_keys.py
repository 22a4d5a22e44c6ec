"""The keys of the audit log: what seals it, what signs it, and what its signatures are checked with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sentinel_server.clock import SystemClock
from sentinel_server.wiring.principals import Say, control_name, open_own

if TYPE_CHECKING:
    from sentinel_server.adapters.aws.base import BotoBase
    from sentinel_server.auditlog.signing import HeadSigning
    from sentinel_server.policy.keys import KeySet
    from sentinel_server.policy.signing import Signer
    from sentinel_server.settings.resolve import Settings

LEAVING = timedelta(seconds=2)
"""How long a process that ends goes on signing and sending."""


def seal_key_of(settings: Settings) -> tuple[Path, Path]:
    """The directory of the log, and the file with the key of its seals."""
    return settings.audit_directory, seal_key(settings)


def log_public_keys(settings: Settings) -> KeySet | None:
    """The public keys that signatures of the log are checked with; the configured key file's own is one.

    None when no keys are named and no key file signs. Raises InvalidSetting, BadInput.
    """
    from sentinel_server.adapters.local.key_file import load_signer, read_key_set
    from sentinel_server.policy.keys import KeySet

    keys = None if settings.audit_keys is None else read_key_set(settings.audit_keys)
    named = settings.audit_signing_key
    if isinstance(named, Path) and _is_pem(named):
        own = load_signer(named).public
        keys = keys or KeySet()
        return keys if keys.find(own.id) else keys.add(own)
    return keys


def seal_key(settings: Settings) -> Path:
    """The key of the seals: what is named and no PEM file, else the one beside the log."""
    from sentinel_server.auditlog.chain import key_file_of

    named = settings.audit_signing_key
    return named if isinstance(named, Path) and not _is_pem(named) else key_file_of(settings.audit_directory)


def _is_pem(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(11) == b"-----BEGIN "
    except OSError:
        return False


def head_signing(
    settings: Settings, clock: SystemClock, say: Say, control: BotoBase | None, *, hurry: bool
) -> HeadSigning | None:
    """What signs the log; in a `hurry` no KMS key does, because whoever waits would wait for it, too."""
    named = settings.audit_signing_key
    if named is None or (isinstance(named, str) and hurry):
        return None
    if isinstance(named, Path) and not _is_pem(named):
        return None
    from sentinel_server.auditlog.signing import HeadSigning

    return HeadSigning(
        lambda: _opened_signer(settings, control),
        clock,
        say,
        every=settings.audit_checkpoint_every,
        patience=LEAVING.total_seconds(),
    )


@asynccontextmanager
async def _opened_signer(settings: Settings, control: BotoBase | None) -> AsyncIterator[Signer]:
    named = settings.audit_signing_key
    if isinstance(named, Path):
        from sentinel_server.adapters.local.key_file import load_signer

        yield await asyncio.to_thread(load_signer, named)
        return
    from sentinel_server.adapters.aws.kms import KmsSigner, kms_public_key

    key = named or ""
    async with AsyncExitStack() as stack:
        base = control or await open_own(stack, settings, control_name(settings), SystemClock())
        region = key.split(":")[3] if key.count(":") > 4 else settings.region
        client = await stack.enter_async_context(base.aws.calls("kms", region=region))
        yield KmsSigner(client, await kms_public_key(client, key))
