"""What is an answer of AWS's, and what is only a page with status 200."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from sentinel_server.adapters.aws.answers import answer_errors, from_aws
from sentinel_server.errors import BadInput, PolicyUnavailable, SentinelError, StoreUnavailable

GOOD: dict[str, Any] = {"ResponseMetadata": {"RequestId": "0f6a4c3e-0000-4000-8000-000000000001"}}


@pytest.mark.parametrize(
    "answer",
    [{}, {"ResponseMetadata": {}}, {"ResponseMetadata": {"RequestId": ""}}, {"ResponseMetadata": None}],
    ids=str,
)
def test_an_answer_without_a_request_id_is_none(answer: Any) -> None:
    none = pytest.raises(PolicyUnavailable, match="reading it: the answer is not one of AWS")
    with none, answer_errors("reading it", PolicyUnavailable):
        from_aws(answer)
    assert from_aws({**GOOD, "Version": 7})["Version"] == 7


@pytest.mark.parametrize("lacks", ["Version", "Parameter"])
def test_what_an_answer_lacks_makes_it_none(lacks: str) -> None:
    none = pytest.raises(StoreUnavailable, match="writing it: the answer is not one of AWS")
    with none, answer_errors("writing it", StoreUnavailable):
        assert GOOD[lacks]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (BadInput("no such key"), "no such key"),
        (ClientError({"Error": {"Code": "Slow", "Message": "down"}}, "GetParameter"), "Slow"),
    ],
    ids=["ours", "AWS's"],
)
def test_what_was_understood_keeps_its_own_error(error: Exception, said: str) -> None:
    with pytest.raises(SentinelError, match=said) as caught, answer_errors("reading it", StoreUnavailable):
        raise error
    assert "not one of AWS" not in caught.value.message
