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
        {"Responses": {"sentinel-sessions": {}}},
        {"Responses": {"sentinel-sessions": ""}},
        {"Responses": {"sentinel-requests": []}},
        {"Responses": {"sentinel-sessions": [{}]}},
        {"Responses": {"sentinel-sessions": [{"id": {"S": "block#somebody#else"}}]}},
        {"Responses": {"sentinel-sessions": [{"id": {"S": "block#everyone#"}, "n": 1}]}},
        {"Responses": {"sentinel-sessions": []}, "UnprocessedKeys": {"sentinel-sessions": {}}},
    ],
)
async def test_an_answer_that_is_none_never_reads_as_nobody_is_blocked(answer: dict[str, Any]) -> None:
    with pytest.raises(StoreUnavailable):
        await items(answer).get(["block#everyone#"])


async def test_a_table_asked_for_by_its_arn_may_be_answered_under_its_name() -> None:
    arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/sentinel-sessions"
    table = Items(cast(Any, Garbling({"Responses": {"sentinel-sessions": []}})), arn, "id")
    assert await table.get(["block#everyone#"]) == ()


@pytest.mark.parametrize("number", ["--5", "1.5", "1" * 5000, "٣", "", "1e3"])
async def test_a_number_that_is_not_whole_is_no_value(number: str) -> None:
    row = {"id": {"S": "a"}, "n": {"N": number}}
    assert await items({"Responses": {"sentinel-sessions": [row]}}).get(["a"]) == ({"id": "a", "n": ""},)


async def test_an_empty_list_under_the_tables_name_is_an_answer() -> None:
    assert await items({"Responses": {"sentinel-sessions": []}}).get(["block#everyone#"]) == ()
