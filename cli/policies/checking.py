"""What a policy has to pass before it may be pushed: it is one, lint has no error, its tests succeed."""

from __future__ import annotations


def check(data: bytes, file: str, *, tests: bool) -> None:
    """Raises InvalidPolicy, BadInput or Findings for the first thing that speaks against `data`."""
    from sentinel_server.policy.parse import parse_policy

    parse_policy(data, file=file)
