"""What hostile or careless surroundings make the command line say: never a lie, never a fault of ours."""

from __future__ import annotations

import pytest

from tests.fakes.command_line import CommandLine


def test_a_sentinel_inside_our_own_credential_process_is_told_why_it_is_refused(
    sentinel: CommandLine,
) -> None:
    sentinel.set(SENTINEL_RESOLVING="work")
    ran = sentinel("credentials", "--profile", "default")
    assert ran.status == 2
    assert "runs sentinel, which is waiting for that process" in ran.err


def test_a_span_beyond_the_calendar_is_a_wrong_word_and_no_fault_of_ours(
    sentinel: CommandLine,
) -> None:
    ran = sentinel("server-revoke", "--all", "--yes", "--reason", "x", "--until", "999999999d")
    assert ran.status == 2
    assert "internal error" not in ran.err


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("SENTINEL_AUDIT_DIRECTORY", "~nobody-of-that-name/audit"),
        ("SENTINEL_STORE", "sqlite://~nobody-of-that-name/x.db"),
        ("SENTINEL_POLICIES", "file://~nobody-of-that-name/policies"),
    ],
)
def test_the_home_of_nobody_is_a_setting_to_mend(sentinel: CommandLine, variable: str, text: str) -> None:
    sentinel.set(**{variable: text})
    ran = sentinel("server-sessions")
    assert ran.status == 2
    assert "nobody-of-that-name" in ran.err


def test_a_block_says_in_which_store_it_is(sentinel: CommandLine) -> None:
    """Doors that use another store know nothing of it."""
    ran = sentinel("server-revoke", "--all", "--yes", "--reason", "x")
    flat = " ".join(ran.out.split())
    assert f"at every door that uses {sentinel.settings.store}, until it is lifted" in flat


def test_explain_does_not_take_the_role_of_the_shell_it_runs_in_for_the_person(
    sentinel: CommandLine,
) -> None:
    sentinel.set(AWS_SENTINEL="prod")
    (policies := sentinel.home / ".config" / "sentinel" / "policies").mkdir(parents=True, mode=0o700)
    (policies / "prod.yaml").write_text('version: "1"\nrules: [{name: a, effect: allow, match: any}]\n')
    ran = sentinel("policy", "explain", "--profile", "prod")
    assert ran.status == 2
    assert "--user" in ran.err
    assert sentinel("policy", "explain", "--profile", "prod", "--user", "alice").status == 0
