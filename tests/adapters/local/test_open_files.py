"""A server holds as many connections as it may have files open, with some to spare."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.fakes.processes import REPOSITORY

if sys.platform == "win32":
    pytest.skip("Windows has no such limit", allow_module_level=True)

SCRIPT = """import resource, sys
soft = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, soft))
from sentinel_server.adapters.local.open_files import connections_bearable
print(connections_bearable())
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, soft)
"""


@pytest.mark.parametrize(("limit", "bearable"), [(1024, 768), (300, 64), (4000, 3744)])
def test_the_limit_of_open_files_leaves_room_for_everything_else(limit: int, bearable: int) -> None:
    argv = [sys.executable, "-c", SCRIPT, str(limit)]
    ran = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert int(ran.stdout) == bearable


def test_no_server_wants_more_than_it_could_serve() -> None:
    from sentinel_server.adapters.local.open_files import MOST, connections_bearable

    assert 0 < connections_bearable() <= MOST
