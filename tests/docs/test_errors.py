"""`docs/errors.md` explains every error, with the numbers that it really has, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sentinel_server.errors import SentinelError, all_errors

PAGE = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()
HEAD, *SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)
EXPLAINED = {section.partition("\n")[0]: section.partition("\n")[2].strip() for section in SECTIONS}
OURS = [error for error in all_errors() if error.__module__.startswith("sentinel_server.errors.")]


@pytest.mark.parametrize("error", OURS, ids=lambda error: error.code)
def test_every_error_is_explained_with_its_numbers(error: type[SentinelError]) -> None:
    numbers = f"Exit status {error.exit_status}, HTTP status {error.http_status}. "
    assert EXPLAINED[error.code].startswith(numbers)
    assert len(EXPLAINED[error.code]) > len(numbers) + 40


def test_nothing_is_explained_that_is_no_error() -> None:
    assert list(EXPLAINED) == [error.code for error in OURS]


def test_no_two_errors_share_a_code() -> None:
    assert len({error.code for error in OURS}) == len(OURS)


def test_every_exit_status_has_its_meaning() -> None:
    said = {
        int(number)
        for row in re.findall(r"^\| ([\d, ]+) \|", HEAD, re.MULTILINE)
        for number in row.split(",")
    }
    assert {error.exit_status for error in OURS} <= said
