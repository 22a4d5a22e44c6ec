"""The one line a person sees of a refusal: the next step survives whatever else is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.errors import BODY_LIMIT, PolicyDenied, SentinelError, SessionRevoked, all_errors


@pytest.mark.parametrize("kind", list(all_errors()))
def test_the_next_step_is_whole_however_long_the_reason_is(kind: type[SentinelError]) -> None:
    error = kind("rule 'freeze' denies it (" + "because of the freeze " * 40 + ")")
    line = error.line()
    assert len(line) <= BODY_LIMIT
    assert line.startswith("rule 'freeze' denies it")
    assert line.endswith(f"…; {error.hint}" if error.hint else "…")


def test_a_short_message_is_whole() -> None:
    assert SessionRevoked("revoked by carol", hint="ask\nher").line() == "revoked by carol; ask her"


@given(st.text(max_size=700), st.text(max_size=700), st.integers(40, 300))
def test_a_line_is_one_line_and_within_its_limit(message: str, hint: str, limit: int) -> None:
    line = PolicyDenied(message, hint=hint).line(limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
