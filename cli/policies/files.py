"""Reading what a command is pointed at, and no more of it than a policy may have."""

from __future__ import annotations

import click


def read_bounded(file: str) -> bytes:
    """At most one byte more than a policy may have, so that an endless file ends here."""
    from sentinel_server.policy.events import MAX_BYTES

    with click.open_file(file, "rb") as stream:
        data: bytes = stream.read(MAX_BYTES + 1)
        return data


def read_or_fail(file: str) -> bytes:
    """The same, with - for stdin. Raises PolicyUnavailable when it cannot be read."""
    from sentinel_server.errors import PolicyUnavailable

    try:
        return read_bounded(file)
    except OSError as error:
        raise PolicyUnavailable(f"cannot read {file}: {error.strerror}", hint="is it there?") from error
