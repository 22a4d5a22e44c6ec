"""A home with profiles of difficult names."""

from __future__ import annotations

from pathlib import Path

import pytest

PROFILES = """\
[profile dev]
[profile dev-eu]
[profile "my profile"]
[profile corp:prod]
"""


@pytest.fixture
def with_profiles(tmp_path: Path) -> Path:
    """The home."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(PROFILES)
    return tmp_path
