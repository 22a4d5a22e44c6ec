"""`docs/audit.md` speaks of everything that a log can hold and that verifying it can find."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from sentinel_server.auditlog.chain import CHECKPOINT, CHECKPOINT_EVERY, OPENED
from sentinel_server.auditlog.event import TEXT_LIMIT, Action, AuditEvent
from sentinel_server.auditlog.findings import Code

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
SAID = set(re.findall(r"`([a-z_0-9]+)`", PAGE))


@pytest.mark.parametrize("code", Code, ids=lambda code: code.word)
def test_every_finding_is_explained_with_its_severity(code: Code) -> None:
    assert f"| `{code.word}` | {code.severity.value} | " in PAGE


def test_every_field_and_action_is_explained() -> None:
    assert {field.name for field in fields(AuditEvent)} <= SAID
    assert {action.value for action in Action} | {OPENED, CHECKPOINT} <= SAID


def test_the_numbers_are_right() -> None:
    assert f"over {TEXT_LIMIT} characters" in PAGE
    assert f"after every {CHECKPOINT_EVERY} lines" in PAGE
