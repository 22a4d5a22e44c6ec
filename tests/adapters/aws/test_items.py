"""An answer of DynamoDB counts only when it is one."""

from __future__ import annotations

from typing import Any, cast

import pytest

from sentinel_server.adapters.aws.dynamodb import Items
from sentinel_server.errors import StoreUnavailable


class _Missing(Exception):
    """Stands where botocore has its ResourceNotFoundException."""


class Garbling:
    """A client that answers every batch read with what a test put here."""

    class exceptions:
        """The one error that is asked for by name."""

        ResourceNotFoundException = _Missing

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer

    async def batch_get_item(self, **_: object) -> dict[str, Any]:
        """The answer."""
        return self.answer


def items(answer: dict[str, Any]) -> Items:
    """A table whose reads are answered so."""
    return Items(cast(Any, Garbling(answer)), "sentinel-sessions", "id")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"Responses": {}},
        {"Responses": None},
        {"Responses": {"a": [], "b": []}},
        {"Responses": {"sentinel-sessions": None}},
        {"Responses": {"sentinel-sessions": []}, "UnprocessedKeys": {"sentinel-sessions": {}}},
    ],
)
async def test_an_answer_that_is_none_never_reads_as_nobody_is_blocked(answer: dict[str, Any]) -> None:
    with pytest.raises(StoreUnavailable):
        await items(answer).get(["block#everyone#"])


async def test_an_empty_list_under_the_tables_name_is_an_answer() -> None:
    assert await items({"Responses": {"sentinel-sessions": []}}).get(["block#everyone#"]) == ()
