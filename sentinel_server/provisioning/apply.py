"""Carries a plan out through the Provisioner port, and says what became of every step."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Protocol

from sentinel_server.frozen import frozen
from sentinel_server.provisioning.desired import Table
from sentinel_server.provisioning.plan import Found, Step, plan


class Outcome(Enum):
    """What became of a step."""

    DONE = "done"
    UNSUPPORTED = "not supported by this endpoint"


@frozen
class Performed:
    """A step and what became of it."""

    step: Step
    outcome: Outcome


class Provisioner(Protocol):
    """Looks at tables and changes them. Raises UpstreamFailed and its like when AWS does not do it."""

    async def find(self, name: str) -> Found | None:
        """The table as it is now; None when there is none."""
        ...

    async def perform(self, step: Step) -> Outcome:
        """Do one step and wait until the table and all its indexes can be used."""
        ...


async def missing(provisioner: Provisioner, desired: Table) -> tuple[Step, ...]:
    """What would have to be done. Raises Findings when it cannot be done."""
    return plan(desired, await provisioner.find(desired.name))


async def apply(
    provisioner: Provisioner, desired: Table, note: Callable[[Step], None] | None = None
) -> tuple[Performed, ...]:
    """Do what is missing, telling `note` of each step before it begins; running it again does nothing more.

    The first step that fails raises; those before it have been done, and a second run goes on from there.
    """
    done: list[Performed] = []
    for step in await missing(provisioner, desired):
        if note is not None:
            note(step)
        done.append(Performed(step=step, outcome=await provisioner.perform(step)))
    return tuple(done)
