"""What was typed or configured cannot be used."""

from __future__ import annotations

from sentinel_server.errors.base import SentinelError
from sentinel_server.frozen import frozen


class BadInput(SentinelError):
    """What was typed or configured cannot be used."""

    code = "BadInput"
    exit_status = 2


@frozen
class Problem:
    """One fault of a document, at a line and column counted from 1; `path` is as in `rules[2].reason`."""

    file: str
    line: int
    column: int
    path: str
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}: "
        what = f"{self.path}: {self.message}" if self.path else self.message
        return where + (f"{what}; {self.suggestion}" if self.suggestion else what)


class InvalidPolicy(BadInput):
    """A policy document that does not say what a policy may say, with every fault in `problems`."""

    code = "InvalidPolicy"
    exit_status = 2
    default_hint = "check it: sentinel policy validate FILE"

    def __init__(self, message: str, *, hint: str | None = None, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class InvalidSetting(BadInput):
    """A flag, variable or configuration entry with a value that means nothing."""

    code = "InvalidSetting"
    default_hint = "see what is set and from where: sentinel config show"


class InvalidIdentifier(BadInput):
    """A session id, stamp or name that is not of its form."""

    code = "InvalidIdentifier"


class InvalidArn(BadInput):
    """An ARN that names nobody we know how to name."""

    code = "InvalidArn"


class UnknownProfile(BadInput):
    """A profile that the AWS configuration does not have."""

    code = "UnknownProfile"
    default_hint = "list yours: sentinel profiles"


class Nested(BadInput):
    """Sentinel was started inside a shell that it already serves."""

    code = "Nested"
    default_hint = "leave this shell first: exit; to switch inside of one, see: sentinel shell init --help"
