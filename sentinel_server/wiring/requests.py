"""Approvals: whose signatures count, and what signs ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from sentinel_server.clock import SystemClock
from sentinel_server.errors import InvalidSetting
from sentinel_server.wiring.signing import open_signer

if TYPE_CHECKING:
    from sentinel_server.policy.keys import KeySet
    from sentinel_server.policy.signing import Signer
    from sentinel_server.requests.rules import VoteCheck
    from sentinel_server.settings.resolve import Settings


def vote_check(settings: Settings) -> VoteCheck:
    """What looks at the signatures of votes: by `approvals.keys`, which are read anew for each vote.

    Where `signing.root` is set, those count only if it signed them.

    Raises InvalidSetting when signatures are required and no keys are named.
    """
    from sentinel_server.adapters.local.key_file import read_key_set
    from sentinel_server.requests.rules import no_signature_wanted
    from sentinel_server.requests.signing import SignedVotes

    path = settings.approvals_keys
    if path is None:
        if settings.approvals_signing:
            raise InvalidSetting(
                "approvals.signing is required, and approvals.keys names no keys to check with",
                hint="make a key set: sentinel policy keys add --keys FILE --owner PERSON",
            )
        return no_signature_wanted
    required = settings.approvals_signing is not False
    read = partial(read_key_set, path)
    return SignedVotes(_rooted(read, settings.signing_root), settings.persons, required=required)


def _rooted(read: Callable[[], KeySet], roots: tuple[bytes, ...]) -> Callable[[], KeySet]:
    """What is read when one of `roots` signed it, else PolicyUnverified; anything where there are none."""

    def checked() -> KeySet:
        from sentinel_server.policy.roots import check

        keys = read()
        check(keys, roots, now=SystemClock().now(), highest=0)
        return keys

    return checked if roots else read


@asynccontextmanager
async def open_vote_signer(settings: Settings) -> AsyncIterator[Signer | None]:
    """What signs our approvals, by `approvals.key_file` or `approvals.kms_key`; None when neither is set.

    Raises InvalidSetting when both are, and what `open_signer` raises.
    """
    key_file, kms_key = settings.approvals_key_file, settings.approvals_kms_key
    if key_file is not None and kms_key is not None:
        raise InvalidSetting("approvals.key_file and approvals.kms_key are both set; one key signs")
    if key_file is None and kms_key is None:
        yield None
        return
    async with open_signer(settings, key_file=key_file, kms_key=kms_key) as signer:
        yield signer
