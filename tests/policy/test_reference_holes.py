"""What another product's policies did wrong, each by its number in the list of weaknesses we keep.

Only what reading and evaluating policies is about; signing, shipping and lint have theirs beside them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cli.configs.templates import Cast, documents
from sentinel_server.access.decide import decide
from sentinel_server.access.facts import Allow, Deny, NeedsApproval
from sentinel_server.canonical import sha256_hex
from sentinel_server.errors import BadInput, InvalidPolicy, PolicyUnavailable
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.approval import ApprovalPolicy
from sentinel_server.policy.breakglass import BreakGlassPolicy
from sentinel_server.policy.documents import parse_document
from sentinel_server.policy.evaluate import PolicyAsk, evaluate
from sentinel_server.policy.explain import explain
from sentinel_server.policy.loading import loaded_policy
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.ratelimit import RateLimitPolicy
from sentinel_server.policy.schema import Effect, Mode, Origin, Override, Policy
from sentinel_server.requests import rules as requests
from tests.access.test_decide import facts
from tests.fakes.clock import NOON
from tests.fakes.credentials import ALICE
from tests.fakes.requests import ALICE as ASKER
from tests.fakes.requests import BOB, CAROL, HOME, NOBODY_JOINED, a_request, approved, policy_with
from tests.fakes.requests import NOON as ASKED
from tests.fakes.requests import POLICY as APPROVALS

HEAD = 'version: "1"\nrules:\n'
ALLOW_ALL = "  - {name: last, effect: allow, match: any}\n"


def policy(rules: str) -> Policy:
    """The policy of these rules."""
    return parse_policy(HEAD + rules, file="p")


def decided(text: str, *, at: str = "2026-06-08T12:00:00+00:00", profile: str = "prod") -> str | None:
    """The rule by which alice's request is decided."""
    ask = PolicyAsk(
        principal=ALICE,
        profile=profile,
        mode=Mode.SERVER,
        now=datetime.fromisoformat(at),
        home_account=ALICE.account,
    )
    rule = evaluate(policy(text), ask).rule
    return None if rule is None else rule.name


def refused(text: str) -> str:
    """What is said of a text that no reader accepts, nor any door."""
    with pytest.raises(InvalidPolicy) as caught:
        parse_policy(text, file="p")
    with pytest.raises(PolicyUnavailable):
        loaded_policy(text.encode(), name="p", origin=Origin.SSM)
    return caught.value.message


def rule(condition: str, effect: str = "allow", name: str = "a") -> str:
    """One rule with one condition."""
    return f"  - {{name: {name}, effect: {effect}, conditions: {{{condition}}}}}\n"


def test_a1_require_approval_never_is_an_allow() -> None:
    rules = policy("  - {name: ask, effect: require_approval, match: any}\n").rules
    assert rules[0].effect is Effect.REQUIRE_APPROVAL
    assert isinstance(decide(facts(*rules), NOON), NeedsApproval)
    others = [replace(rules[0], effect=effect) for effect in Effect]
    let_in = {each.effect for each in others if isinstance(decide(facts(each), NOON), Allow)}
    assert let_in == {Effect.ALLOW, Effect.REQUIRE_SERVER, Effect.REQUIRE_SERVER_SESSION}


@pytest.mark.parametrize("effect", ["permit", "Allow", "ALLOW", "allow ", "require-approval", ""])
def test_a2_an_unknown_effect_is_refused_when_it_is_loaded(effect: str) -> None:
    assert "rules[0].effect: " in refused(f"{HEAD}  - {{name: a, effect: '{effect}', match: any}}\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "  - {name: a, effect: allow, condtions: {users: [a]}}\n", "did you mean `conditions`?"),
        (HEAD + rule("profiles: [prod], user: [alice]"), "unknown key `user`; did you mean `users`?"),
        (HEAD + rule("device: {require_mdmm: true}"), "did you mean `require_mdm`?"),
        ('version: "99"\nrules:\n' + ALLOW_ALL, "`99` is not a version of policies"),
        (HEAD + ALLOW_ALL + "---\n" + HEAD + ALLOW_ALL, "a second document"),
        (HEAD + "  - &a {name: a, effect: allow, match: any}\n  - *a\n", "an anchor"),
        ("#" * 70_000, "larger than 64 KiB"),
    ],
)
def test_a3_a_typo_never_widens_access(text: str, said: str) -> None:
    assert said in refused(text)


@pytest.mark.parametrize(("at", "by"), [("23:30", "night"), ("03:00", "night"), ("12:00", "last")])
def test_a4_a_denial_across_midnight_denies(at: str, by: str) -> None:
    night = rule("time: {hours: {start: 22:00, end: 06:00}}", effect="deny", name="night")
    assert decided(night + ALLOW_ALL, at=f"2026-06-08T{at}:00+00:00") == by


def test_a4_a_window_that_never_opens_is_refused_and_the_last_minute_is_within_reach() -> None:
    assert "starts when it ends" in refused(HEAD + rule("time: {hours: {start: 09:00, end: 09:00}}"))
    late = rule("time: {hours: {start: 09:00, end: 24:00}}")
    assert decided(late, at="2026-06-08T23:59:59+00:00") == "a"


@pytest.mark.parametrize("zone", ["Local", "Mars/Base", "europe/berlin", "''"])
def test_a5_a_zone_is_known_everywhere_or_refused(zone: str) -> None:
    assert "timezone" in refused(HEAD + rule(f"time: {{days: [monday], timezone: {zone}}}"))


def test_a5_without_a_zone_it_is_utc_whatever_zone_the_time_came_in() -> None:
    office = rule("time: {hours: {start: 09:00, end: 10:00}}")
    assert decided(office, at="2026-06-08T11:30:00+02:00") == "a"
    assert decided(office, at="2026-06-08T09:30:00+02:00") is None


def test_a6_what_lifts_a_denial_is_part_of_the_rule() -> None:
    rules = policy(
        rule("users: [a]", "deny") + "  - {name: b, effect: deny, match: any, override: none}\n"
    ).rules
    assert [each.override for each in rules] == [Override.EMERGENCY, Override.NONE]
    opened = [decide(facts(each), NOON) for each in rules]
    assert [isinstance(each, Deny) and bool(each.opening.by) for each in opened] == [True, False]
    allow = "  - {name: a, effect: allow, match: any, override: none}\n"
    assert "this rule does not deny" in refused(HEAD + allow)


def test_a11_an_approval_rule_has_approvers_and_as_many_as_it_requires() -> None:
    head = "version: 1\nkind: approval\nrules:\n"
    for line, said in (
        ("approvers: []", "is an empty list"),
        ("profiles: [a]", "`approvers` is missing"),
        ("approvers: [a, b], approvals_required: 3", "3 approvals are required of 2 approvers"),
    ):
        with pytest.raises(InvalidPolicy, match=said):
            parse_document(f"{head}  - {{name: a, {line}}}\n", file="a")


def test_a12_nothing_is_approved_by_itself_for_everybody() -> None:
    head = "version: 1\nkind: approval\nrules: [{name: a, approvers: [b], auto_approve: "
    for auto in ("{}", "{max_duration: 1h}", "{time: {days: [monday]}}", "{users: []}"):
        with pytest.raises(InvalidPolicy):
            parse_document(f"{head}{auto}}}]", file="a")
    generated = parse_document(documents("full", ONE)["approval.yaml"], file="a")
    assert isinstance(generated, ApprovalPolicy)
    assert all(each.auto_approve is None for each in generated.rules)


def test_a11_nobody_approves_without_a_rule_nor_their_own_request_nor_for_a_quorum() -> None:
    def granted(policy: ApprovalPolicy, *voters: Principal) -> bool:
        found = requests.granted(
            approved(a_request(), *voters),
            policy,
            principal=ASKER,
            profile="prod",
            now=ASKED + timedelta(minutes=2),
            home_account=HOME,
            persons=NOBODY_JOINED,
            check=requests.no_signature_wanted,
        )
        return isinstance(found, requests.Granted)

    assert granted(APPROVALS, BOB)
    assert not granted(APPROVALS, ASKER), "who asks is listed as an approver, too"
    assert not granted(replace(APPROVALS, rules=()), BOB)
    two = policy_with(approvals_required=2)
    assert not granted(two, BOB)
    assert not granted(two, BOB, BOB)
    assert granted(two, BOB, CAROL)


@pytest.mark.parametrize(
    "device",
    [
        "{}",
        "{require_mdm: false}",
        "{require_mdm: yes}",
        "{min_os_version: newest}",
        "{allowed_os_types: [macos]}",
        "{max_posture_age: 0s, require_mdm: true}",
        "{max_posture_age: 91d}",
    ],
)
def test_a13_a_device_condition_is_validated(device: str) -> None:
    assert "device" in refused(HEAD + rule(f"device: {device}"))


def test_a13_what_is_not_known_of_a_device_does_not_hold() -> None:
    stale = rule("device: {max_posture_age: 1d}", name="managed")
    assert decided(stale) is None
    assert decided(stale + ALLOW_ALL) == "last"


@pytest.mark.parametrize("condition", ["mode: [server]", "not_users: [bob]", "not_profiles: [dev]"])
def test_a14_any_condition_is_one(condition: str) -> None:
    assert decided(rule(condition)) == "a"


def test_a14_a_rule_for_everything_says_so() -> None:
    assert decided("  - {name: catch all, effect: deny, match: any}\n") == "catch all"
    for nothing in ("conditions: {}", "conditions: {time: {}}", "reason: none"):
        assert (
            "match: any" in refused(f"{HEAD}  - {{name: a, effect: deny, {nothing}}}\n") or "time" in nothing
        )


ONE = Cast(profiles=("prod",), users=("alice",))


@pytest.mark.parametrize("name", ["prod\n  - name: b", 'prod"]', "prod # x", "pröd"])
def test_a19_a_name_in_a_template_stays_a_name(name: str) -> None:
    try:
        cast = replace(ONE, profiles=(name,))
    except BadInput:
        assert "\n" in name
        return
    for file, text in documents("full", cast).items():
        document = parse_document(text, file=file)
        assert isinstance(document, Policy | ApprovalPolicy | BreakGlassPolicy | RateLimitPolicy)
        only = document.rules[0]
        profiles = only.conditions.profiles if hasattr(only, "conditions") else only.profiles
        assert (len(document.rules), profiles) == (1, (name,))


def test_b23_every_problem_is_reported_at_once_each_with_its_place() -> None:
    text = HEAD + "  - {name: a, effect: alow, match: any}\n" + rule("usrs: [a]", name="b") + "extra: 1\n"
    with pytest.raises(InvalidPolicy) as caught:
        parse_policy(text, file="p.yaml")
    places = [(each.line, each.column, each.path) for each in caught.value.problems]
    assert places == [(3, 23, "rules[0].effect"), (4, 43, "rules[1].conditions"), (5, 1, "")]


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nkind: breakglass\nrules: [{name: a, users: [b]}]",
        "version: 1\nrules: [{name: a, users: [b], mfa: {required: true}}]",
        "version: 1\nrules: [{name: a, max_per_profile: 1, quota_window: 1h}]",
    ],
)
def test_b24_a_side_policy_is_never_taken_for_an_access_policy(text: str) -> None:
    assert not isinstance(parse_document(text, file="d"), Policy)
    with pytest.raises(InvalidPolicy, match="not a version"):
        parse_document(text.replace("version: 1", "version: 2"), file="d")


def test_b24_what_could_be_either_is_not_guessed() -> None:
    with pytest.raises(InvalidPolicy, match="write `kind:` at the top"):
        parse_document("version: 1\nrules: [{name: a, users: [b]}]", file="d")


def test_b26_a_policy_cannot_be_changed_by_whoever_was_given_it() -> None:
    found = policy(ALLOW_ALL)
    with pytest.raises(AttributeError):
        found.rules = ()  # type: ignore[misc]  # why: this is what must fail
    assert isinstance(found.rules, tuple)


def test_b27_a_decision_says_why_no_earlier_rule_made_it_and_by_which_text() -> None:
    text = HEAD + rule("users: [bob]", name="first") + ALLOW_ALL
    loaded = loaded_policy(text.encode(), name="p", origin=Origin.FILE, version="7")
    ask = PolicyAsk(
        principal=ALICE,
        profile="prod",
        mode=Mode.CLI,
        now=datetime(2026, 6, 8, tzinfo=UTC),
        home_account=ALICE.account,
    )
    assert [(step.index, step.rule, step.why_not) for step in explain(loaded.policy, ask)] == [
        (0, "first", "users: alice is not one of bob")
    ]
    assert (loaded.sha256, loaded.version) == (sha256_hex(text.encode()), "7")


@pytest.mark.parametrize("key", ["max_duration", "max_server_duration", "max_lease"])
def test_b28_durations_have_units_and_bounds(key: str) -> None:
    def read(text: str) -> Policy:
        return policy(f"  - {{name: a, effect: allow, match: any, {key}: {text}}}\n")

    assert read("0.25d").rules == read("6h").rules == read("5h60m0s").rules
    for text in ("900", "-15m", "0s", "59s", "1d", "13h", "PT1H", "1h30"):
        with pytest.raises(InvalidPolicy):
            read(text)


def test_b28_limits_of_side_policies_are_not_negative_either() -> None:
    assert policy(ALLOW_ALL).rules[0].max_duration is None
    for line in ("max_duration: -1h", "max_duration: 9h"):
        with pytest.raises(InvalidPolicy):
            parse_document(
                f"version: 1\nkind: approval\nrules: [{{name: a, approvers: [b], {line}}}]", file="a"
            )
    found = parse_document(
        "version: 1\nkind: approval\nrules: [{name: a, approvers: [b], max_duration: 8h}]", file="a"
    )
    assert isinstance(found, ApprovalPolicy)
    assert found.rules[0].max_duration == timedelta(hours=8)


@pytest.mark.parametrize("profile", ["a.b", "a@b", "a+b", "a=b", "a,b", "arn:aws:iam::111122223333:role/x"])
def test_b29_a_profile_may_have_any_name_that_a_role_may(profile: str) -> None:
    assert decided(rule(f"profiles: ['{profile}']"), profile=profile) == "a"


def test_b29_a_rules_own_table_is_part_of_the_rule() -> None:
    server = "  - {name: a, effect: require_server_session, match: any, session_table: central}\n"
    assert policy(server).rules[0].session_table == "central"
