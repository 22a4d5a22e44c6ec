"""What is missing: desired minus found, as steps in the order in which they can be done. Pure."""

from __future__ import annotations

from enum import Enum

from sentinel_server.errors import Findings
from sentinel_server.frozen import frozen
from sentinel_server.provisioning.desired import KEY, Index, Table
from sentinel_server.records.model import RETENTION


class Guard(Enum):
    """A protection that a table can be given after it was made."""

    DELETION_PROTECTION = "deletion protection"
    POINT_IN_TIME_RECOVERY = "point-in-time recovery"
    KMS_ENCRYPTION = "KMS encryption"


@frozen
class Found:
    """A table as it is. `keys` are its own key attributes, `guards` the protections that are on, `ttl` is the
    attribute whose time lets rows be forgotten.
    """

    name: str
    keys: tuple[str, ...]
    indexes: tuple[Index, ...]
    guards: frozenset[Guard]
    ttl: str | None = None


@frozen
class CreateTable:
    """Make the table with its indexes, encrypted and protected from deletion."""

    table: Table

    def __str__(self) -> str:
        return f"create table {self.table.name} with {len(self.table.indexes)} indexes"


@frozen
class AddIndex:
    """Add one index to a table that exists, and wait until it is filled."""

    table: Table
    index: Index

    def __str__(self) -> str:
        return f"add index {self.index.name} to table {self.table.name}"


@frozen
class TurnOn:
    """Turn one protection on."""

    table: Table
    guard: Guard

    def __str__(self) -> str:
        return f"turn on {self.guard.value} for table {self.table.name}"


@frozen
class ForgetBy:
    """Let rows be forgotten at the time in one of their attributes; those without it never are."""

    table: Table
    attribute: str

    def __str__(self) -> str:
        return f"let rows of table {self.table.name} be forgotten by their {self.attribute}"


Step = CreateTable | AddIndex | TurnOn | ForgetBy


def plan(desired: Table, found: Found | None) -> tuple[Step, ...]:
    """The steps from `found` to `desired`; none when nothing is missing.

    Raises Findings when what is there has other keys than we need, or forgets rows, which no step can mend.
    """
    if found is None:
        return (
            CreateTable(table=desired),
            TurnOn(table=desired, guard=Guard.POINT_IN_TIME_RECOVERY),
            *_forgetting(desired, None),
        )
    if found.keys != (KEY,):
        raise Findings(
            f"table {found.name} has the key {'/'.join(found.keys)} instead of {KEY}",
            hint="choose another table name or prefix",
        )
    there = {index.name: index for index in found.indexes}
    for index in desired.indexes:
        if there.get(index.name, index) != index:
            raise Findings(
                f"index {index.name} of table {found.name} has other keys or projects less than we need",
                hint="delete that index and run this again; it is then made anew",
            )
    missing = [index for index in desired.indexes if index.name not in there]
    return (
        *(AddIndex(table=desired, index=index) for index in missing),
        *(TurnOn(table=desired, guard=guard) for guard in Guard if guard not in found.guards),
        *_forgetting(desired, found.ttl),
    )


def _forgetting(desired: Table, found: str | None) -> tuple[ForgetBy, ...]:
    """What lets rows be forgotten. Nothing else may: it would take evidence away before its time."""
    if found is not None and found != RETENTION:
        raise Findings(
            f"table {desired.name} forgets rows by their {found}, which is not for whoever writes it to say",
            hint="turn that time to live off and run this again",
        )
    wanted = desired.ttl is not None and found is None
    return (ForgetBy(table=desired, attribute=RETENTION),) if wanted else ()
