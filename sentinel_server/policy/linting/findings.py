"""A finding, and what every check looks at."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

from sentinel_server.frozen import frozen
from sentinel_server.policy.events import Mark
from sentinel_server.policy.linting.codes import Code, Severity
from sentinel_server.policy.linting.places import Places
from sentinel_server.policy.linting.reach import Reach
from sentinel_server.policy.schema import Effect, Policy, Rule

ALLOWING = (Effect.ALLOW, Effect.REQUIRE_SERVER, Effect.REQUIRE_SERVER_SESSION)
"""The effects by which nobody else has to agree."""


@frozen
class Finding:
    """Something found at a line and column counted from 1; `rule` is the name of the rule it is about.

    `message` says what, and which other rules; `why` it matters and `suggestion` what to do come from the
    code unless there is something better to say.
    """

    code: Code
    line: int
    column: int
    path: str
    message: str
    rule: str | None = None
    why: str = ""
    suggestion: str = ""

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return self.code.about.severity


class Subject:
    """One policy under examination at one time."""

    def __init__(self, policy: Policy, places: Places, now: datetime) -> None:
        self.policy = policy
        self.places = places
        self.now = now

    @cached_property
    def reach(self) -> Reach:
        """What can be asked of the policy from now on."""
        return Reach(self.policy, self.now)

    def about_rule(
        self, code: Code, index: int, message: str, *, below: str = "", suggestion: str = ""
    ) -> Finding:
        """A finding about a rule, or about what stands `below` it."""
        path = f"rules[{index}]{below}"
        return self.found(code, path, message, rule=self.policy.rules[index].name, suggestion=suggestion)

    def found(
        self, code: Code, path: str, message: str, *, rule: str | None = None, suggestion: str = ""
    ) -> Finding:
        """A finding at a path."""
        mark: Mark = self.places.at(path)
        return Finding(
            code=code,
            line=mark.line,
            column=mark.column,
            path=path,
            message=message or code.about.text,
            rule=rule,
            why=code.about.why,
            suggestion=suggestion or code.about.way_out,
        )

    def names(self, indexes: list[int]) -> str:
        """Rules as a message names them, at most five."""
        rules: list[Rule] = [self.policy.rules[index] for index in indexes]
        shown = [f"`{rule.name}`" for rule in rules[:5]]
        more = len(rules) - len(shown)
        if more:
            shown.append(f"{more} more")
        return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
