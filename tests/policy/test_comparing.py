"""What one policy changes when it takes the place of another: all of it, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel_server.policy.answers import Answer, answer_of
from sentinel_server.policy.cast import NO_ACCOUNT, OTHER_PROFILE, figures, profiles_of
from sentinel_server.policy.comparing import NOTHING, Change, compare
from sentinel_server.policy.evaluate import PolicyAsk, evaluate
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.printing import print_policy
from sentinel_server.policy.schema import STRICT, Effect, Mode, Override, Policy
from tests.strategies import policies

SINCE = datetime(2026, 6, 3, 10, 17, tzinfo=UTC)


def rules(*lines: str, head: str = "trusted_accounts: [111122223333]") -> Policy:
    """A policy of these rules, each without its name."""
    text = "".join(f"\n  - {{name: r{i}, {line}}}" for i, line in enumerate(lines))
    return parse_policy(f"version: 1\n{head}\nrules:{text}\n", file="p")


def changes(
    old: Policy, new: Policy
) -> list[tuple[str, tuple[str, ...], tuple[str, ...], str, tuple[str, ...]]]:
    """Every change in short: the word, who, the profiles, the modes, when."""
    found = compare(old, new, since=SINCE).changes
    return [(c.word, c.who, c.profiles, " ".join(mode.value for mode in c.modes), c.when) for c in found]


EVERY_MODE = "server cli credential_process tvm"
ALLOW = Answer(outcome=Effect.ALLOW)
NO_RULE = Answer(outcome=Effect.DENY)


def test_a_name_that_is_added_gains() -> None:
    old, new = (
        rules(f"effect: allow, conditions: {{users: [{users}]}}") for users in ("alice", "alice, bob")
    )
    (change,) = compare(old, new, since=SINCE).changes
    assert change == Change(
        who=("bob",),
        profiles=(OTHER_PROFILE,),
        modes=tuple(Mode),
        when=(),
        before=NO_RULE,
        after=ALLOW,
    )
    assert [c[0] for c in changes(new, old)] == ["loses"]


def test_whom_a_denial_further_up_stops_loses_on_the_profiles_it_names() -> None:
    team = "effect: allow, conditions: {users: [alice, bob], profiles: [dev, prod]}"
    ban = "effect: deny, conditions: {users: [bob], profiles: ['prod*']}"
    assert changes(rules(team), rules(ban, team)) == [
        ("loses", ("bob",), ("prod",), EVERY_MODE, ()),
        ("changes", ("bob",), ("prod*",), EVERY_MODE, ()),
    ]


def test_the_part_of_the_week_is_told_in_the_only_zone_there_is() -> None:
    hours = (
        "effect: allow, conditions: {time: {days: [%s], hours: {start: '09:00', end: '%s'}, timezone: %s}}"
    )
    old = rules(hours % ("monday, tuesday, wednesday", "17:00", "Europe/Berlin"))
    new = rules(hours % ("monday, tuesday, wednesday", "18:00", "Europe/Berlin"))
    assert [c[4] for c in changes(old, new)] == [("monday-wednesday 17:00-18:00 Europe/Berlin",)]


def test_two_zones_are_told_in_utc_season_by_season() -> None:
    window = "{days: [monday], hours: {start: '09:00', end: '17:00'}, timezone: %s}"
    utc, berlin = (
        rules(f"effect: allow, conditions: {{time: {window % zone}}}") for zone in ("UTC", "Europe/Berlin")
    )
    told = {change[0]: change[4] for change in changes(utc, berlin)}
    assert told["gains"] == (
        "monday 07:00-09:00 until 2026-10-25 01:00 UTC",
        "monday 08:00-09:00 from 2026-10-25 01:00 until 2027-03-28 01:00 UTC",
        "monday 07:00-09:00 from 2027-03-28 01:00 UTC",
    )
    assert told["loses"][0] == "monday 15:00-17:00 until 2026-10-25 01:00 UTC"


def test_a_date_bounds_what_it_changes() -> None:
    always = "effect: allow, match: any"
    until = "effect: allow, conditions: {time: {not_after: 2026-12-31, timezone: Europe/Berlin}}"
    (change,) = changes(rules(always), rules(until))
    assert change[0] == "loses"
    assert change[4] == ("always from 2027-01-01 00:00 Europe/Berlin",)


def test_the_modes_of_a_door_are_told_apart() -> None:
    server, allow = (rules(f"effect: {effect}, match: any") for effect in ("require_server", "allow"))
    (change,) = changes(allow, server)
    assert change[0] == "loses"
    assert change[3] == "cli credential_process tvm"


def test_terms_that_change_are_changes() -> None:
    old, new = (
        rules(f"effect: allow, match: any, {term}") for term in ("max_lease: full", "max_lease: strict")
    )
    (change,) = compare(old, new, since=SINCE).changes
    assert (change.word, change.after) == ("changes", Answer(outcome=Effect.ALLOW, max_lease=STRICT))


def test_names_reasons_and_order_without_effect_are_no_change() -> None:
    old = rules(
        "effect: allow, reason: x, conditions: {users: [a]}", "effect: deny, conditions: {users: [b]}"
    )
    new = rules("effect: deny, conditions: {users: [b]}", "effect: allow, conditions: {users: [a]}")
    assert changes(old, new) == []


def test_who_is_trusted_to_name_whom_is_part_of_the_meaning() -> None:
    rule = "effect: allow, conditions: {users: [alice]}"
    old, new = rules(rule), rules(rule, head="trusted_accounts: [111122223333, 444455556666]")
    (change,) = changes(old, new)
    assert change[1] == ("alice (IAM user of 444455556666)", "alice (SSO user of 444455556666)")


def test_everybody_unnamed_is_looked_at() -> None:
    (change,) = changes(NOTHING, rules("effect: allow, match: any", head=""))
    assert change[1] == (
        "any other IAM user",
        "any other SSO user",
        "any other role's session",
        "any other account's user",
    )


def test_a_group_is_its_members() -> None:
    rule = "effect: allow, conditions: {users: ['group:oncall']}"
    old, new = (rules(rule, head=f"groups: {{oncall: [{users}]}}") for users in ("alice", "alice, bob"))
    assert [c[1] for c in changes(old, new)] == [("bob",)]


def test_what_can_be_noticed_of_a_decision() -> None:
    policy = rules(
        "effect: require_server_session, conditions: {users: [alice]}, session_table: some-table,"
        " max_duration: 1h, max_server_duration: 30m",
        "effect: deny, conditions: {users: [bob]}, override: approval_only",
        "effect: allow, conditions: {device: {require_mdm: true, override: none}}",
    )

    def answer(name: str, mode: Mode) -> Answer:
        (principal,) = {f.principal for f in figures((policy,), None) if f.detail == name}
        ask = PolicyAsk(principal=principal, profile="prod", mode=mode, now=SINCE)
        return answer_of(evaluate(policy, ask), mode)

    assert answer("alice (IAM user)", Mode.CLI) == Answer(outcome=Effect.REQUIRE_SERVER)
    assert answer("alice (IAM user)", Mode.SERVER) == Answer(
        outcome=Effect.REQUIRE_SERVER_SESSION, max_duration=timedelta(minutes=30), session_table="some-table"
    )
    assert answer("bob (SSO user)", Mode.TVM) == Answer(outcome=Effect.DENY, override=Override.APPROVAL_ONLY)
    assert answer("any other IAM user", Mode.CLI) == Answer(outcome=Effect.DENY, override=Override.NONE)


@settings(deadline=None, max_examples=60)
@given(policies())
def test_b21_a_policy_compared_with_itself_changes_nothing(policy: Policy) -> None:
    assert compare(policy, policy, since=SINCE).changes == ()


@settings(deadline=None, max_examples=60)
@given(policies())
def test_a_policy_and_what_is_read_from_its_print_mean_the_same(policy: Policy) -> None:
    assert compare(policy, parse_policy(print_policy(policy), file="p"), since=SINCE).changes == ()


@settings(deadline=None, max_examples=80)
@given(policies(), policies(), st.integers(0, 366 * 1440 - 1), st.data())
def test_whatever_comes_out_otherwise_at_some_minute_is_among_the_changes(
    old: Policy, new: Policy, minute: int, data: st.DataObject
) -> None:
    figure = data.draw(st.sampled_from(figures((old, new), None)))
    place = data.draw(st.sampled_from(profiles_of((old, new))))
    mode = data.draw(st.sampled_from(Mode))
    ask = PolicyAsk(
        principal=figure.principal,
        profile=place.name,
        mode=mode,
        now=SINCE + timedelta(minutes=minute),
        home_account=NO_ACCOUNT,
    )
    before, after = (answer_of(evaluate(policy, ask), mode) for policy in (old, new))
    about = [
        change
        for change in compare(old, new, since=SINCE).changes
        if {figure.label, figure.detail} & set(change.who)
        and place.label in change.profiles
        and mode in change.modes
    ]
    told = [change for change in about if (change.before, change.after) == (before, after)]
    if before != after:
        assert len(told) == 1
    assert all(change.when for change in about if change not in told)
