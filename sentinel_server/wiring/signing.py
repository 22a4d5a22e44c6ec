"""Keys: what signs policies, and the pinned set that says which signatures count."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sentinel_server.clock import SystemClock
from sentinel_server.errors import InvalidSetting
from sentinel_server.frozen import frozen
from sentinel_server.wiring.principals import Say, control_name, open_own

if TYPE_CHECKING:
    from sentinel_server.clock import Clock
    from sentinel_server.policy.keys import KeySet, PublicKey
    from sentinel_server.policy.roots import PinnedKeys
    from sentinel_server.policy.signing import Signer
    from sentinel_server.policy.stored import SerialMemory
    from sentinel_server.settings.resolve import Settings


@frozen
class KeyRing:
    """The file of pinned public keys, and what makes and reads keys; all raise SentinelErrors."""

    path: Path
    read: Callable[[], KeySet]
    write: Callable[[KeySet], None]
    generate: Callable[[Path], PublicKey]
    public: Callable[[Path, str | None], PublicKey]


@asynccontextmanager
async def open_signer(
    settings: Settings, *, key_file: Path | None = None, kms_key: str | None = None
) -> AsyncIterator[Signer]:
    """What signs with the key in a file, or with a KMS key. Raises BadInput, SentinelError."""
    if key_file is not None:
        from sentinel_server.adapters.local.key_file import load_signer

        yield load_signer(key_file)
        return
    from sentinel_server.adapters.aws.kms import KmsSigner, kms_public_key

    async with AsyncExitStack() as stack:
        base = await open_own(stack, settings, control_name(settings), SystemClock())
        client = await stack.enter_async_context(base.aws.calls("kms", region=_kms_region(settings, kms_key)))
        yield KmsSigner(client, await kms_public_key(client, kms_key or ""))


def key_ring(settings: Settings) -> KeyRing:
    """Where the pinned keys are kept: the configured file, else the usual one."""
    from sentinel_server.adapters.local import key_file

    path = settings.signing_keys or settings.directories.config / "policy-keys.json"
    return KeyRing(
        path=path,
        read=partial(key_file.read_key_set, path),
        write=partial(key_file.write_key_set, path),
        generate=key_file.generate_key,
        public=key_file.load_public,
    )


def signing_is_set_up(settings: Settings) -> bool:
    """Whether doors check signatures. Raises InvalidSetting when it is said in part, or without a key set."""
    if settings.signing_keys is not None:
        key_ring(settings).read()
        return True
    for name, wanted in (("required", settings.signing_required), ("root", settings.signing_root)):
        if wanted:
            raise InvalidSetting(
                f"signing.{name} is set, and signing.keys names no keys to check with",
                hint="make a key set: sentinel policy keys add; then set signing.keys to its path",
            )
    return False


def memory_path(settings: Settings) -> Path:
    """The file that remembers the serials seen on this machine."""
    return settings.directories.state / "policies.db"


def say_if_new(settings: Settings, say: Say) -> None:
    """Whoever deletes what was remembered can bring old policies back, so a beginning is never silent."""
    path = memory_path(settings)
    if not path.exists():
        say(f"{path} is new: if this machine has used signed policies before, it was deleted since")


@asynccontextmanager
async def open_pins(settings: Settings, say: Say = lambda _: None) -> AsyncIterator[PinnedKeys]:
    """The pinned keys as a door believes them, for whoever reads no policies."""
    from sentinel_server.adapters.local.policy_memory import PolicyMemory

    if settings.signing_root:
        say_if_new(settings, say)
    memory = PolicyMemory(memory_path(settings))
    try:
        yield pinned_keys(settings, memory, SystemClock())
    finally:
        await memory.close()


def pinned_keys(settings: Settings, memory: SerialMemory, clock: Clock) -> PinnedKeys:
    """The pinned keys as a door believes them."""
    from sentinel_server.policy.roots import PinnedKeys

    return PinnedKeys(key_ring(settings).read, settings.signing_root, memory=memory, clock=clock)


def _kms_region(settings: Settings, key: str | None) -> str | None:
    """The region in a key's ARN, else the configured one."""
    parts = (key or "").split(":")
    return parts[3] if len(parts) > 5 else settings.region
