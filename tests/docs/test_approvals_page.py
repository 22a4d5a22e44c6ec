"""The page about approvals says what the code does."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from cli import asked
from sentinel_server.policy.approval import ApprovalPolicy
from sentinel_server.policy.documents import parse_document
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.read_approval import LONGEST_REQUEST
from sentinel_server.requests.model import KEPT_FOR, REQUEST_TTL, Status
from sentinel_server.requests.signing import APPROVE, STATEMENT, statement
from sentinel_server.requests.words import JUSTIFICATION
from sentinel_server.settings.config_file import parse_config
from sentinel_server.settings.resolve import Directories
from sentinel_server.settings.table import settings_table
from tests.fakes.requests import BOB, NOON, a_request, vote_of

PAGE = (Path(__file__).parents[2] / "docs" / "approvals.md").read_text(encoding="utf-8")
DOCUMENT, *SETTINGS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
HOME = Directories(config=Path("/c"), state=Path("/s"))


def words(column: str) -> set[str]:
    """What stands in backticks in the first column of a table with this heading."""
    rows = PAGE.split(f"| {column} |")[1].split("\n\n")[0].splitlines()[2:]
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row.split("|")[1])}


def test_the_first_document_is_an_approval_policy() -> None:
    policy = parse_document(DOCUMENT.encode(), file="approvals.yaml", kind=DocumentKind.APPROVAL)
    assert isinstance(policy, ApprovalPolicy)
    assert policy.rules[0].approvals_required == 2


@pytest.mark.parametrize("text", SETTINGS)
def test_the_settings_are_settings(text: str) -> None:
    assert all(
        name.startswith("approvals.")
        for name in parse_config(text.encode(), Path("config.yaml"), HOME).values
    )


def test_every_state_is_explained() -> None:
    assert words("state") == {status.value for status in Status} | {"approved"}


def test_every_field_of_the_statement_is_explained() -> None:
    request = a_request()
    said = json.loads(statement(request, vote_of(BOB, request, NOON), "key"))
    assert words("field") == set(said)
    assert (said["format"], said["verdict"]) == (STATEMENT, APPROVE)
    assert STATEMENT in PAGE


def test_the_numbers_are_those_of_the_code() -> None:
    low, high = JUSTIFICATION
    assert f"{low} to {high} characters" in PAGE
    assert (
        timedelta(hours=8),
        timedelta(hours=24),
        timedelta(days=400),
    ) == (LONGEST_REQUEST, REQUEST_TTL, KEPT_FOR)
    assert settings_table(HOME.state, HOME.config)["approvals.max_pending"].default == "5"


def test_the_request_is_shown_as_the_command_shows_it() -> None:
    block = PAGE.split("$ sentinel request --profile prod --duration 1h")[1].split("```")[0]
    shown = [re.split(r"\s{2,}", line, maxsplit=1) for line in block.splitlines()[1:]]
    lines = dict(asked.lines(a_request(ticket="OPS-1"), NOON))
    assert [label for label, _ in shown] == list(lines)
    for label, text in shown:
        assert text in ("…", lines[label], "dev (iam:111122223333:dev)")
