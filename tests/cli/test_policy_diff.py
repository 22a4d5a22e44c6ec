"""`sentinel policy diff`: 0 the same, 1 different, 2 not a policy, 6 not readable, and never two of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.compared import meaning_lines
from cli.unified import coloured, unified
from sentinel_server.policy.comparing import compare
from sentinel_server.policy.parse import parse_policy
from tests.fakes.clock import NOON
from tests.fakes.command_line import CommandLine

OLD = """\
version: "1"
trusted_accounts: ["111122223333"]
rules:
  - name: team
    effect: allow
    conditions: {users: [alice]}
"""
NEW = OLD.replace("[alice]", "[alice, bob]")
RENAMED = OLD.replace("name: team", "name: the team")
BROKEN = OLD.replace("effect: allow", "effect: alow")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Policies by name, as files."""
    texts = {"old": OLD, "new": NEW, "renamed": RENAMED, "broken": BROKEN}
    found = {name: tmp_path / f"{name}.yaml" for name in texts}
    for name, path in found.items():
        path.write_text(texts[name])
    return {name: str(path) for name, path in found.items()}


def store(sentinel: CommandLine, text: str, profile: str = "prod") -> None:
    """Make `text` the stored policy of a profile."""
    directory = sentinel.home / ".config" / "sentinel" / "policies"
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    (directory / f"{profile}.yaml").write_text(text)
    (directory / f"{profile}.yaml").chmod(0o600)


def test_b21_the_same_text_is_no_difference(sentinel: CommandLine, files: dict[str, str]) -> None:
    ran = sentinel("policy", "diff", files["old"], files["old"])
    assert (ran.status, ran.out, ran.err) == (0, "", "sentinel: no difference\n")


def test_b21_a_difference_exits_1_and_says_whom_it_concerns(
    sentinel: CommandLine, files: dict[str, str]
) -> None:
    ran = sentinel("policy", "diff", files["old"], files["new"])
    assert (ran.status, ran.err) == (1, "")
    text, _, meaning = ran.out.partition("\n\n")
    assert text.splitlines() == [
        f"--- {files['old']}",
        f"+++ {files['new']}",
        "@@ -3,4 +3,4 @@",
        " rules:",
        "   - name: team",
        "     effect: allow",
        "-    conditions: {users: [alice]}",
        "+    conditions: {users: [alice, bob]}",
    ]
    assert meaning == (
        "1 change of meaning, looked for among 6 users and 1 profile\n"
        "\n"
        "gains    bob\n"
        "  on     any other profile\n"
        "  by     any door\n"
        "  when   always\n"
        "  was    deny, no rule matches\n"
        "  now    allow\n"
    )


def test_b21_another_text_of_the_same_meaning_differs_as_text_only(
    sentinel: CommandLine, files: dict[str, str]
) -> None:
    whole = sentinel("policy", "diff", files["old"], files["renamed"])
    assert whole.status == 1
    assert whole.out.endswith("\n\nmeans the same for 5 users and 1 profile\n")
    meaning = sentinel("policy", "diff", "--meaning-only", files["old"], files["renamed"])
    assert (meaning.status, meaning.out, meaning.err) == (0, "", "sentinel: they mean the same\n")
    text = sentinel("policy", "diff", "--text-only", files["old"], files["renamed"])
    assert text.status == 1
    assert "means" not in text.out


def test_meaning_alone_shows_no_text(sentinel: CommandLine, files: dict[str, str]) -> None:
    ran = sentinel("policy", "diff", "--meaning-only", files["old"], files["new"])
    assert ran.status == 1
    assert ran.out.startswith("1 change of meaning")


def test_b21_what_is_not_a_policy_exits_2_with_every_problem(
    sentinel: CommandLine, files: dict[str, str]
) -> None:
    ran = sentinel("policy", "diff", files["old"], files["broken"])
    assert (ran.status, ran.out) == (2, "")
    assert "`alow` is not one of" in ran.err


def test_an_old_text_that_is_not_a_policy_is_compared_as_text(
    sentinel: CommandLine, files: dict[str, str]
) -> None:
    ran = sentinel("policy", "diff", files["broken"], files["old"])
    assert ran.status == 1
    assert ran.out.startswith(f"--- {files['broken']}\n")
    assert "so its meaning cannot be compared" in ran.err
    assert sentinel("policy", "diff", "--meaning-only", files["broken"], files["old"]).status == 6


def test_texts_alone_may_be_anything(sentinel: CommandLine, files: dict[str, str]) -> None:
    ran = sentinel("policy", "diff", "--text-only", files["broken"], files["old"])
    assert (ran.status, ran.err) == (1, "")


def test_b21_what_cannot_be_read_exits_6(sentinel: CommandLine, files: dict[str, str]) -> None:
    for pair in ((files["old"], "/nowhere/new.yaml"), ("/nowhere/old.yaml", files["old"])):
        ran = sentinel("policy", "diff", *pair)
        assert (ran.status, ran.out) == (6, "")
        assert "cannot read /nowhere" in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--text-only", "--meaning-only", "a.yaml", "b.yaml"], "leave nothing to compare"),
        (["-", "-"], "stdin cannot be both"),
        (["a.yaml"], "Missing argument 'NEW'"),
    ],
)
def test_wrong_use_exits_2(sentinel: CommandLine, words: list[str], said: str) -> None:
    ran = sentinel("policy", "diff", *words)
    assert ran.status == 2
    assert said in ran.err


def test_a_profile_means_its_stored_policy(sentinel: CommandLine, files: dict[str, str]) -> None:
    store(sentinel, OLD)
    ran = sentinel("policy", "diff", "prod", files["new"], "--json")
    assert ran.status == 1
    assert ran.json["differs"] is True
    assert ran.json["old"].endswith("prod.yaml (version 1)")
    assert ran.json["meaning"]["changes"] == [
        {
            "change": "gains",
            "users": ["bob"],
            "profiles": ["prod", "any other profile"],
            "modes": ["server", "cli", "credential_process", "tvm"],
            "when": ["always"],
            "before": {
                "outcome": "deny",
                "override": None,
                "max_duration": None,
                "max_lease": None,
                "enforce_lease": False,
                "session_table": None,
                "allow_unstamped": False,
            },
            "after": {**ran.json["meaning"]["changes"][0]["before"], "outcome": "allow"},
        }
    ]
    assert sentinel("policy", "diff", "prod", files["old"]).status == 0


def test_where_nothing_is_stored_everything_is_new(sentinel: CommandLine, files: dict[str, str]) -> None:
    ran = sentinel("policy", "diff", "prod", files["old"])
    assert ran.status == 1
    assert "nothing is stored at" in ran.err
    assert "+rules:" in ran.out
    assert "gains    alice" in ran.out


def test_a_stored_policy_that_others_may_write_exits_6(sentinel: CommandLine, files: dict[str, str]) -> None:
    store(sentinel, OLD)
    (sentinel.home / ".config" / "sentinel" / "policies" / "prod.yaml").chmod(0o666)
    ran = sentinel("policy", "diff", "prod", files["old"])
    assert (ran.status, ran.out) == (6, "")


def test_a_profile_that_no_file_can_have_exits_2(sentinel: CommandLine, files: dict[str, str]) -> None:
    assert sentinel("policy", "diff", "..", files["old"]).status == 2


def test_documents_of_other_kinds_are_compared_as_text(sentinel: CommandLine, tmp_path: Path) -> None:
    text = 'version: "1"\nkind: approval\nrules: [{name: a, approvers: [alice]}]\n'
    (tmp_path / "a.yaml").write_text(text)
    (tmp_path / "b.yaml").write_text(text.replace("alice", "bob"))
    ran = sentinel("policy", "diff", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml"))
    assert ran.status == 1
    assert "only the meaning of access policies is compared" in ran.err


def test_no_line_of_meaning_is_wider_than_80_columns() -> None:
    names = ", ".join(f"somebody-with-a-long-name-{i}@example.com" for i in range(40))
    old = parse_policy(OLD, file="old")
    new = parse_policy(
        OLD.replace("[alice]", f"[{names}]").replace("allow", "require_server_session")
        + "    max_duration: 1h\n    max_lease: strict\n    enforce_lease: true\n"
        "    session_table: arn:aws:dynamodb:eu-central-1:111122223333:table/sentinel-sessions\n"
        "    allow_unstamped: true\n",
        file="new",
    )
    lines = "\n".join(meaning_lines(compare(old, new, since=NOON))).splitlines()
    assert max(len(line) for line in lines if "arn:" not in line) <= 80
    assert any("32 more" in line for line in lines)


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (b"a\n", b"a\n", []),
        (None, b"", []),
        (b"a\n", b"a", ["-a", "+a", "\\ No newline at end of file"]),
        (b"a\r\n", b"a\n", ["-a\\r", "+a"]),
        (b"a\xff\n", b"a\xfe\n", ["-a\\udcff", "+a\\udcfe"]),
        (b"a\x0b\n", b"a\n", ["-a\\x0b", "+a"]),
        (b"", b"\x1b[31mred\n", ["+\\x1b[31mred"]),
    ],
)
def test_texts_differ_whenever_bytes_do(old: bytes | None, new: bytes, lines: list[str]) -> None:
    head, body = unified(old, new, "old", "new")[:3], unified(old, new, "old", "new")[3:]
    assert body == lines
    assert bool(head) == bool(lines)


def test_colour_is_for_terminals_only(sentinel: CommandLine, files: dict[str, str]) -> None:
    assert coloured("-a") == "\x1b[31m-a\x1b[0m"
    assert coloured(" a") == " a"
    assert "\x1b" not in sentinel("policy", "diff", files["old"], files["new"]).out
