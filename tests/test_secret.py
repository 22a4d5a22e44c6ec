"""A secret leaves by `reveal()` and by no other way."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.secret import Secret

CANARY = "wJalrXUtnFEMI-canary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Something of ours that has a secret in it."""

    name: str
    secret: Secret


WAYS: list[Callable[[Secret], str]] = [
    repr,
    str,
    ascii,
    format,
    pprint.pformat,
    lambda secret: f"{secret} {secret!r} {secret!s:>40}",
    lambda secret: "%s %r" % (secret, secret),  # noqa: UP031  # logging formats this way
    lambda secret: "{} {!r}".format(secret, secret),  # noqa: UP032  # and so do others
    lambda secret: str([secret, {"key": secret}]),
    lambda secret: repr(Holder(name="dev", secret=secret)),
    lambda secret: str(ValueError(secret)),
]


@pytest.mark.parametrize("way", WAYS)
def test_no_way_of_printing_shows_it(way: Callable[[Secret], str]) -> None:
    text = way(Secret(CANARY))
    assert "***" in text
    assert CANARY not in text


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_not_pickled_alone_or_inside_something(protocol: int) -> None:
    for value in (Secret(CANARY), [Secret(CANARY)], Holder(name="dev", secret=Secret(CANARY))):
        with pytest.raises(TypeError, match="not pickled") as caught:
            pickle.dumps(value, protocol)
        assert CANARY not in str(caught.value)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_it_is_not_copied(copied: Callable[[Secret], Secret]) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        copied(Secret(CANARY))


def test_it_is_not_json_and_has_no_attributes_to_list() -> None:
    with pytest.raises(TypeError) as caught:
        json.dumps({"key": Secret(CANARY)})
    assert CANARY not in str(caught.value)
    assert not hasattr(Secret(CANARY), "__dict__")


def test_a_traceback_with_local_variables_does_not_show_it() -> None:
    def fails(key: Secret) -> None:
        raise RuntimeError(f"cannot use {key}")

    with pytest.raises(RuntimeError) as caught:
        fails(Secret(CANARY))
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    text = "".join(told.format())
    assert "key = Secret(***)" in text
    assert CANARY not in text


def test_a_log_line_does_not_show_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("sentinel.test").debug("signing with %s for %r", Secret(CANARY), Secret(CANARY))
    assert "signing with Secret(***)" in caplog.text
    assert CANARY not in caplog.text


@given(st.text(), st.text())
def test_two_are_equal_when_their_texts_are(one: str, other: str) -> None:
    assert (Secret(one) == Secret(other)) == (one == other)
    assert Secret(one).matches(other.encode()) == (one == other)
    assert hash(Secret(one)) == hash(Secret(str(one)))


@given(st.text())
def test_its_text_is_not_equal_to_it(text: str) -> None:
    assert Secret(text) != text
    assert len({Secret(text), Secret(text)}) == 1


@given(st.text())
def test_it_reveals_what_it_was_given_and_is_true_unless_empty(text: str) -> None:
    assert Secret(text).reveal() == text
    assert bool(Secret(text)) == bool(text)
