"""`config validate`, `config generate` and `config schema`, as somebody would type them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.configs.generate import TEMPLATES
from cli.configs.kinds import KINDS
from cli.configs.templates import TEMPLATES as MADE
from cli.configs.templates import Cast, documents
from cli.main import root
from sentinel_server.errors import BadInput
from sentinel_server.policy.documents import parse_document, read_document
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.lint import Severity, lint
from tests.fakes.aws import Sandbox, embedded_aws
from tests.fakes.command_line import CommandLine
from tests.policy.test_kinds import APPROVAL, BREAKGLASS, POLICY, TEXTS

TEAM = Cast(profiles=("prod", "team/dev"), users=("alice", "arn:aws:iam::111122223333:user/ci/*"))


@pytest.fixture(scope="module")
def aws() -> Iterator[Sandbox]:
    """An embedded AWS with the user `dev`."""
    with embedded_aws() as sandbox:
        yield sandbox


@pytest.fixture
def files(tmp_path: Path) -> dict[DocumentKind, str]:
    """A valid file of every kind."""
    paths = {kind: tmp_path / f"{kind.value}.yaml" for kind in DocumentKind}
    for kind, path in paths.items():
        path.write_text(TEXTS[kind])
    return {kind: str(path) for kind, path in paths.items()}


def test_valid_documents_are_said_to_be_what_they_are(
    sentinel: CommandLine, files: dict[DocumentKind, str]
) -> None:
    ran = sentinel("config", "validate", *files.values())
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        f"{files[DocumentKind.POLICY]}: ok, an access policy of 1 rule",
        f"{files[DocumentKind.APPROVAL]}: ok, an approval policy of 1 rule",
        f"{files[DocumentKind.BREAKGLASS]}: ok, a break-glass policy of 1 rule",
        f"{files[DocumentKind.RATELIMIT]}: ok, a rate-limit policy of 1 rule",
        f"{files[DocumentKind.BOOTSTRAP]}: ok, a bootstrap configuration of 2 profiles",
    ]


def test_every_problem_is_printed_with_its_place_and_exits_2(sentinel: CommandLine, tmp_path: Path) -> None:
    faulty = tmp_path / "approval.yaml"
    faulty.write_text(APPROVAL.replace("users: [dave]", "user: [dave]").replace("required: 2", "required: 9"))
    ran = sentinel("config", "validate", "--path", str(faulty))
    assert ran.status == 2
    assert ran.err.splitlines() == [
        f"{faulty}:11:25: rules[0].approvals_required: 9 approvals are required of 3 approvers; "
        "name more of them",
        f"{faulty}:15:7: rules[0].auto_approve: unknown key `user`; did you mean `users`?",
        f"{faulty}:15:7: rules[0].auto_approve: names no `users`, so everybody would approve themselves; "
        "say whom you mean",
    ]


def test_json_has_a_result_for_each_and_a_summary(
    sentinel: CommandLine, files: dict[DocumentKind, str], tmp_path: Path
) -> None:
    faulty = tmp_path / "faulty.yaml"
    faulty.write_text(BREAKGLASS.replace("incident", "incidents"))
    ran = sentinel("config", "validate", "--json", files[DocumentKind.POLICY], str(faulty))
    assert ran.status == 2
    assert ran.json == {
        "results": [
            {"config_type": "policy", "source": files[DocumentKind.POLICY], "valid": True, "issues": []},
            {
                "config_type": "",
                "source": str(faulty),
                "valid": False,
                "issues": [
                    {
                        "severity": "error",
                        "location": "rules[0].allowed_reason_codes[0]",
                        "line": 9,
                        "column": 28,
                        "message": "`incidents` is not one of incident, maintenance, security, recovery, "
                        "other",
                        "suggestion": "did you mean `incident`?",
                    }
                ],
            },
        ],
        "summary": {"total": 2, "valid": 1, "invalid": 1, "errors": 1, "warnings": 0, "notes": 0},
    }


def test_sarif_places_each_problem_at_its_line(sentinel: CommandLine, tmp_path: Path) -> None:
    faulty = tmp_path / "faulty.yaml"
    faulty.write_text(POLICY + "extra: 1\n")
    ran = sentinel("config", "validate", "--output", "sarif", str(faulty))
    assert ran.status == 2
    (result,) = ran.json["runs"][0]["results"]
    assert result["level"] == "error"
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 4, "startColumn": 1}


LAX = "kind: breakglass\nversion: 1\nrules:\n  - {name: all, users: [alice]}\n"


def test_what_lint_finds_is_a_warning_that_fails_nothing(sentinel: CommandLine, tmp_path: Path) -> None:
    lax = tmp_path / "breakglass.yaml"
    lax.write_text(LAX)
    ran = sentinel("config", "validate", str(lax))
    assert (ran.status, ran.out) == (0, f"{lax}: ok, a break-glass policy of 1 rule\n")
    assert [line.partition(" rule ")[0] for line in ran.err.splitlines()] == [
        f"{lax}:4:5: warning {code}" for code in ("S001", "S003", "S004")
    ]
    found = sentinel("config", "validate", "--json", str(lax)).json
    assert found["summary"] == {
        "total": 1,
        "valid": 1,
        "invalid": 0,
        "errors": 0,
        "warnings": 3,
        "notes": 0,
    }
    assert [each["severity"] for each in found["results"][0]["issues"]] == ["warning"] * 3
    results = sentinel("config", "validate", "--output", "sarif", str(lax)).json["runs"][0]["results"]
    assert [each["ruleId"] for each in results] == ["S001", "S003", "S004"]


def test_b23_policy_validate_and_config_validate_say_the_same(sentinel: CommandLine, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        'version: "1"\nrules:\n'
        "  - {name: team, effect: allow, conditions: {users: [alice]}}\n"
        "  - {name: no, effect: deny, conditions: {users: ['arn:aws:iam::111122223333:role/x']}}\n"
    )
    one, other = sentinel("policy", "validate", str(policy)), sentinel("config", "validate", str(policy))
    assert one.status == other.status == 1
    assert one.err == other.err
    assert "error P014 rule 'no'" in one.err


def test_a_document_may_come_from_stdin() -> None:
    ran = CliRunner().invoke(root, ["config", "validate", "-"], input=APPROVAL)
    assert (ran.exit_code, ran.stdout) == (0, "<stdin>: ok, an approval policy of 1 rule\n")


def test_what_cannot_be_read_exits_6_and_the_others_are_checked(
    sentinel: CommandLine, files: dict[DocumentKind, str], tmp_path: Path
) -> None:
    ran = sentinel("config", "validate", str(tmp_path / "none"), files[DocumentKind.POLICY])
    assert ran.status == 6
    assert ran.err == f"{tmp_path / 'none'}:1:1: cannot be read: No such file or directory\n"
    assert "an access policy" in ran.out


def test_a_kind_that_was_asked_for_must_be_met(sentinel: CommandLine, files: dict[DocumentKind, str]) -> None:
    ran = sentinel("config", "validate", "--kind", "ratelimit", files[DocumentKind.POLICY])
    assert ran.status == 2
    assert "`policy` is not a rate-limit policy" in ran.err


def test_nothing_to_check_is_a_usage_error(sentinel: CommandLine) -> None:
    ran = sentinel("config", "validate")
    assert (ran.status, ran.out) == (2, "")
    assert "name files, - for stdin, or --ssm NAME" in ran.err


def test_parameters_are_read_from_ssm(sentinel: CommandLine, aws: Sandbox) -> None:
    sentinel.connect(aws)
    ssm = aws.client("ssm")
    ssm.put_parameter(Name="/sentinel/approvals", Value=APPROVAL, Type="SecureString", Overwrite=True)
    ssm.put_parameter(Name="/sentinel/ratelimits", Value="kind: rate", Type="String", Overwrite=True)
    names = ["--ssm", "/sentinel/approvals", "--ssm", "/sentinel/ratelimits", "--ssm", "/sentinel/none"]
    ran = sentinel("config", "validate", "--aws-profile", "base", "--region", aws.aws.region, *names)
    assert ran.status == 6
    assert ran.out == "ssm:/sentinel/approvals: ok, an approval policy of 1 rule\n"
    first, second = ran.err.splitlines()
    assert first.startswith("ssm:/sentinel/ratelimits:1:7: kind: `rate` is not one of policy")
    assert second.startswith("ssm:/sentinel/none:1:1: cannot be read: ")
    assert "/sentinel/none" in second


def test_the_words_of_the_command_line_are_those_of_the_code() -> None:
    assert tuple(kind.value for kind in DocumentKind) == KINDS
    assert TEMPLATES == MADE


@pytest.mark.parametrize("template", TEMPLATES)
def test_generated_documents_are_valid_and_lint_clean(template: str) -> None:
    for file, text in documents(template, TEAM).items():
        kind, _ = read_document(text, file=file)
        assert f"kind: {kind.value}\n" in text
        found = lint(text, file=file, now=datetime(2026, 6, 1, tzinfo=UTC))
        assert [each.code.value for each in found if each.severity is not Severity.NOTE] == []


def test_generated_documents_name_whom_they_are_for_and_approve_nothing_by_themselves() -> None:
    texts = documents("full", TEAM)
    assert set(texts) == {"policy.yaml", "approval.yaml", "breakglass.yaml", "ratelimit.yaml"}
    for file in ("policy.yaml", "approval.yaml", "breakglass.yaml"):
        assert '"alice", "arn:aws:iam::111122223333:user/ci/*"' in texts[file]
    approval = parse_document(texts["approval.yaml"], file="a")
    assert "auto_approve=None" in repr(approval)


@pytest.mark.parametrize(
    "names",
    [
        ("prod\nrules: []", "alice"),
        ("prod*", "alice"),
        ("", "alice"),
        ("prod", "*"),
        ("prod", "alice\n- bob"),
        ("prod", "role/x"),
        ("prod", "arn:aws"),
    ],
)
def test_a_name_that_would_mean_more_is_refused(names: tuple[str, str]) -> None:
    with pytest.raises(BadInput):
        Cast(profiles=names[:1], users=names[1:])


def test_files_are_written_and_never_replaced_without_force(sentinel: CommandLine, tmp_path: Path) -> None:
    where = tmp_path / "policies"
    words = ["config", "generate", "-t", "approvals", "-p", "prod", "-u", "alice", "-o", str(where)]
    assert sentinel(*words).status == 0
    (where / "approval.yaml").write_text("mine")
    (where / "policy.yaml").unlink()
    again = sentinel(*words)
    assert again.status == 1
    assert f"{where} has approval.yaml already, and nothing was written" in again.err
    assert [path.name for path in where.iterdir()] == ["approval.yaml"]
    assert sentinel(*words, "--force").status == 0
    assert "kind: approval" in (where / "approval.yaml").read_text()


def test_a_user_is_needed_for_every_template(sentinel: CommandLine) -> None:
    assert sentinel("config", "generate", "-t", "basic", "-p", "prod").status == 2


def test_without_a_directory_documents_are_printed(sentinel: CommandLine) -> None:
    words = ["config", "generate", "-t", "approvals", "-p", "prod", "-u", "alice", "--approver", "bob"]
    parts = sentinel(*words).out.split("---\n")
    assert [part.splitlines()[0] for part in parts] == ["# policy.yaml", "# approval.yaml"]
    texts = sentinel(*words, "--json").json
    assert 'approvers: ["bob"]' in texts["approval.yaml"]
    for part in parts:
        parse_document(part, file="printed")


def test_a_directory_that_cannot_be_made_is_said_to_be_one(sentinel: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    where = str(tmp_path / "file" / "below")
    ran = sentinel("config", "generate", "-t", "basic", "-p", "prod", "-u", "alice", "-o", where)
    assert ran.status == 2
    assert "cannot write" in ran.err


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_printed_as_it_is_published(sentinel: CommandLine, kind: str) -> None:
    published = Path(__file__).parents[2] / "docs" / "schema" / f"{kind}.json"
    assert sentinel("config", "schema", kind).out == published.read_text(encoding="utf-8")
    assert json.loads(published.read_text())["additionalProperties"] is False
