"""The kinds of document that say who may do what."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType


class DocumentKind(Enum):
    """A kind of document, by the word of its `kind:` header."""

    POLICY = "policy"
    APPROVAL = "approval"
    BREAKGLASS = "breakglass"
    RATELIMIT = "ratelimit"
    BOOTSTRAP = "bootstrap"

    @property
    def words(self) -> str:
        """What people call it, with its article."""
        return _WORDS[self]


_WORDS = {
    DocumentKind.POLICY: "an access policy",
    DocumentKind.APPROVAL: "an approval policy",
    DocumentKind.BREAKGLASS: "a break-glass policy",
    DocumentKind.RATELIMIT: "a rate-limit policy",
    DocumentKind.BOOTSTRAP: "a bootstrap configuration",
}

SIDE_NAMES: Mapping[DocumentKind, str] = MappingProxyType(
    {
        DocumentKind.APPROVAL: "approvals",
        DocumentKind.BREAKGLASS: "breakglass",
        DocumentKind.RATELIMIT: "ratelimits",
    }
)
"""What each is called: its setting, the end of its parameter's name, and its file without `.yaml`."""
