"""The words that entries of the log have: a filter by another is a mistake, and no empty answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sentinel_server.errors import BadInput, all_errors


def known_actions() -> frozenset[str]:
    """What an entry may say that happened."""
    from sentinel_server.auditlog.chain import CHECKPOINT, OPENED
    from sentinel_server.auditlog.event import Action

    return frozenset(action.value for action in Action) | {OPENED, CHECKPOINT}


def known_effects() -> frozenset[str]:
    """Every decision, outcome, status and error code that an entry may have."""
    from sentinel_server.breakglass.model import EventState
    from sentinel_server.notifications.outbox import Outcome
    from sentinel_server.policy.schema import Effect
    from sentinel_server.requests.model import Status

    words = {each.value for kind in (Effect, Outcome, Status, EventState) for each in kind}
    return frozenset(words | {"issued", "failed", "discarded"} | {error.code for error in all_errors()})


def checked_actions(words: Iterable[str]) -> frozenset[str]:
    """The actions. Raises BadInput for one that there is not."""
    known = known_actions()
    return frozenset(_checked("--action", word, known) for word in words)


def checked_effect(word: str | None) -> str | None:
    """The word, or None when nothing is asked. Raises BadInput for one that no entry has."""
    return None if word is None else _checked("--effect", word, known_effects())


def _checked(option: str, word: str, known: Collection[str]) -> str:
    import difflib

    if word in known:
        return word
    exact = [each for each in known if each.lower() == word.lower()]
    near = exact or difflib.get_close_matches(word, sorted(known), n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "docs/audit.md has the words"
    raise BadInput(f"{option} {word!r}: no entry of the log has that word", hint=hint)
