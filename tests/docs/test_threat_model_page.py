"""Every threat of `docs/threat-model.md` has tests that are there, or says that nothing is prevented."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.fakes.processes import REPOSITORY

PAGE = (REPOSITORY / "docs" / "threat-model.md").read_text(encoding="utf-8")


def rows(title: str) -> dict[str, str]:
    """The two columns of the table under a heading."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    cells = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    assert all(len(each) == 2 for each in cells)
    return {threat: said.strip() for threat, said in cells[1:]}


ANSWERS = rows("Threats and answers")
HELD = rows("What holds each answer")
NAMED = sorted({name for cell in HELD.values() for name in re.findall(r"`([^`]+)`", cell)})


def names_in(file: Path) -> set[str]:
    """The names of its tests."""
    nodes = ast.parse(file.read_text(encoding="utf-8")).body
    return {each.name for each in nodes if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_threat_is_in_both_tables_and_in_one_order() -> None:
    assert list(HELD) == list(ANSWERS)
    assert len(HELD) > 50


@pytest.mark.parametrize("threat", HELD)
def test_a_threat_has_tests_unless_its_answer_is_that_there_is_none(threat: str) -> None:
    tested = re.fullmatch(r"`[^`, ]+`(, `[^`, ]+`)*", HELD[threat])
    if tested is None:
        assert HELD[threat] == "-"
        assert ANSWERS[threat].startswith(("not ", "true, "))


@pytest.mark.parametrize("name", NAMED)
def test_a_test_that_is_named_exists(name: str) -> None:
    file, _, test = name.partition("::")
    assert test.startswith("test_")
    assert test in names_in(REPOSITORY / "tests" / file)
