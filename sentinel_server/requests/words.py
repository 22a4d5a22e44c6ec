"""What people may write into a request. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta

from sentinel_server.errors import BadInput
from sentinel_server.policy.durations import format_duration
from sentinel_server.policy.outline import SHORTEST
from sentinel_server.policy.read_approval import LONGEST_REQUEST

JUSTIFICATION = (10, 500)
"""Characters of a justification, at least and at most, runs of spaces counted as one."""
COMMENT = 500
"""Characters of a comment, at most."""
TICKET = 128
"""Characters of a ticket, at most."""


def checked_justification(text: str) -> str:
    """The justification with single spaces. Raises BadInput unless it says something in its length."""
    low, high = JUSTIFICATION
    said = _plain(text, "the justification")
    if not low <= len(said) <= high:
        raise BadInput(
            f"the justification has {len(said)} characters, and {low} to {high} are wanted",
            hint="say what you are about to do and why: --justification WHY",
        )
    return said


def checked_comment(text: str) -> str:
    """A comment, which may be empty. Raises BadInput."""
    said = _plain(text, "the comment")
    if len(said) > COMMENT:
        raise BadInput(f"the comment has {len(said)} characters, and {COMMENT} are the most")
    return said


def checked_ticket(text: str, pattern: re.Pattern[str] | None) -> str:
    """A ticket that fits the pattern as a whole; without a pattern it may be left out. Raises BadInput."""
    said = _plain(text, "the ticket")
    if len(said) > TICKET:
        raise BadInput(f"the ticket has {len(said)} characters, and {TICKET} are the most")
    if pattern is not None and not pattern.fullmatch(said):
        what = f"the ticket {said!r} is not of the form" if said else "a ticket is wanted, of the form"
        raise BadInput(f"{what} {pattern.pattern}", hint="name it: --ticket TICKET")
    return said


def checked_duration(duration: timedelta) -> timedelta:
    """A duration in whole seconds, a minute to eight hours; what is over that is refused. Raises BadInput."""
    whole = timedelta(seconds=duration // timedelta(seconds=1))
    if not SHORTEST <= whole <= LONGEST_REQUEST:
        low, high = format_duration(SHORTEST), format_duration(LONGEST_REQUEST)
        raise BadInput(f"{format_duration(duration)} cannot be asked for; {low} to {high} can")
    return whole


def _plain(text: str, what: str) -> str:
    said = " ".join(text.split(" "))
    if any(unicodedata.category(each).startswith("C") for each in said):
        raise BadInput(f"{what} has a control character or one that does not show; write it on one line")
    return " ".join(said.split())
