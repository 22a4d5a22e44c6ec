"""How many files this process may have open, of which every connection is one."""

from __future__ import annotations

import sys

KEPT = 256
"""Files left for everything else: stores, logs, calls to AWS."""

MOST = 4096
"""Connections beyond which nobody is served better by one more."""

FEW = 64

if sys.platform == "win32":

    def connections_bearable() -> int:
        """How many connections a server may hold; Windows has no limit that is near."""
        return MOST

else:
    import resource

    def connections_bearable() -> int:
        """How many connections a server may hold within `ulimit -n`, which is left as the user set it.

        A child inherits the limit, and programs that use select(2) break when it is raised for them.
        """
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        room = MOST if soft == resource.RLIM_INFINITY else soft - KEPT
        return max(FEW, min(MOST, room))
