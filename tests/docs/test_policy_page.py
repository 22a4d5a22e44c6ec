"""Every policy on the policy page is one, and every key a policy may have is on the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sentinel_server.policy import conditions, parse
from sentinel_server.policy.parse import parse_policy
from sentinel_server.policy.schema import LEASES, Effect, Mode, Override

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_is_a_policy(example: str) -> None:
    assert parse_policy(example, file="docs/policy.md").rules


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize(
    "key", [*parse.TOP_KEYS, *parse.RULE_KEYS, *conditions.KEYS, *conditions.DEVICE_KEYS]
)
def test_every_key_is_documented(key: str) -> None:
    assert f"`{key}`" in PAGE


@pytest.mark.parametrize(
    "word", [word.value for words in (Effect, Mode, Override) for word in words] + list(LEASES)
)
def test_every_word_is_documented(word: str) -> None:
    assert f"`{word}`" in PAGE
