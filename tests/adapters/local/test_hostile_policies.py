"""A directory of somebody else's: they can swap the files in it, though each file is ours."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sentinel_server.adapters.local.policies import FilePolicies
from sentinel_server.errors import PolicyUnavailable


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can give files away")
async def test_a_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    (directory := tmp_path / "policies").mkdir(mode=0o755)
    (directory / "prod.yaml").write_text('version: "1"\nrules: [{name: a, effect: allow, match: any}]\n')
    assert (await FilePolicies(directory).load("prod")).policy.rules
    os.chown(directory, 12345, -1)
    with pytest.raises(PolicyUnavailable, match="policies belongs to another user"):
        await FilePolicies(directory).load("prod")
