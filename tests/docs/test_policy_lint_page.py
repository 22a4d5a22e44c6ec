"""`docs/policy-lint.md` explains every code, and its examples are found to have what they show."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sentinel_server.policy.lint import Code, lint

PAGE = (Path(__file__).parents[2] / "docs" / "policy-lint.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml lint=(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", Code, ids=lambda code: code.value)
def test_every_code_is_in_the_table_and_has_a_section(code: Code) -> None:
    about = code.about
    assert f"| `{code.value}` | {about.name} | {about.severity.value} | {about.text} |" in PAGE
    assert re.search(rf"^### .*\b{code.value}\b", PAGE, re.MULTILINE)


def test_the_table_has_no_code_that_lint_has_not() -> None:
    assert set(re.findall(r"\b[PS][0-9]{3}\b", PAGE)) == {code.value for code in Code}


@pytest.mark.parametrize(("expected", "text"), EXAMPLES)
def test_an_example_has_what_it_shows(expected: str, text: str) -> None:
    found = [each.code.value for each in lint(text, file="example", now=datetime(2026, 6, 1, tzinfo=UTC))]
    assert found == ([] if expected == "none" else [expected])


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 6
