"""What lint can find. Codes never change their meaning; `docs/policy-lint.md` explains each."""

from __future__ import annotations

from enum import Enum

from sentinel_server.frozen import frozen


class Severity(Enum):
    """How bad it is; the value is its word, also in SARIF."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """Higher is worse."""
        return _RANKS[self]


_RANKS = {Severity.NOTE: 1, Severity.WARNING: 2, Severity.ERROR: 3}


@frozen
class About:
    """What a code means: a name, a severity, why it matters and what to do about it."""

    name: str
    severity: Severity
    text: str
    why: str
    way_out: str


class Code(Enum):
    """One code for each sort of finding."""

    UNREACHABLE = "P001"
    UNREACHABLE_DENY = "P002"
    IDENTICAL = "P003"
    NEVER_OPEN = "P004"
    DENY_TOO_LATE = "P005"
    ALLOWS_EVERYONE = "P006"
    NO_TIMEZONE = "P007"
    BARE_NAME_DENIED = "P008"
    AWKWARD_LEASE = "P009"
    UNUSED_GROUP = "P010"
    PAST = "P011"
    LEASE_NOT_HELD = "P012"
    NO_EFFECT = "P013"
    NAMES_NOBODY = "P014"
    UNDECIDED = "P015"
    EVERY_PROFILE = "S001"
    BROAD_AUTO_APPROVAL = "S002"
    ANY_REASON = "S003"
    NO_SECOND_FACTOR = "S004"
    LIMITS_EVERY_PROFILE = "S005"
    NEVER_ESCALATES = "S006"

    @property
    def about(self) -> About:
        """What it means."""
        return _ABOUT[self]


_ABOUT = {
    Code.UNREACHABLE: About(
        name="UnreachableRule",
        severity=Severity.WARNING,
        text="no request reaches the rule",
        why="The first rule that matches decides, so a rule whose requests are all taken before it says "
        "nothing.",
        way_out="move it up, narrow the rules named, or delete it",
    ),
    Code.UNREACHABLE_DENY: About(
        name="UnreachableDeny",
        severity=Severity.ERROR,
        text="no request reaches the denial",
        why="The policy reads as if something were forbidden that is not, or not by this rule.",
        way_out="move it above the rules named",
    ),
    Code.IDENTICAL: About(
        name="IdenticalRule",
        severity=Severity.WARNING,
        text="an earlier rule has the same conditions and the same effect",
        why="Only the first of the two is ever read; what the second says of durations or reasons is lost.",
        way_out="delete one",
    ),
    Code.NEVER_OPEN: About(
        name="NeverOpen",
        severity=Severity.ERROR,
        text="the rule's window never opens",
        why="Its days, hours and dates have no instant in common, or only one that summer time leaves out; a "
        "denial with such a window forbids nothing.",
        way_out="correct the dates, the days or the hours",
    ),
    Code.DENY_TOO_LATE: About(
        name="DenyTooLate",
        severity=Severity.WARNING,
        text="an earlier rule allows part of what the rule would deny",
        why="The earlier rule is read first, and it is no exception to the denial, because it allows more "
        "than what the denial is about.",
        way_out="move the denial up, or make the earlier rule an exception that lies within it",
    ),
    Code.ALLOWS_EVERYONE: About(
        name="AllowsEveryone",
        severity=Severity.WARNING,
        text="the rule allows whoever asks",
        why="Without `users` a rule means every principal of every account, roles and root included.",
        way_out="say who, under `users`",
    ),
    Code.NO_TIMEZONE: About(
        name="NoTimezone",
        severity=Severity.NOTE,
        text="the window does not name its zone",
        why="It is in UTC then, whose clock is not the one on the author's wall for most of the world.",
        way_out="write `timezone: UTC`, or the zone that you meant",
    ),
    Code.BARE_NAME_DENIED: About(
        name="BareNameDenied",
        severity=Severity.WARNING,
        text="the denial names people by bare names",
        why="A bare name means an IAM user or an Identity Center session. The same person who comes by "
        "another role, whose session name they choose, is not denied.",
        way_out="deny for everyone and allow those who may above it, or block the person: sentinel "
        "server-revoke --user",
    ),
    Code.AWKWARD_LEASE: About(
        name="AwkwardLease",
        severity=Severity.WARNING,
        text="the lease is between 5 and 10 minutes",
        why="botocore fetches one by one, under a lock, while less than 10 minutes are left; between 5 and "
        "10 that costs as much as 5 and revokes later.",
        way_out="write strict (5m), or standard (11m)",
    ),
    Code.UNUSED_GROUP: About(
        name="UnusedGroup",
        severity=Severity.WARNING,
        text="no rule uses the group",
        why="Whoever edits it believes to change what people may do.",
        way_out="use it, or delete it",
    ),
    Code.PAST: About(
        name="Past",
        severity=Severity.NOTE,
        text="the rule's dates are over",
        why="It never matches again.",
        way_out="delete it, or move the date",
    ),
    Code.LEASE_NOT_HELD: About(
        name="LeaseNotHeld",
        severity=Severity.WARNING,
        text="`enforce_lease` without a lease to enforce",
        why="Without `max_lease`, or with `full`, whoever asks may have a lease that lasts as long as the "
        "credentials; there is nothing to hold then.",
        way_out="add `max_lease: standard` or shorter",
    ),
    Code.NO_EFFECT: About(
        name="NoEffect",
        severity=Severity.NOTE,
        text="a setting that changes nothing",
        why="It has no meaning together with the rest of the rule.",
        way_out="delete it",
    ),
    Code.NAMES_NOBODY: About(
        name="NamesNobody",
        severity=Severity.ERROR,
        text="an entry of `users` that is nobody's ARN",
        why="Principals are named as sts:GetCallerIdentity names them, and it never says this.",
        way_out="see what it says: sentinel whoami",
    ),
    Code.UNDECIDED: About(
        name="Undecided",
        severity=Severity.NOTE,
        text="something about the rule was not decided",
        why="The patterns before it meet in more ways, or with more rules, than are tried.",
        way_out="use fewer patterns with several `*`",
    ),
    Code.EVERY_PROFILE: About(
        name="EveryProfile",
        severity=Severity.WARNING,
        text="the rule is for every profile",
        why="Without `profiles` a rule of an approval or break-glass policy also means profiles that nobody "
        "has thought of yet.",
        way_out="say which, under `profiles`",
    ),
    Code.BROAD_AUTO_APPROVAL: About(
        name="BroadAutoApproval",
        severity=Severity.WARNING,
        text="approval without anybody is hardly bounded",
        why="What is approved automatically is looked at by nobody, so it should be for few people, for a "
        "time, and not for long.",
        way_out="name the people, and give `auto_approve` a `time` or a `max_duration`",
    ),
    Code.ANY_REASON: About(
        name="AnyReason",
        severity=Severity.WARNING,
        text="the glass may be broken for any reason",
        why="Without `allowed_reason_codes` every code is taken, `other` included.",
        way_out="list those that are emergencies, under `allowed_reason_codes`",
    ),
    Code.NO_SECOND_FACTOR: About(
        name="NoSecondFactor",
        severity=Severity.WARNING,
        text="the glass may be broken without a second factor",
        why="Whoever gets at a laptop or a session could use it to lift what denies.",
        way_out="add `mfa: {required: true}`",
    ),
    Code.LIMITS_EVERY_PROFILE: About(
        name="LimitsEveryProfile",
        severity=Severity.NOTE,
        text="the limit is for every profile",
        why="It is for profiles that nobody has thought of yet, too, which is right for the last rule.",
        way_out="say which, under `profiles`, or keep it as the last rule",
    ),
    Code.NEVER_ESCALATES: About(
        name="NeverEscalates",
        severity=Severity.WARNING,
        text="`escalation_threshold` is not reached before the limit",
        why="Nobody is told, because the limit refuses before a person has that many emergencies.",
        way_out="lower it to `max_per_user` or less",
    ),
}
