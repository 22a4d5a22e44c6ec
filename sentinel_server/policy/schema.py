"""The values a policy is made of. Text becomes these in `parse`; nothing else makes them from input.

Empty condition lists match anything. Times are minutes of the day in the window's zone; a window is
`[start, end)`, may cross midnight, and then belongs to the day it starts on.
"""

from __future__ import annotations

from dataclasses import field
from datetime import date, datetime, timedelta
from enum import Enum

from sentinel_server.frozen import frozen
from sentinel_server.identity.principal import Principal


class Effect(Enum):
    """What a matching rule decides."""

    ALLOW = "allow"
    DENY = "deny"
    REQUIRE_APPROVAL = "require_approval"
    REQUIRE_SERVER = "require_server"
    REQUIRE_SERVER_SESSION = "require_server_session"


class Mode(Enum):
    """The door through which credentials are asked for."""

    SERVER = "server"
    CLI = "cli"
    CREDENTIAL_PROCESS = "credential_process"
    TVM = "tvm"


class Override(Enum):
    """What may lift a denying rule."""

    EMERGENCY = "emergency"
    APPROVAL = "approval"
    APPROVAL_ONLY = "approval_only"
    NONE = "none"


class Day(Enum):
    """A weekday as policies write it; `number` is Python's, Monday 0."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"

    @property
    def number(self) -> int:
        """0 for Monday to 6 for Sunday."""
        return WEEK.index(self)


WEEK = tuple(Day)
"""The days by their number."""


@frozen
class Hours:
    """Minutes of the day, `start` included and `end` not; `end` may be 1440 (24:00) or before `start`."""

    start: int
    end: int


Moment = date | datetime
"""A day in a window's zone, or an instant that is aware of its zone."""


@frozen
class TimeWindow:
    """When a rule applies, in `timezone` (an IANA name that `zoneinfo` knows; UTC unless said).

    `not_before` is the first instant that matches and `not_after` the first that no longer does. A bare day
    stands for its first instant in `not_before` and for its end in `not_after`: that whole day still matches.
    """

    days: tuple[Day, ...] = ()
    hours: Hours | None = None
    timezone: str = "UTC"
    not_before: Moment | None = None
    not_after: Moment | None = None


OS_TYPES = ("darwin", "windows", "linux")
"""The operating systems a device condition may name."""


@frozen
class DeviceCondition:
    """What the device must be for a rule to match; an unknown posture never satisfies it."""

    require_encryption: bool = False
    require_mdm: bool = False
    require_mdm_compliant: bool = False
    require_firewall: bool = False
    min_os_version: str | None = None
    allowed_os_types: tuple[str, ...] = ()
    """Any of `OS_TYPES`."""
    max_posture_age: timedelta | None = None
    override: Override = Override.EMERGENCY


@frozen
class Conditions:
    """All must hold; an empty one holds always.

    `not_profiles` and `not_users` hold for what no entry means. An entry of `users` or `not_users` is a bare
    name, an ARN pattern, or `group:NAME` for all that a group of the document lists.
    """

    profiles: tuple[str, ...] = ()
    not_profiles: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    not_users: tuple[str, ...] = ()
    modes: tuple[Mode, ...] = ()
    time: TimeWindow | None = None
    device: DeviceCondition | None = None


@frozen
class Lease:
    """How far the reported expiry may reach, in whole seconds; `None` means the real expiry."""

    seconds: int | None
    word: str = ""

    def __str__(self) -> str:
        return self.word or f"{self.seconds}s"

    def shorter(self, other: Lease | None) -> Lease:
        """The stricter of two leases."""
        if other is None or other.seconds is None:
            return self
        return other if self.seconds is None or other.seconds < self.seconds else self


STANDARD = Lease(seconds=660, word="standard")
"""11 minutes: keeps botocore out of its serialising last ten minutes (`spec/sdk.md` §1f)."""
STRICT = Lease(seconds=300, word="strict")
"""5 minutes: botocore, the CLI, Go, CRT and Ruby ask again at every call."""
FULL = Lease(seconds=None, word="full")
"""The real expiry."""
LEASES = {lease.word: lease for lease in (STANDARD, STRICT, FULL)}


@frozen
class Rule:
    """One rule. Durations are positive; `None` sets no limit."""

    name: str
    effect: Effect
    conditions: Conditions = field(default_factory=Conditions)
    reason: str = ""
    override: Override = Override.EMERGENCY
    max_duration: timedelta | None = None
    max_server_duration: timedelta | None = None
    max_lease: Lease | None = None
    enforce_lease: bool = False
    session_table: str | None = None
    allow_unstamped: bool = False


GROUP_PREFIX = "group:"
"""What an entry of `users` begins with when it names a group."""


@frozen
class Group:
    """A named list of bare names and ARN patterns."""

    name: str
    users: tuple[str, ...]


def expand(entries: tuple[str, ...], groups: tuple[Group, ...]) -> tuple[str, ...]:
    """The bare names and ARN patterns that `entries` stand for, each group replaced by what it lists.

    Raises KeyError for a group that is not in `groups`; no document that was parsed names one.
    """
    if not any(entry.startswith(GROUP_PREFIX) for entry in entries):
        return entries
    listed = {GROUP_PREFIX + group.name: group.users for group in groups}
    parts = (listed[entry] if entry.startswith(GROUP_PREFIX) else (entry,) for entry in entries)
    return tuple(dict.fromkeys(user for part in parts for user in part))


@frozen
class Policy:
    """Rules in order; the first that matches decides, and none is a denial.

    `trusted_accounts` are the accounts whose users and SSO sessions a bare name in `users` means; empty means
    the account the policy came from. Entries of `users` may name one of `groups`.
    """

    rules: tuple[Rule, ...]
    version: str = "1"
    trusted_accounts: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()


class Origin(Enum):
    """Where a policy came from."""

    FILE = "file"
    SSM = "ssm"


@frozen
class Loaded:
    """What is known of a text that was loaded.

    `name` is what a person would look up (a path or a parameter name), `version` the store's own version or
    empty, `sha256` the hash of the exact bytes, `account` the account it is stored in when it has one.
    `signer` is the id of the key whose signature was checked, `serial` the signed number and `not_after` the
    instant from which neither counts; empty and None when signing is not set up.
    """

    name: str
    sha256: str
    origin: Origin
    version: str = ""
    account: str | None = None
    signer: str = ""
    serial: int | None = None
    not_after: datetime | None = None

    def home_of(self, principal: Principal) -> str:
        """The account whose bare names it means when it trusts none by name: its own, else the asker's."""
        return self.account or principal.account


@frozen
class LoadedPolicy(Loaded):
    """A policy with what is known of its text."""

    policy: Policy
