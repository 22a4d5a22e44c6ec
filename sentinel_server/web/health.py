"""A sign of life, and nothing else: no version, no profile, no session."""

from __future__ import annotations

from typing import Final

from sentinel_server.web.reply import page

PATH: Final = "/healthz"
"""Answered without a token."""
ALIVE: Final = page(200, b'{"status":"alive"}')
"""The whole answer."""
