"""The problems of one document, collected so that one reading reports them all."""

from __future__ import annotations

from dataclasses import dataclass, field

from sentinel_server.errors import InvalidPolicy, Problem
from sentinel_server.policy.events import Mark

MAX_PROBLEMS = 200
"""More than this many are not worth listing."""


@dataclass(slots=True)
class Report:
    """Collects the problems of one file."""

    file: str
    problems: list[Problem] = field(default_factory=list)

    def add(self, mark: Mark, path: str, message: str, suggestion: str = "") -> None:
        """Note a problem; from `MAX_PROBLEMS` on they are dropped."""
        if len(self.problems) < MAX_PROBLEMS:
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

    def raise_any(self) -> None:
        """Raises the error if there is a problem."""
        if self.problems:
            raise self.error()

    def error(self) -> InvalidPolicy:
        """One error with every problem, in the order of the text."""
        found = tuple(sorted(self.problems, key=lambda each: (each.line, each.column)))
        head = "" if len(found) == 1 else f"{len(found)} problems in {self.file}\n"
        return InvalidPolicy(head + "\n".join(map(str, found)), problems=found)
