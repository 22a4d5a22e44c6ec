"""`docs/audit.md` speaks of everything that a log can hold and that verifying it can find."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

from sentinel_server.auditlog.chain import CHECKPOINT, CHECKPOINT_EVERY, OPENED
from sentinel_server.auditlog.event import TEXT_LIMIT, Action, AuditEvent
from sentinel_server.auditlog.findings import Code, Severity
from tests.fakes.command_words import lacking

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "audit.md").read_text()
RUNBOOK = (DOCS / "runbooks" / "audit-findings.md").read_text()
CHAPTERS = {
    Severity.TAMPERED: "Tampered with",
    Severity.INCOMPLETE: "Not all could be checked",
    Severity.NOTE: "Notes",
}
"""Where the runbook has the findings of each kind."""
SAID = set(re.findall(r"`([a-z_0-9]+)`", PAGE))


@pytest.mark.parametrize("code", Code, ids=lambda code: code.word)
def test_every_finding_is_explained_with_its_severity(code: Code) -> None:
    assert f"| `{code.word}` | {code.severity.value} | " in PAGE


@pytest.mark.parametrize("code", Code, ids=lambda code: code.word)
def test_every_finding_has_a_section_that_says_who_could_and_what_to_do(code: Code) -> None:
    chapters = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL))
    chapter = chapters[CHAPTERS[code.severity]]
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", chapter, re.MULTILINE | re.DOTALL))
    labels = re.findall(r"^- \*\*(\w+):\*\* \w", sections[code.word], re.MULTILINE)
    assert labels == ["Means", "Who", "Do"]


def test_the_runbook_has_no_finding_that_there_is_not() -> None:
    sections = re.findall(r"^### (.*)$", RUNBOOK, re.MULTILINE)
    assert sections == [code.word for code in Code]


@pytest.mark.parametrize("command", re.findall(r"`sentinel ([^`]*)`", RUNBOOK))
def test_every_command_of_the_runbook_can_be_typed(command: str) -> None:
    assert lacking(shlex.split(command)) == []


def test_refusals_are_added_up_and_their_lines_not_counted() -> None:
    query = PAGE.partition('| filter action = "refused"')[2].partition("```")[0]
    assert "stats sum(count) as refusals" in query


def test_every_field_and_action_is_explained() -> None:
    assert {field.name for field in fields(AuditEvent)} <= SAID
    assert {action.value for action in Action} | {OPENED, CHECKPOINT} <= SAID


def test_the_numbers_are_right() -> None:
    assert f"over {TEXT_LIMIT} characters" in PAGE
    assert f"after every {CHECKPOINT_EVERY} lines" in PAGE
