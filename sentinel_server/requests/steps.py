"""The commands that go on from a request, as somebody types them. Pure."""

from __future__ import annotations

from shlex import quote

from sentinel_server.requests.model import AccessRequest


def look_at(request: AccessRequest) -> str:
    """How to see what became of it."""
    return f"look at it: sentinel check {request.id}"


def ask_anew(profile: str, why: str = "ask anew") -> str:
    """How to make a request of one's own for the profile."""
    return f"{why}: sentinel request --profile {quote(profile)} --justification WHY"
