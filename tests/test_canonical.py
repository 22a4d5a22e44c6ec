"""One byte form: equal documents give equal bytes, and what has no such form is refused."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.canonical import canonical, sha256_hex, unambiguous

SCALARS = st.none() | st.booleans() | st.integers() | st.text()
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
"""Any document that may be signed."""
FLOATS = st.floats() | st.integers(-1000, 1000).map(float)

WRAPPINGS: list[Callable[[Any], Any]] = [
    lambda inner: [1, inner],
    lambda inner: (inner,),
    lambda inner: {"a": inner},
    lambda inner: {"a": [{"b": inner}]},
]


def turned(value: Any) -> Any:
    """The same document with the keys of every mapping in the opposite order."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


@given(DOCUMENTS)
def test_the_order_of_keys_is_of_no_account(value: Any) -> None:
    assert canonical(turned(value)) == canonical(value)


@given(DOCUMENTS)
def test_a_document_is_read_back_whole_and_has_no_second_form(value: Any) -> None:
    data = canonical(value)
    assert json.loads(data) == value
    assert canonical(json.loads(data)) == data


@given(DOCUMENTS, DOCUMENTS)
def test_equal_bytes_mean_equal_documents(one: Any, other: Any) -> None:
    if canonical(one) == canonical(other):
        assert one == other


@given(DOCUMENTS)
def test_bytes_are_printable_ascii_on_one_line(value: Any) -> None:
    assert all(0x20 <= byte < 0x80 for byte in canonical(value).replace(b"\x7f", b""))


@given(FLOATS, st.lists(st.sampled_from(WRAPPINGS), max_size=4))
def test_a_float_is_refused_however_deep_it_lies(
    number: float, wrappings: list[Callable[[Any], Any]]
) -> None:
    value: Any = number
    for wrap in wrappings:
        value = wrap(value)
    with pytest.raises(TypeError, match="float"):
        canonical(value)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1.0, -0.0])
def test_no_float_is_special(number: Any) -> None:
    with pytest.raises(TypeError, match="float"):
        canonical(number)


@pytest.mark.parametrize("value", [{1: "a"}, {None: "a"}, {True: "a"}, [{"a": {2: "b"}}]])
def test_a_key_that_is_not_text_is_refused_and_not_turned_into_text(value: Any) -> None:
    with pytest.raises(TypeError, match="key must be text"):
        canonical(value)


@pytest.mark.parametrize("value", [b"bytes", {"a": object()}, [{1, 2}]])
def test_what_json_has_no_word_for_is_refused(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical(value)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ({"b": 1, "a": [True, None]}, b'{"a":[true,null],"b":1}'),
        ("é", b'"\\u00e9"'),
        ("\N{GRINNING FACE}", b'"\\ud83d\\ude00"'),
        ({"Z": 1, "a": 2, "_": 3}, b'{"Z":1,"_":3,"a":2}'),
        ((1, 2), b"[1,2]"),
        (2**70, b"1180591620717411303424"),
        ({}, b"{}"),
    ],
)
def test_the_form_is_the_one_that_others_have_signed(value: Any, data: bytes) -> None:
    assert canonical(value) == data


def test_one_and_true_are_two_documents() -> None:
    assert canonical(1) != canonical(True)


@given(st.binary(max_size=200))
def test_a_hash_is_the_standards_own(data: bytes) -> None:
    assert bytes.fromhex(sha256_hex(data)) == hashlib.sha256(data).digest()
    assert sha256_hex(data) == sha256_hex(data).lower()


def test_an_object_that_has_a_key_twice_is_none() -> None:
    assert json.loads('{"a": 1, "b": {"a": 2}}', object_pairs_hook=unambiguous) == {"a": 1, "b": {"a": 2}}
    for text in ('{"a": 1, "a": 1}', '{"b": [{"a": 1, "a": 2}]}'):
        with pytest.raises(ValueError, match="twice"):
            json.loads(text, object_pairs_hook=unambiguous)
