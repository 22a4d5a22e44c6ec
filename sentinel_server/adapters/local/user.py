"""The user of this machine, as a name for the records of an embedded store. It authorises nothing."""

from __future__ import annotations

import getpass


def local_user() -> str:
    """`local:NAME`: whoever the operating system says runs this process."""
    try:
        return f"local:{getpass.getuser()}"
    except (KeyError, OSError):
        # A container may run as a number without a name.
        return "local:unknown"
