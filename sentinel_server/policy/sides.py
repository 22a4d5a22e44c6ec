"""The policies beside the access policies: who approves, who breaks the glass, and how often. A port.

There is one of each kind at most, and one place for it. None there is an answer, and each kind says what it
means: nobody approves, nobody breaks the glass, nothing is limited.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar, cast

from sentinel_server.frozen import frozen
from sentinel_server.policy.approval import ApprovalPolicy
from sentinel_server.policy.breakglass import BreakGlassPolicy
from sentinel_server.policy.documents import parse_document
from sentinel_server.policy.kinds import SIDE_NAMES, DocumentKind
from sentinel_server.policy.loading import Accepted, facts, invalid_is_unavailable
from sentinel_server.policy.ratelimit import RateLimitPolicy
from sentinel_server.policy.schema import Loaded
from sentinel_server.policy.source import Source
from sentinel_server.policy.stored import Stored

SideDocument = ApprovalPolicy | BreakGlassPolicy | RateLimitPolicy
"""What lies beside access policies."""

D_co = TypeVar("D_co", bound=SideDocument, covariant=True)


@frozen
class LoadedSide(Loaded, Generic[D_co]):
    """A side policy with what is known of its text."""

    document: D_co
    kind: DocumentKind


AnySide = LoadedSide[SideDocument]
"""A side policy of any kind."""


class SidePolicies(Protocol):
    """Reads side policies, verified as access policies are when keys are pinned."""

    async def load(self, kind: DocumentKind) -> AnySide | None:
        """The one in force now, None when there is none.

        Raises PolicyUnavailable when that cannot be said: it is unreadable, not answered for or not valid;
        PolicyUnverified when its signature does not hold, or it is gone and a signed one was in use.
        """
        ...


class SidesBySource:
    """SidePolicies, each kind from the source that `open_` gives for it."""

    def __init__(self, open_: Callable[[DocumentKind], Source[AnySide | None]]) -> None:
        self._sources = {kind: open_(kind) for kind in SIDE_NAMES}

    async def load(self, kind: DocumentKind) -> AnySide | None:
        """The one in force now."""
        return await self._sources[kind].load(SIDE_NAMES[kind])


async def approvals(sides: SidePolicies) -> LoadedSide[ApprovalPolicy] | None:
    """The approval policy in force. Raises as `SidePolicies.load`."""
    return cast("LoadedSide[ApprovalPolicy] | None", await sides.load(DocumentKind.APPROVAL))


async def breakglass(sides: SidePolicies) -> LoadedSide[BreakGlassPolicy] | None:
    """The break-glass policy in force. Raises as `SidePolicies.load`."""
    return cast("LoadedSide[BreakGlassPolicy] | None", await sides.load(DocumentKind.BREAKGLASS))


async def ratelimits(sides: SidePolicies) -> LoadedSide[RateLimitPolicy] | None:
    """The rate-limit policy in force. Raises as `SidePolicies.load`."""
    return cast("LoadedSide[RateLimitPolicy] | None", await sides.load(DocumentKind.RATELIMIT))


def loaded_side(stored: Stored, accepted: Accepted | None, kind: DocumentKind) -> AnySide | None:
    """The side policy that was read, None when there is none. Raises PolicyUnavailable when it is not one."""
    if stored.data is None:
        return None
    with invalid_is_unavailable():
        document = parse_document(stored.data, file=stored.name, kind=kind)
    return LoadedSide(document=cast("SideDocument", document), kind=kind, **facts(stored, accepted))
