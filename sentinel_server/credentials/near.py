"""Names like the one that was typed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def near_names(typed: str, names: Iterable[str], most: int = 3) -> tuple[str, ...]:
    """The names that were probably meant, the likeliest first: spelt alike, or with what was typed in them.

    Whether letters are capital makes no difference.
    """
    import difflib

    folded: dict[str, list[str]] = {}
    for name in names:
        folded.setdefault(name.casefold(), []).append(name)
    wanted = typed.casefold()
    alike = difflib.get_close_matches(wanted, folded, n=most) if wanted else []
    within = sorted((each for each in folded if wanted and wanted in each), key=len)
    found = [name for each in dict.fromkeys([*alike, *within]) for name in folded[each]]
    return tuple(found[:most])


def question(near: Sequence[str]) -> str | None:
    """`did you mean 'a' or 'b'?`; None when nothing is near."""
    if not near:
        return None
    *most, last = [repr(name) for name in near]
    return f"did you mean {', '.join(most)}{' or ' if most else ''}{last}?"
