"""Which rule decides, and why the earlier ones did not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sentinel_server.identity.principal import Kind, Principal
from sentinel_server.policy.evaluate import PolicyAsk, evaluate
from sentinel_server.policy.explain import explain
from sentinel_server.policy.schema import (
    Conditions,
    Day,
    DeviceCondition,
    Effect,
    Hours,
    Mode,
    Override,
    Policy,
    Rule,
    TimeWindow,
)
from tests.fakes.credentials import ALICE, BOB

SUNDAY = datetime(2026, 6, 7, 15, 30, tzinfo=UTC)
DEPLOY = replace(
    ALICE,
    kind=Kind.ASSUMED_ROLE,
    role="Deploy",
    name="alice",
    arn="arn:aws:sts::111122223333:assumed-role/Deploy/alice",
)
FEDERATED = replace(ALICE, kind=Kind.FEDERATED_USER, arn="arn:aws:sts::111122223333:federated-user/alice")
ROOT = replace(ALICE, kind=Kind.ROOT, name="root", arn="arn:aws:iam::111122223333:root")
OPS_ALICE = replace(ALICE, arn="arn:aws:iam::111122223333:user/ops/eu/alice")
MANAGED = DeviceCondition(require_mdm=True)
UNLIFTED = DeviceCondition(require_mdm=True, override=Override.NONE)


def rule(effect: Effect = Effect.ALLOW, name: str = "a", **conditions: object) -> Rule:
    """A rule with some conditions."""
    return Rule(name=name, effect=effect, conditions=Conditions(**conditions))  # type: ignore[arg-type]


def ask(principal: Principal = ALICE, **changes: object) -> PolicyAsk:
    """Alice asks for prod at the server's door on a Sunday."""
    fields = {
        "profile": "prod",
        "mode": Mode.SERVER,
        "now": SUNDAY,
        "home_account": "111122223333",
        **changes,
    }
    return PolicyAsk(principal=principal, **fields)  # type: ignore[arg-type]


def matches(found: Rule, given: PolicyAsk, **header: tuple[str, ...]) -> bool:
    """Whether a policy of just that rule decides by it."""
    return evaluate(Policy(rules=(found,), **header), given).rule is found  # type: ignore[arg-type]


def why_not(found: Rule, given: PolicyAsk) -> str:
    """The one reason why that rule does not match."""
    (step,) = explain(Policy(rules=(found,)), given)
    return step.why_not


def test_the_first_rule_that_matches_decides() -> None:
    rules = (rule(users=("carol",)), rule(Effect.DENY, "b", profiles=("prod",)), rule(name="c"))
    decision = evaluate(Policy(rules=rules), ask())
    assert (decision.rule, decision.index) == (rules[1], 1)


def test_when_no_rule_matches_none_decides() -> None:
    decision = evaluate(Policy(rules=(rule(users=("carol",)),)), ask())
    assert (decision.rule, decision.index, decision.device_blocked) == (None, -1, None)


def test_all_conditions_must_hold() -> None:
    both = rule(users=("alice",), profiles=("prod",), modes=(Mode.SERVER,))
    assert matches(both, ask())
    assert not matches(both, ask(profile="dev"))
    assert not matches(both, ask(mode=Mode.CLI))
    assert not matches(both, ask(BOB))


@pytest.mark.parametrize(
    ("entry", "profile", "fits"),
    [
        ("prod", "prod", True),
        ("prod", "Prod", False),
        ("prod-*", "prod-eu", True),
        ("prod-*", "prod", False),
        ("*", "team/prod", True),
        ("prod-?", "prod-10", False),
        ("p.od", "prod", False),
        ("*-eu-*-1", "prod-eu-west-1", True),
    ],
)
def test_profiles_are_exact_or_patterns(entry: str, profile: str, fits: bool) -> None:
    assert matches(rule(profiles=("other", entry)), ask(profile=profile)) is fits


@pytest.mark.parametrize(
    ("entry", "principal", "fits"),
    [
        ("alice", ALICE, True),
        ("Alice", ALICE, False),
        ("al*", ALICE, True),
        ("alice", OPS_ALICE, True),
        ("bob@example.com", BOB, True),
        ("*@example.com", BOB, True),
        ("alice", DEPLOY, False),
        ("*", DEPLOY, False),
        ("alice", FEDERATED, False),
        ("root", ROOT, False),
        ("*", ROOT, False),
        ("arn:aws:sts::111122223333:assumed-role/Deploy/*", DEPLOY, True),
        ("arn:aws:sts::111122223333:assumed-role/*", DEPLOY, False),
        ("arn:aws:sts::*:federated-user/alice", FEDERATED, True),
        ("arn:aws:iam::111122223333:root", ROOT, True),
        ("arn:aws:iam::111122223333:user/alice", ALICE, True),
        ("arn:aws:iam::111122223333:user/*", OPS_ALICE, False),
        ("arn:aws:iam::111122223333:user/ops/*/alice", OPS_ALICE, True),
        ("arn:aws:iam::*", ALICE, False),
    ],
)
def test_a_bare_name_means_users_and_sso_sessions_and_an_arn_anybody(
    entry: str, principal: Principal, fits: bool
) -> None:
    assert matches(rule(users=("carol", entry)), ask(principal)) is fits


def test_a_bare_name_holds_in_trusted_accounts_only() -> None:
    found = rule(users=("alice",))
    assert not matches(found, ask(home_account="999999999999"))
    assert not matches(found, ask(home_account=None))
    assert not matches(found, ask(), trusted_accounts=("999999999999",))
    assert matches(found, ask(home_account=None), trusted_accounts=("999999999999", "111122223333"))


def test_a_pattern_of_many_stars_is_matched_in_no_time() -> None:
    assert not matches(rule(users=("*a" * 40 + "b",)), ask(replace(ALICE, name="a" * 64)))


def window(*days: Day, start: int = 0, end: int = 0, zone: str = "UTC") -> Rule:
    """A rule with a window in hours."""
    hours = Hours(start=start * 60, end=end * 60) if start != end else None
    return rule(time=TimeWindow(days=days, hours=hours, timezone=zone))


@pytest.mark.parametrize(
    ("local", "open_"),
    [
        ("2026-06-05T21:59:59", False),
        ("2026-06-05T22:00:00", True),
        ("2026-06-06T00:00:00", True),
        ("2026-06-06T05:59:59", True),
        ("2026-06-06T06:00:00", False),
        ("2026-06-06T22:00:00", False),
        ("2026-06-05T03:00:00", False),
    ],
)
def test_a_window_across_midnight_belongs_to_the_day_it_starts_on(local: str, open_: bool) -> None:
    friday_night = window(Day.FRIDAY, start=22, end=6)
    assert matches(friday_night, ask(now=datetime.fromisoformat(local + "+00:00"))) is open_


def test_a_window_from_sunday_reaches_into_monday() -> None:
    assert matches(window(Day.SUNDAY, start=22, end=6), ask(now=datetime(2026, 6, 8, 1, tzinfo=UTC)))


def test_a_deny_overnight_does_not_fail_open() -> None:
    night = replace(window(start=22, end=6), effect=Effect.DENY)
    decision = evaluate(Policy(rules=(night, rule(name="b"))), ask(now=datetime(2026, 6, 8, 3, tzinfo=UTC)))
    assert decision.rule is night


def test_the_last_minute_of_the_day_is_reachable() -> None:
    assert matches(window(start=9, end=24), ask(now=datetime(2026, 6, 8, 23, 59, 59, tzinfo=UTC)))


def test_the_weekday_is_that_of_the_windows_zone() -> None:
    late_sunday = datetime(2026, 6, 7, 22, 30, tzinfo=UTC)
    assert matches(window(Day.MONDAY, zone="Europe/Berlin"), ask(now=late_sunday))
    assert not matches(window(Day.MONDAY), ask(now=late_sunday))


@pytest.mark.parametrize(
    ("instant", "open_"),
    [
        ("2026-03-29T00:59+00:00", False),  # 01:59 before the gap
        ("2026-03-29T01:00+00:00", False),  # 03:00: the hour from two to three does not exist
        ("2026-10-24T23:59+00:00", False),  # 01:59
        ("2026-10-25T00:00+00:00", True),  # 02:00 in summer time
        ("2026-10-25T01:59+00:00", True),  # 02:59 in winter time, for the second time
        ("2026-10-25T02:00+00:00", False),
    ],
)
def test_a_window_is_what_the_clock_on_the_wall_shows(instant: str, open_: bool) -> None:
    at_two = window(start=2, end=3, zone="Europe/Berlin")
    assert matches(at_two, ask(now=datetime.fromisoformat(instant))) is open_


def test_a_zone_that_cannot_be_resolved_never_widens_access() -> None:
    allow = rule(time=TimeWindow(days=tuple(Day), timezone="Atlantis/Center"))
    deny = replace(allow, effect=Effect.DENY)
    after = rule(name="b")
    assert evaluate(Policy(rules=(allow, after)), ask()).rule is None
    assert evaluate(Policy(rules=(deny, after)), ask()).rule is deny
    assert "Atlantis/Center is unknown" in explain(Policy(rules=(allow, after)), ask())[-1].why_not


def test_a_naive_time_cannot_be_asked_about() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        ask(now=SUNDAY.replace(tzinfo=None))


def test_a_device_condition_does_not_hold_while_nothing_is_known_of_the_device() -> None:
    fallback = rule(name="b")
    decision = evaluate(Policy(rules=(rule(device=MANAGED), fallback)), ask())
    assert (decision.rule, decision.device_blocked) == (fallback, None)


@pytest.mark.parametrize(
    ("later", "blocked"),
    [
        (None, True),
        (Effect.DENY, True),
        (Effect.REQUIRE_APPROVAL, True),
        (Effect.ALLOW, False),
        (Effect.REQUIRE_SERVER, False),
    ],
)
def test_a_device_that_nothing_lifts_is_blocked_unless_a_later_rule_allows(
    later: Effect | None, blocked: bool
) -> None:
    first = rule(device=UNLIFTED)
    rules = (first,) if later is None else (first, rule(later, "b"))
    assert evaluate(Policy(rules=rules), ask()).device_blocked is (first if blocked else None)


def test_a_device_rule_for_somebody_else_blocks_nobody() -> None:
    rules = (rule(device=UNLIFTED, users=("carol",)), rule(Effect.DENY, "b", device=UNLIFTED))
    assert evaluate(Policy(rules=rules), ask()).device_blocked is None


@pytest.mark.parametrize(
    ("found", "given", "words"),
    [
        (rule(users=("carol", "dave")), ask(), "users: alice is not one of carol, dave"),
        (rule(users=tuple("cdefghi")), ask(), "users: alice is not one of c, d, e, f, g and 2 more"),
        (rule(users=("x",)), ask(DEPLOY), f"users: {DEPLOY.arn} fits no ARN pattern of x"),
        (
            rule(users=("alice",)),
            ask(home_account=None),
            "users: account 111122223333 is not trusted to name alice, nor does an ARN fit",
        ),
        (rule(profiles=("dev", "stage-*")), ask(), "profiles: prod is not one of dev, stage-*"),
        (rule(modes=(Mode.CLI,)), ask(), "mode: server is not one of cli"),
        (
            rule(
                time=TimeWindow(
                    days=tuple(Day)[:5], hours=Hours(start=540, end=1020), timezone="Europe/Berlin"
                )
            ),
            ask(),
            "time: Sunday 17:30 Europe/Berlin is outside monday-friday 09:00-17:00",
        ),
        (window(Day.MONDAY, Day.FRIDAY), ask(), "time: Sunday 15:30 UTC is outside monday, friday"),
        (rule(device=MANAGED), ask(), "device: nothing is known of this device"),
    ],
)
def test_an_explanation_names_the_first_condition_that_failed(
    found: Rule, given: PolicyAsk, words: str
) -> None:
    assert why_not(found, given) == words


def test_an_explanation_ends_where_the_decision_was_made() -> None:
    rules = (rule(users=("carol",)), rule(name="b"), rule(name="c"))
    assert [step.rule for step in explain(Policy(rules=rules), ask())] == ["a"]


def test_policies_that_come_and_go_do_not_mix_up() -> None:
    for index in range(200):
        name = f"profile-{index}"
        assert matches(rule(profiles=(name,)), ask(profile=name))


def test_more_askers_than_a_policy_remembers_are_all_answered_alike() -> None:
    policy = Policy(rules=tuple(rule(name=f"r{number}", profiles=(f"p{number}",)) for number in range(100)))
    for _ in range(2):
        found = [evaluate(policy, ask(profile=f"p{number}")).index for number in range(100)]
        assert found == list(range(100))
