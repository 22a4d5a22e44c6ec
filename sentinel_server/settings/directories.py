"""Where we keep things."""

from __future__ import annotations

from pathlib import Path

from sentinel_server.frozen import frozen


@frozen
class Directories:
    """Our own directories: what is configured, and what is remembered."""

    config: Path
    state: Path
