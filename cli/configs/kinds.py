"""The words for kinds of document, here so that `--help` need not import what reads them."""

from __future__ import annotations

KINDS = ("policy", "approval", "breakglass", "ratelimit", "bootstrap")
"""The values of `DocumentKind`; a test holds them together."""
