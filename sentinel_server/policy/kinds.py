"""The kinds of document that say who may do what."""

from __future__ import annotations

from enum import Enum


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
