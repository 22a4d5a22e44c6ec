"""The false alarms and the silences of lint by overlap: each is a case here, and decided right."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sentinel_server.errors import InvalidPolicy
from sentinel_server.policy.lint import lint

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def reported(*rules: str) -> list[tuple[str, str | None]]:
    """Code and rule of what is found about reach; the rules are r0, r1 and so on."""
    text = "".join(f"  - {{name: r{n}, {rule}}}\n" for n, rule in enumerate(rules))
    found = lint(f'version: "1"\nrules:\n{text}', file="p.yaml", now=NOW)
    wanted = {"P001", "P002", "P003", "P004", "P005"}
    return [(each.code.value, each.rule) for each in found if each.code.value in wanted]


def test_b22_lists_that_overlap_do_not_shadow_each_other() -> None:
    assert not reported(
        "effect: allow, conditions: {users: [a, b]}", "effect: allow, conditions: {users: [b, c]}"
    )
    assert not reported(
        "effect: allow, conditions: {users: [x], profiles: [a, b]}",
        "effect: allow, conditions: {users: [x], profiles: [b, c]}",
    )


def test_b22_a_rule_for_another_mode_is_reached() -> None:
    assert not reported(
        "effect: allow, conditions: {users: [a], mode: [server]}",
        "effect: require_approval, conditions: {users: [a]}",
    )
    assert reported(
        "effect: allow, conditions: {users: [a]}",
        "effect: require_approval, conditions: {users: [a], mode: [server]}",
    ) == [("P001", "r1")]


def test_b22_a_rule_without_the_device_condition_is_reached() -> None:
    assert not reported(
        "effect: allow, conditions: {users: [a], device: {require_mdm: true}}",
        "effect: allow, conditions: {users: [a]}",
    )


def test_b22_a_device_condition_that_asks_more_is_shadowed_by_one_that_asks_less() -> None:
    less, more = "{require_mdm: true}", "{require_mdm: true, min_os_version: 14.2}"
    rules = [f"effect: allow, conditions: {{users: [a], device: {each}}}" for each in (less, more)]
    assert reported(*rules) == [("P001", "r1")]
    assert not reported(*reversed(rules))


def test_b22_windows_in_zones_that_never_meet_do_not_shadow_each_other() -> None:
    window = "time: {{hours: {{start: 09:00, end: 12:00}}, timezone: {}}}"
    tokyo, new_york = window.format("Asia/Tokyo"), window.format("America/New_York")
    assert not reported(
        f"effect: allow, conditions: {{users: [a], {tokyo}}}",
        f"effect: deny, conditions: {{profiles: [p], {new_york}}}",
    )


def test_b22_windows_in_two_zones_shadow_each_other_only_when_summer_time_agrees() -> None:
    berlin = "time: {hours: {start: 08:00, end: 18:00}, timezone: Europe/Berlin}"
    always = "time: {hours: {start: 07:00, end: 16:00}, timezone: UTC}"
    winter_only = "time: {hours: {start: 07:00, end: 17:00}, timezone: UTC}"
    first = f"effect: allow, conditions: {{users: [a], {berlin}}}"
    assert reported(first, f"effect: allow, conditions: {{users: [a], {always}}}") == [("P001", "r1")]
    assert not reported(first, f"effect: allow, conditions: {{users: [a], {winter_only}}}")


def test_b22_an_allowance_before_a_catch_all_denial_is_how_policies_are_written() -> None:
    assert not reported("effect: allow, conditions: {users: [a], profiles: [p]}", "effect: deny, match: any")


def test_b22_an_allowance_wider_than_a_later_denial_is_found() -> None:
    assert reported(
        "effect: allow, conditions: {users: [a]}", "effect: deny, conditions: {profiles: [p]}"
    ) == [("P005", "r1")]


def test_b22_identical_rules_are_found() -> None:
    assert reported(*["effect: allow, conditions: {users: [a]}"] * 2) == [("P003", "r1")]


@pytest.mark.parametrize(("effect", "code"), [("deny", "P002"), ("require_approval", "P001")])
def test_b22_a_rule_shadowed_under_a_different_effect_is_found(effect: str, code: str) -> None:
    assert reported(
        "effect: allow, conditions: {users: ['a*']}",
        f"effect: {effect}, conditions: {{users: [ab], profiles: [p]}}",
    ) == [(code, "r1")]


def test_b22_duplicate_names_are_refused_before_anything_is_linted() -> None:
    text = 'version: "1"\nrules:\n' + "  - {name: twice, effect: deny, match: any}\n" * 2
    with pytest.raises(InvalidPolicy, match="another rule is named `twice`"):
        lint(text, file="p.yaml", now=NOW)


def test_b22_empty_windows_are_found() -> None:
    dates = "{days: [sunday], not_before: 2026-06-01, not_after: 2026-06-05}"
    assert reported(f"effect: deny, conditions: {{profiles: [p], time: {dates}}}") == [("P004", "r0")]
    same = "effect: deny, conditions: {time: {hours: {start: 09:00, end: 09:00}}}"
    with pytest.raises(InvalidPolicy, match="starts when it ends"):
        reported(same)


def test_b22_a_rule_covered_only_by_several_together_is_found() -> None:
    assert reported(
        "effect: allow, conditions: {users: [a], profiles: ['p*']}",
        "effect: allow, conditions: {users: [a], not_profiles: [prod]}",
        "effect: require_approval, conditions: {users: [a]}",
    ) == [("P001", "r2")]


def test_b22_a_pattern_that_contains_another_shadows_it() -> None:
    assert reported(
        "effect: allow, conditions: {users: [x], profiles: ['a*', '?']}",
        "effect: require_approval, conditions: {users: [x], profiles: ['a?*', b, 'ab*c']}",
    ) == [("P001", "r1")]


def test_b22_the_same_name_by_another_way_in_is_somebody_else() -> None:
    bare, arn = "users: [a]", "users: ['arn:aws:sts::111122223333:assumed-role/R/a']"
    assert not reported(f"effect: allow, conditions: {{{bare}}}", f"effect: deny, conditions: {{{arn}}}")
