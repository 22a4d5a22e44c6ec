"""The problems of one document, collected so that one reading reports them all."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from sentinel_server.errors import InvalidPolicy, Problem
from sentinel_server.policy.events import Mark

MAX_PROBLEMS = 200
"""More than this many are not worth listing."""


MAX_GUESSES = 20
"""How many unknown words are compared with the known ones, which takes longer than all other reading."""


@dataclass(slots=True)
class Report:
    """Collects the problems of one file; `guesses` is how many words may still be compared."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    guesses: int = MAX_GUESSES

    def closest(self, text: str, known: Collection[str]) -> str:
        """The one of `known` that was probably meant, else nothing; a hundred known words cost one guess."""
        import difflib

        self.guesses -= 1 + len(known) // 100
        near = difflib.get_close_matches(text[:60], known, n=1, cutoff=0.7) if self.guesses >= 0 else []
        return near[0] if near else ""

    def add(self, mark: Mark, path: str, message: str, suggestion: str = "") -> None:
        """Note a problem; from `MAX_PROBLEMS` on they are dropped."""
        if not self.full:
            self.problems.append(
                Problem(
                    file=self.file,
                    line=mark.line,
                    column=mark.column,
                    path=path,
                    message=message,
                    suggestion=suggestion,
                )
            )

    @property
    def full(self) -> bool:
        """Whether no more problems are noted."""
        return len(self.problems) >= MAX_PROBLEMS

    def raise_any(self) -> None:
        """Raises the error if there is a problem."""
        if self.problems:
            raise self.error()

    def error(self) -> InvalidPolicy:
        """One error with every problem, in the order of the text."""
        found = tuple(sorted(self.problems, key=lambda each: (each.line, each.column)))
        head = "" if len(found) == 1 else f"{len(found)} problems in {self.file}\n"
        return InvalidPolicy(head + "\n".join(map(str, found)), problems=found)
