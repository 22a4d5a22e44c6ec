"""One answer to who else could have written a file."""

from __future__ import annotations

import os
import stat
import sys

import pytest

from sentinel_server.adapters.local.ownership import why_not_ours

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="access there is not in the mode")
OURS = getattr(os, "geteuid", int)()


def status(mode: int, uid: int = OURS) -> os.stat_result:
    """The status of something with that mode and owner."""
    return os.stat_result((mode, 0, 0, 1, uid, 0, 0, 0, 0, 0))


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o700])
def test_what_only_we_can_write_is_ours(mode: int) -> None:
    assert why_not_ours(status(mode)) == ""


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o777, 0o770])
def test_what_a_group_or_others_can_write_is_not(mode: int) -> None:
    assert why_not_ours(status(mode)) == "can be written by others"


def test_nobody_takes_what_is_ours_out_of_a_sticky_directory() -> None:
    shared = status(stat.S_IFDIR | stat.S_ISVTX | 0o777)
    assert why_not_ours(shared, sticky=True) == ""
    assert why_not_ours(shared) == "can be written by others"
    assert why_not_ours(status(stat.S_IFDIR | 0o777), sticky=True) == "can be written by others"


def test_another_users_is_not_ours_and_the_superusers_only_where_it_may_be() -> None:
    assert why_not_ours(status(0o600, OURS + 1), root_may=True) == f"belongs to another user (uid {OURS + 1})"
    assert why_not_ours(status(0o644, 0), root_may=True) == ""
    assert bool(why_not_ours(status(0o644, 0))) is (OURS != 0)
    assert why_not_ours(status(0o666, 0), root_may=True) == "can be written by others"
