"""Who else could have written what we are about to believe."""

from __future__ import annotations

import os
import stat
import sys


def why_not_ours(found: os.stat_result, *, root_may: bool = False, sticky: bool = False) -> str:
    """Why somebody else may have written there, in words that follow its name; empty when nobody else could.

    With `root_may` it may belong to the superuser, too. With `sticky` others may write to a directory from
    which they can take nothing that is not theirs. On Windows nothing is said: access there is that of the
    profile's directory.
    """
    if sys.platform != "win32":
        if found.st_uid != os.geteuid() and not (root_may and found.st_uid == 0):
            return f"belongs to another user (uid {found.st_uid})"
        writable = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if writable and not (sticky and found.st_mode & stat.S_ISVTX):
            return "can be written by others"
    return ""
