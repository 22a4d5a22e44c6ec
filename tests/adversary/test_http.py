"""The loopback server under fire: whatever bytes come, only fetches with the token get credentials."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adversary.attack import Outcome, a_site, attack
from tests.adversary.messages import (
    ALIVE,
    BAD_CHUNKS,
    BROKEN,
    FETCH,
    FETCHES,
    LAST,
    LOST,
    NOISE,
    STRANGERS,
    WHOLE,
    Message,
    T,
)
from tests.fakes.raw_http import ask, connected

UNENDING = st.sampled_from([each for each in (*FETCHES, *ALIVE, *STRANGERS, *LOST) if not each.ends])
CUTS = st.lists(st.integers(0, 2000), max_size=6)
"""Where what is sent is cut into pieces."""


def cut(data: bytes, at: Sequence[int]) -> list[bytes]:
    """The data in pieces."""
    edges = [0, *sorted(each % (len(data) + 1) for each in at), len(data)]
    return [data[one:other] for one, other in pairwise(edges)]


def answered(messages: Sequence[Message]) -> list[Message]:
    """Those that get an answer: up to the first that ends the connection, and LAST does."""
    every = [*messages, Message(LAST, 200, ends=True)]
    return every[: next(at for at, each in enumerate(every, 1) if each.ends)]


def assert_silent(outcome: Outcome) -> None:
    """Nothing that was sent, and no secret, is in the log."""
    assert not any(word in outcome.log for word in (T.decode(), "canary", "evil", "/credentials", "smuggled"))


def numbers(outcome: Outcome) -> list[int]:
    """Which fetch each answer with credentials is of; the child made the first."""
    return [int(n) - 1 for a in outcome.answers for n in re.findall(rb"ASIACANARY(\d+)", a.body)]


@settings(max_examples=150)
@given(st.lists(WHOLE, max_size=6), CUTS)
def test_every_request_of_a_connection_gets_its_own_answer_in_order(
    messages: list[Message], at: list[int]
) -> None:
    outcome = attack(cut(b"".join(each.text for each in messages) + LAST, at))
    heard = answered(messages)
    assert outcome.statuses == [each.status for each in heard]
    fetched = sum(each in FETCHES for each in heard)
    assert (outcome.fetches, numbers(outcome)) == (fetched, list(range(1, fetched + 1)))
    assert_silent(outcome)


@settings(max_examples=150)
@given(st.lists(UNENDING, max_size=3), st.sampled_from(BROKEN), st.lists(WHOLE, max_size=2), CUTS)
def test_what_two_readers_could_read_in_two_ways_ends_the_connection(
    before: list[Message], broken: Message, after: list[Message], at: list[int]
) -> None:
    """Requests that came in the same breath may share its fate, and get no answer of their own."""
    sent = [*before, broken, *after]
    outcome = attack(cut(b"".join(each.text for each in sent) + NOISE, at))
    *served, last = outcome.statuses
    assert last == 400
    assert served == [each.status for each in before][: len(served)]
    assert outcome.fetches <= sum(each in FETCHES for each in before)
    assert_silent(outcome)


def test_what_comes_after_a_body_is_no_part_of_the_next_request() -> None:
    """Trailers that are taken for headers of the next request would give it a token."""
    trailing = b"Transfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: " + T + b"\r\n\r\n"
    bodied = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n" + trailing
    naked = b"GET /credentials HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    for pieces in ([bodied + naked + LAST], [bodied, naked, LAST]):
        outcome = attack(pieces)
        assert (outcome.statuses, outcome.fetches) == ([200], 0)


@pytest.mark.parametrize("broken", BROKEN, ids=range(len(BROKEN)))
def test_each_of_these_is_refused_by_itself(broken: Message) -> None:
    outcome = attack([broken.text, NOISE])
    assert (outcome.statuses, outcome.fetches) == ([400], 0)


@pytest.mark.parametrize("broken", BAD_CHUNKS, ids=range(len(BAD_CHUNKS)))
def test_a_body_that_breaks_off_gives_nothing_away_and_hides_no_request(broken: Message) -> None:
    outcome = attack([broken.text, NOISE])
    assert set(outcome.statuses) <= {400, 403}
    assert outcome.fetches == 0
    assert_silent(outcome)


@pytest.mark.parametrize("version", [b"1.0", b"0.9", b"2.0"])
def test_other_versions_get_one_answer_by_the_same_rules(version: bytes) -> None:
    theirs = FETCH.replace(b"HTTP/1.1", b"HTTP/" + version)
    assert attack([theirs]).statuses == [200]
    outcome = attack([theirs.replace(T, T[:-1])])
    assert (outcome.statuses, outcome.fetches) == ([403], 0)


@settings(max_examples=60)
@given(st.lists(WHOLE, max_size=4), CUTS)
def test_another_users_socket_gets_nothing_whatever_it_sends(messages: list[Message], at: list[int]) -> None:
    outcome = attack(cut(b"".join(each.text for each in messages) + LAST, at), ours=False)
    assert outcome.fetches == 0
    served = [403 if each in FETCHES else each.status for each in answered(messages)]
    assert outcome.statuses == served


BITS = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"\r\n\r\n",
    b"0\r\n\r\n",
    b"\xff",
    b"HTTP/1.1",
    T,
]
SEEDS = [each.text for each in (*FETCHES, *STRANGERS, *LOST, *ALIVE, *BROKEN, *BAD_CHUNKS)]


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """Some messages with bits taken out, put in, doubled and turned."""
    data = bytearray(b"".join(draw(st.lists(st.sampled_from(SEEDS), min_size=1, max_size=3))))
    for _ in range(draw(st.integers(1, 8))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.sampled_from([0, 0, 1, 2, 10, 200]))
        bit = draw(st.sampled_from(BITS) | st.binary(max_size=3))
        data[start:end] = draw(st.sampled_from([bit, b"", data[start:end] * 2, bytes(data[start:end][::-1])]))
    return bytes(data)


_PARTS = [
    re.compile(part, re.IGNORECASE)
    for part in (
        rb"\nauthorization:[ \t]*" + re.escape(T) + rb"[ \t]*\r\n",
        rb"\nhost:[ \t]*127\.0\.0\.1[ \t]*\r\n",
        rb"GET +/credentials[? ]",
    )
]


def could_fetch(data: bytes) -> int:
    """At most so many fetches with our token, under our name, are in it."""
    return min(len(part.findall(data)) for part in _PARTS)


@settings(max_examples=120)
@given(mangled(), CUTS)
def test_only_what_has_the_token_and_our_name_can_fetch(data: bytes, at: list[int]) -> None:
    outcome = attack(cut(data + NOISE, at))
    assert outcome.fetches <= could_fetch(data)
    assert outcome.credentials <= outcome.fetches
    assert_silent(outcome)


@settings(max_examples=200)
@given(mangled(), CUTS)
def test_nothing_fetches_without_the_token(data: bytes, at: list[int]) -> None:
    outcome = attack(cut(data.replace(T, T[:-1] + b"w") + NOISE, at))
    assert (outcome.fetches, outcome.credentials) == (0, 0)
    assert_silent(outcome)


def test_the_attacker_would_see_credentials_that_were_served() -> None:
    outcome = attack([FETCH + LAST])
    assert (outcome.statuses, outcome.fetches, outcome.credentials) == ([200, 200], 1, 1)
    assert numbers(outcome) == [1]


def test_half_closing_after_a_request_changes_nothing_for_others() -> None:
    async def half_close() -> int:
        site = a_site()
        async with site.server:
            reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
            writer.write(FETCH + FETCH[:40])
            writer.write_eof()
            async with asyncio.timeout(5):
                await reader.read()
            writer.transport.abort()
        return site.door.inside

    assert asyncio.run(half_close()) == 0
    assert attack([LAST]).statuses == [200]


def test_heads_that_never_end_keep_no_child_out() -> None:
    """Each in a place of its own, until there are more than there is room for."""

    async def crowd() -> list[int]:
        site = a_site(max_connections=8)
        async with site.server, AsyncExitStack() as stack:
            seen = []
            for _ in range(24):
                slow = await stack.enter_async_context(connected(site.port))
                slow.send(FETCH[:-2])
                seen.append((await ask(site.port, site.request())).status)
            return seen

    assert asyncio.run(crowd()) == [200] * 24
