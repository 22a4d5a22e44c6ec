"""Where we keep things."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Directories:
    """Our own directories: what is configured, and what is remembered."""

    config: Path
    state: Path
