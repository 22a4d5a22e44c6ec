"""What one policy changes when it takes the place of another, as data and as words of at most 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from cli.layout import clean
from sentinel_server.policy.answers import Answer
from sentinel_server.policy.comparing import Change, Comparison
from sentinel_server.policy.durations import format_duration
from sentinel_server.policy.schema import Effect, Mode, Override

_WIDTH = 80
_SHOWN = 8
_LIFTED = {
    None: "no rule matches",
    Override.EMERGENCY: "lifted by an emergency",
    Override.APPROVAL: "lifted by an approval or an emergency",
    Override.APPROVAL_ONLY: "lifted by an approval",
    Override.NONE: "lifted by nothing",
}
_MEANT = {
    Effect.ALLOW: "allow",
    Effect.DENY: "deny",
    Effect.REQUIRE_APPROVAL: "allow after an approval",
    Effect.REQUIRE_SERVER: "refuse, server mode only",
    Effect.REQUIRE_SERVER_SESSION: "allow with a session in a shared store",
}


def meaning_lines(found: Comparison) -> Iterator[str]:
    """Every change for people, or that there is none."""
    about = f"{_count(found.users, 'user')} and {_count(found.profiles, 'profile')}"
    if not found.changes:
        yield f"means the same for {about}"
        return
    yield f"{_count(found.changes, 'change')} of meaning, looked for among {about}"
    for change in found.changes:
        yield ""
        yield from _change(change)


def meaning_fields(found: Comparison) -> dict[str, Any]:
    """Every change for `--output json`."""
    return {
        "changes": [
            {
                "change": change.word,
                "users": list(change.who),
                "profiles": list(change.profiles),
                "modes": [mode.value for mode in change.modes],
                "when": list(change.when) or ["always"],
                "before": _answer_fields(change.before),
                "after": _answer_fields(change.after),
            }
            for change in found.changes
        ],
        "users": list(found.users),
        "profiles": list(found.profiles),
    }


def _change(change: Change) -> Iterator[str]:
    everywhere = len(change.modes) == len(Mode)
    modes = "any door" if everywhere else ", ".join(mode.value for mode in change.modes)
    yield _line(change.word, _listed(change.who))
    yield _line("  on", _listed(change.profiles))
    yield _line("  by", modes)
    for index, when in enumerate(change.when or ("always",)):
        yield _line("" if index else "  when", when)
    yield _line("  was", _words(change.before))
    yield _line("  now", _words(change.after))


def _words(answer: Answer) -> str:
    parts = [_MEANT[answer.outcome]]
    if answer.outcome is Effect.DENY:
        parts.append(_LIFTED[answer.override])
    if answer.max_duration is not None:
        parts.append(f"at most {format_duration(answer.max_duration)}")
    if answer.max_lease is not None:
        parts.append(f"lease at most {answer.max_lease}")
    if answer.enforce_lease:
        parts.append("lease enforced by AWS")
    if answer.session_table is not None:
        parts.append(f"session in {answer.session_table}")
    if answer.allow_unstamped:
        parts.append("unstamped too")
    return ", ".join(parts)


def _answer_fields(answer: Answer) -> dict[str, Any]:
    return {
        "outcome": answer.outcome.value,
        "override": None if answer.override is None else answer.override.value,
        "max_duration": None if answer.max_duration is None else int(answer.max_duration.total_seconds()),
        "max_lease": None if answer.max_lease is None else str(answer.max_lease),
        "enforce_lease": answer.enforce_lease,
        "session_table": answer.session_table,
        "allow_unstamped": answer.allow_unstamped,
    }


def _count(things: Sequence[object], word: str) -> str:
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _line(label: str, text: str) -> str:
    return textwrap.fill(
        clean(text),
        _WIDTH,
        initial_indent=label.ljust(9),
        subsequent_indent=" " * 9,
        break_on_hyphens=False,
    )
