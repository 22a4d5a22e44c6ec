"""Reachability is exact: what is shown to reach a rule does, and nothing reaches what is said to be beyond
reach.

The oracle is `evaluate` itself. It knows nothing of devices, so a posture is put to it by taking away the
device conditions that it satisfies, and the rules whose device conditions it does not.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sentinel_server.identity.arn import parse_principal
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.evaluate import PolicyAsk, evaluate
from sentinel_server.policy.linting.globs import one_of
from sentinel_server.policy.linting.postures import Posture, satisfies
from sentinel_server.policy.linting.reach import Reach, Witness
from sentinel_server.policy.schema import (
    OS_TYPES,
    Conditions,
    Day,
    DeviceCondition,
    Effect,
    Group,
    Hours,
    Mode,
    Policy,
    Rule,
    TimeWindow,
)
from tests.strategies import policies as any_policies

NOW = datetime(2026, 1, 5, tzinfo=UTC)
ACCOUNTS = ("111111111111", "222222222222")
SSO = "AWSReservedSSO_a_0123456789abcdef"
NAMES = ("a", "b", "ab", "ba", "aab", "c")
GLOBS = ("a", "b", "ab", "a*", "*b", "?", "??", "*", "a?", "*a*", "?*")


def reachable(policy: Policy, index: int) -> Witness | None:
    """What reaches the rule before any other, if anything does."""
    return Reach(policy, NOW).find((index,), (1 << index) - 1)


class Oracle:
    """What `evaluate` says for devices of one posture."""

    def __init__(self, policy: Policy, posture: Posture) -> None:
        self._kept = [
            index
            for index, rule in enumerate(policy.rules)
            if rule.conditions.device is None or satisfies(posture, rule.conditions.device)
        ]
        rules = (policy.rules[index] for index in self._kept)
        free = (replace(rule, conditions=replace(rule.conditions, device=None)) for rule in rules)
        self._policy = replace(policy, rules=tuple(free))

    def selected(self, ask: PolicyAsk) -> int:
        """The index of the rule that decides, -1 for none."""
        found = evaluate(self._policy, ask).index
        return -1 if found < 0 else self._kept[found]


def selected(policy: Policy, ask: PolicyAsk, posture: Posture) -> int:
    """The index of the rule that decides for a device of that posture."""
    return Oracle(policy, posture).selected(ask)


def test_the_oracle_without_a_posture_is_evaluate_itself() -> None:
    device = DeviceCondition(require_mdm=True)
    policy = a_policy(Conditions(device=device), Conditions())
    ask = next(asks(NOW))
    assert selected(policy, ask, ()) == evaluate(policy, ask).index == 1
    assert selected(policy, ask, (device,)) == 0


def a_policy(*conditions: Conditions, trusted: tuple[str, ...] = (), **groups: tuple[str, ...]) -> Policy:
    """One allowing rule for each, in order."""
    return Policy(
        rules=tuple(
            Rule(name=f"r{n}", effect=Effect.ALLOW, conditions=each) for n, each in enumerate(conditions)
        ),
        trusted_accounts=trusted,
        groups=tuple(Group(name=name, users=users) for name, users in groups.items()),
    )


@lru_cache
def everybody() -> tuple[Principal, ...]:
    """Principals of every kind, in both accounts, under several names and paths."""
    forms = ("iam::{0}:user/{1}", "iam::{0}:user/p/{1}", "sts::{0}:federated-user/{1}", "iam::{0}:root")
    roles = ("sts::{0}:assumed-role/a/{1}", f"sts::{{0}}:assumed-role/{SSO}/{{1}}")
    arns = {
        f"arn:aws:{form}".format(*each)
        for form in (*forms, *roles)
        for each in itertools.product(ACCOUNTS, NAMES)
    }
    return tuple(parse_principal(arn, unique_id="x") for arn in sorted(arns))


def asks(*times: datetime) -> Iterator[PolicyAsk]:
    """Everybody for every profile through some doors, at these times."""
    for who, profile, mode, now, home in itertools.product(
        everybody(), NAMES, (Mode.CLI, Mode.TVM), times, (None, ACCOUNTS[0])
    ):
        yield PolicyAsk(principal=who, profile=profile, mode=mode, now=now, home_account=home)


def entries() -> st.SearchStrategy[str]:
    """Users as policies write them, few enough to meet by chance."""
    arn = st.builds(
        "arn:aws:{}::{}:{}".format,
        st.sampled_from(["iam", "sts", "*"]),
        st.sampled_from([*ACCOUNTS, "*", "1*"]),
        st.builds(
            "{}/{}".format,
            st.sampled_from(
                [
                    "user",
                    "user/p",
                    "assumed-role/a",
                    f"assumed-role/{SSO}",
                    "assumed-role/AWSReservedSSO_*",
                    "federated-user",
                    "*",
                ]
            ),
            st.sampled_from(GLOBS),
        )
        | st.sampled_from(["root", "*"]),
    )
    return st.sampled_from(GLOBS) | arn | st.just("group:g")


def some(elements: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    """No entry, or a few."""
    return st.just(()) | st.lists(elements, min_size=1, max_size=3, unique=True).map(tuple)


def windows() -> st.SearchStrategy[TimeWindow]:
    """Windows in zones that change their clocks at different times, with dates or without."""
    hours = st.sampled_from(
        [Hours(start=s, end=e) for s, e in ((0, 720), (600, 1440), (1320, 360), (120, 180), (0, 1440))]
    )
    return st.builds(
        TimeWindow,
        days=st.lists(st.sampled_from(Day), max_size=5, unique=True).map(tuple),
        hours=st.none() | hours,
        timezone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]),
        not_before=st.sampled_from([None, date(2026, 3, 29), datetime(2026, 2, 1, 12, tzinfo=UTC)]),
        not_after=st.sampled_from([None, date(2026, 3, 29), date(2027, 1, 1), date(2025, 1, 1)]),
    )


def devices() -> st.SearchStrategy[DeviceCondition]:
    """Conditions on devices that often imply each other."""
    return st.builds(
        DeviceCondition,
        require_mdm=st.booleans(),
        require_encryption=st.booleans(),
        min_os_version=st.sampled_from([None, "14", "14.0", "14.2", "9", "14.2-beta"]),
        allowed_os_types=st.lists(st.sampled_from(OS_TYPES), unique=True).map(tuple),
        max_posture_age=st.sampled_from([None, timedelta(days=1), timedelta(days=2)]),
    )


def small_policies() -> st.SearchStrategy[Policy]:
    """Policies whose rules often cover each other."""
    conditions = st.builds(
        Conditions,
        profiles=some(st.sampled_from(GLOBS)),
        not_profiles=st.just(()) | some(st.sampled_from(GLOBS)),
        users=some(entries()),
        not_users=st.just(()) | some(entries()),
        modes=st.just(()) | st.lists(st.sampled_from(Mode), max_size=3, unique=True).map(tuple),
        time=st.none() | windows(),
        device=st.none() | devices(),
    )
    return st.builds(
        lambda listed, trusted, group: a_policy(*listed, trusted=trusted, g=group),
        st.lists(conditions, min_size=1, max_size=6),
        st.sampled_from([(), ACCOUNTS[:1], ACCOUNTS]),
        st.lists(entries().filter(lambda entry: entry != "group:g"), min_size=1, max_size=2).map(tuple),
    )


POSTURES: Sequence[Posture] = (
    (),
    (DeviceCondition(require_mdm=True),),
    (
        DeviceCondition(
            require_mdm=True,
            require_encryption=True,
            min_os_version="15",
            allowed_os_types=("linux",),
            max_posture_age=timedelta(hours=1),
        ),
    ),
    (
        DeviceCondition(
            min_os_version="14.2", allowed_os_types=("darwin",), max_posture_age=timedelta(days=2)
        ),
    ),
)


@given(small_policies())
@settings(max_examples=150)
def test_every_rule_that_is_not_reported_has_a_witness_that_reaches_it(policy: Policy) -> None:
    reach = Reach(policy, NOW)
    for index in range(len(policy.rules)):
        found = reach.find((index,), (1 << index) - 1)
        if found is not None:
            assert found.ask.now >= NOW
            assert selected(policy, found.ask, found.posture) == index


@given(
    small_policies(),
    st.lists(st.integers(0, 3 * 366 * 1440), min_size=3, max_size=3),
    st.sampled_from(POSTURES),
)
@settings(max_examples=100)
def test_nothing_reaches_a_rule_that_is_reported(
    policy: Policy, minutes: list[int], posture: Posture
) -> None:
    reach = Reach(policy, NOW)
    reported = {n for n in range(len(policy.rules)) if reach.find((n,), (1 << n) - 1) is None}
    assume(reported)
    times = [NOW + timedelta(minutes=each) for each in minutes]
    oracle = Oracle(policy, posture)
    assert not reported & {oracle.selected(ask) for ask in asks(*times)}


@given(any_policies(), st.data())
def test_the_policies_that_authors_write_are_decided_too(policy: Policy, data: st.DataObject) -> None:
    for index in range(len(policy.rules)):
        found = reachable(policy, index)
        if found is not None:
            assert selected(policy, found.ask, found.posture) == index


@given(small_policies())
@settings(max_examples=60)
def test_the_rules_that_cover_one_do_and_none_of_them_can_be_spared(policy: Policy) -> None:
    reach = Reach(policy, NOW)
    for index in range(len(policy.rules)):
        everything_before = (1 << index) - 1
        if reach.find((index,), 0) is None or reach.find((index,), everything_before) is not None:
            continue
        covering = reach.covering(index)
        assert reach.find((index,), one_of(covering)) is None
        for spared in covering:
            rest = one_of(each for each in covering if each != spared)
            assert reach.find((index,), rest) is not None


@given(small_policies())
@settings(max_examples=60)
def test_a_request_for_two_rules_is_meant_by_both(policy: Policy) -> None:
    reach = Reach(policy, NOW)
    for one, two in itertools.combinations(range(len(policy.rules)), 2):
        found = reach.find((one, two), 0)
        if found is not None:
            for index in (one, two):
                alone = replace(policy, rules=(policy.rules[index],))
                assert selected(alone, found.ask, found.posture) == 0


@given(small_policies(), st.integers(0, 366 * 1440), st.sampled_from(POSTURES))
@settings(max_examples=40)
def test_two_rules_that_no_request_has_in_common_never_mean_the_same_one(
    policy: Policy, minutes: int, posture: Posture
) -> None:
    reach = Reach(policy, NOW)
    alone = [Oracle(replace(policy, rules=(rule,)), posture) for rule in policy.rules[:3]]
    apart = [
        (alone[one], alone[two])
        for one, two in itertools.combinations(range(len(alone)), 2)
        if reach.find((one, two), 0) is None
    ]
    assume(apart)
    for ask in asks(NOW + timedelta(minutes=minutes)):
        assert not any(one.selected(ask) == two.selected(ask) == 0 for one, two in apart)


def test_a_rule_that_must_and_must_not_match_is_met_by_nothing() -> None:
    assert Reach(a_policy(Conditions()), NOW).find((0,), 1) is None
