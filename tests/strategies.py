"""Hypothesis strategies for our values: whatever they draw is legal, and small enough to meet by chance."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import strategies as st

from sentinel_server.identity.principal import Kind, Principal
from sentinel_server.policy.evaluate import PolicyAsk
from sentinel_server.policy.match import span
from sentinel_server.policy.schema import (
    FULL,
    OS_TYPES,
    STANDARD,
    STRICT,
    Conditions,
    Day,
    DeviceCondition,
    Effect,
    Group,
    Hours,
    Lease,
    Mode,
    Moment,
    Override,
    Policy,
    Rule,
    TimeWindow,
)

ACCOUNTS = ("012345678901", "111122223333")
USERS = ("alice", "bob", "bob@example.com", "no", "a.l+i=c,e-_")
PROFILES = ("prod", "dev", "team/prod", "on", "Müller & Söhne")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia")
SSO_ROLE = "AWSReservedSSO_Admin_0123456789abcdef"


def durations(low: timedelta, high: timedelta) -> st.SearchStrategy[timedelta]:
    """Whole seconds from `low` to `high`."""
    return st.integers(int(low.total_seconds()), int(high.total_seconds())).map(
        lambda s: timedelta(seconds=s)
    )


def instants() -> st.SearchStrategy[datetime]:
    """Instants in UTC from 2020 to 2040, often near the changes of summer time."""
    anywhere = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1))  # noqa: DTZ001  # made aware below
    changes = st.sampled_from([datetime(2026, 3, 29, 1), datetime(2026, 10, 25, 1)])  # noqa: DTZ001
    near = st.builds(lambda at, minutes: at + timedelta(minutes=minutes), changes, st.integers(-180, 180))
    return st.one_of(anywhere, near).map(lambda at: at.replace(tzinfo=UTC))


def lines(limit: int = 40) -> st.SearchStrategy[str]:
    """One line of printable text without space around it."""
    text = st.text(
        st.characters(exclude_categories=("C", "Z"), include_characters=" \"'\\:#&*!{}"), min_size=1
    )
    return text.map(lambda t: " ".join(t.split())[:limit].strip()).filter(lambda t: t and t.isprintable())


def moments() -> st.SearchStrategy[Moment]:
    """Days and instants of the years that `instants` draws from."""
    zones = st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30)), timezone(timedelta(hours=14))])
    near = st.datetimes(datetime(2026, 3, 28), datetime(2026, 10, 26), timezones=zones)  # noqa: DTZ001
    days = st.dates(date(2026, 3, 28), date(2026, 10, 26))
    return days | near.map(lambda at: at.replace(microsecond=0))


def windows() -> st.SearchStrategy[TimeWindow]:
    """Windows with days, hours, dates or several of them, some across midnight."""
    hours = st.builds(Hours, start=st.integers(0, 1439), end=st.integers(0, 1440)).filter(
        lambda h: h.start != h.end
    )

    def opens_some_day(window: TimeWindow) -> bool:
        opens, closes = span(window)
        some = window.days or window.hours or window.not_before or window.not_after
        return bool(some) and (opens is None or closes is None or opens < closes)

    return st.builds(
        TimeWindow,
        days=st.lists(st.sampled_from(Day), unique=True).map(tuple),
        hours=st.none() | hours,
        timezone=st.sampled_from(ZONES),
        not_before=st.none() | moments(),
        not_after=st.none() | moments(),
    ).filter(opens_some_day)


def device_conditions() -> st.SearchStrategy[DeviceCondition]:
    """Conditions that ask something of the device."""
    return st.builds(
        DeviceCondition,
        require_encryption=st.just(True),
        require_mdm=st.booleans(),
        require_firewall=st.booleans(),
        min_os_version=st.sampled_from([None, "14", "14.2.1", "10.0.19045-beta"]),
        allowed_os_types=st.lists(st.sampled_from(OS_TYPES), unique=True).map(tuple),
        max_posture_age=st.none() | durations(timedelta(minutes=1), timedelta(days=90)),
        override=st.sampled_from([Override.EMERGENCY, Override.NONE]),
    )


def name_patterns(names: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Names, and patterns that some of them fit."""
    wild = st.builds(lambda n, i: n[:i] + "*", st.sampled_from(names), st.integers(0, 8))
    single = st.sampled_from(names).map(lambda n: "?" + n[1:])
    return st.one_of(st.sampled_from(names), wild, single)


def user_entries() -> st.SearchStrategy[str]:
    """Bare names and ARN patterns, some with wildcards."""
    arns = st.builds(
        "arn:aws:{}::{}:{}".format,
        st.sampled_from(["iam", "sts", "*"]),
        st.sampled_from([*ACCOUNTS, "*"]),
        st.sampled_from(["user/*", "user/alice", "assumed-role/*/bob", "root", "*"]),
    )
    return name_patterns(USERS) | arns


GROUPS = ("oncall", "no", "3")


def groups() -> st.SearchStrategy[tuple[Group, ...]]:
    """One group by each of the names of `GROUPS`."""
    listed = st.lists(user_entries(), min_size=1, max_size=3, unique=True).map(tuple)
    return st.tuples(*(st.builds(Group, name=st.just(name), users=listed) for name in GROUPS))


def conditions() -> st.SearchStrategy[Conditions]:
    """Conditions of every sort, or none; their groups are those of `GROUPS`."""
    profiles = st.lists(name_patterns(PROFILES), max_size=3, unique=True).map(tuple)
    entries = user_entries() | st.sampled_from(GROUPS).map("group:{}".format)
    users = st.lists(entries, max_size=3, unique=True).map(tuple)
    return st.builds(
        Conditions,
        profiles=profiles,
        not_profiles=st.just(()) | profiles,
        users=users,
        not_users=st.just(()) | users,
        modes=st.lists(st.sampled_from(Mode), max_size=2, unique=True).map(tuple),
        time=st.none() | windows(),
        device=st.none() | device_conditions(),
    )


def leases() -> st.SearchStrategy[Lease]:
    """The named leases, and durations."""
    return st.sampled_from([STANDARD, STRICT, FULL]) | st.integers(60, 43200).map(lambda s: Lease(seconds=s))


def rules() -> st.SearchStrategy[Rule]:
    """Rules that a policy text can say; only a denial has an override of its own."""
    caps = st.none() | durations(timedelta(minutes=1), timedelta(hours=12))

    def settle(rule: Rule) -> Rule:
        return rule if rule.effect is Effect.DENY else replace(rule, override=Override.EMERGENCY)

    return st.builds(
        Rule,
        name=lines(),
        effect=st.sampled_from(Effect),
        conditions=conditions(),
        reason=st.just("") | lines(200),
        override=st.sampled_from(Override),
        max_duration=caps,
        max_server_duration=caps,
        max_lease=st.none() | leases(),
        enforce_lease=st.booleans(),
        session_table=st.sampled_from(
            [None, "sentinel-sessions", f"arn:aws:dynamodb:eu-central-1:{ACCOUNTS[0]}:table/x-sessions"]
        ),
        allow_unstamped=st.booleans(),
    ).map(settle)


def policies() -> st.SearchStrategy[Policy]:
    """Policies of one to four rules with distinct names."""
    return st.builds(
        Policy,
        rules=st.lists(rules(), min_size=1, max_size=4, unique_by=lambda rule: rule.name).map(tuple),
        trusted_accounts=st.lists(st.sampled_from(ACCOUNTS), unique=True).map(tuple),
        groups=groups(),
    )


@st.composite
def principals(draw: st.DrawFn) -> Principal:
    """Principals of every kind."""
    kind, account, name = (
        draw(st.sampled_from(Kind)),
        draw(st.sampled_from(ACCOUNTS)),
        draw(st.sampled_from(USERS)),
    )
    role = {Kind.SSO_ROLE: SSO_ROLE, Kind.ASSUMED_ROLE: "Deploy"}.get(kind)
    resource = {
        Kind.IAM_USER: f"iam::{account}:user/{name}",
        Kind.FEDERATED_USER: f"sts::{account}:federated-user/{name}",
        Kind.ROOT: f"iam::{account}:root",
    }.get(kind, f"sts::{account}:assumed-role/{role}/{name}")
    return Principal(
        partition="aws",
        account=account,
        kind=kind,
        name="root" if kind is Kind.ROOT else name,
        unique_id=f"AIDA{name}",
        arn=f"arn:aws:{resource}",
        role=role,
    )


@st.composite
def asks(draw: st.DrawFn) -> PolicyAsk:
    """Asks that policies of ours have something to say about."""
    principal = draw(principals())
    return PolicyAsk(
        principal=principal,
        profile=draw(st.sampled_from(PROFILES)),
        mode=draw(st.sampled_from(Mode)),
        now=draw(instants()),
        home_account=draw(st.sampled_from([None, *ACCOUNTS])),
    )
