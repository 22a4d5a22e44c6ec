"""Whatever the text, there is a value or an InvalidPolicy; the whole run is `python -m tests.policy.fuzz`."""

from __future__ import annotations

from itertools import islice

import pytest

from sentinel_server.policy.documents import parse_document
from sentinel_server.policy.events import (
    HAS_LIBYAML,
    MAX_NODES,
    Entries,
    Items,
    Node,
    Scalar,
    Unreadable,
    libyaml_events,
    own_events,
    read_tree,
)
from tests.policy.fuzz import LARGE_EVERY, LIMIT, documents, run
from tests.policy.test_parse import WHOLE, problem


def test_two_thousand_documents_raise_nothing_else_and_each_is_read_in_time() -> None:
    outcome = run(2000, seed=2)
    assert 100 < outcome.accepted < 1900
    assert outcome.slowest < LIMIT, outcome.text[:200]


def test_the_fuzzer_meets_every_kind_and_large_documents() -> None:
    texts = list(islice(documents(3), 1000))
    assert len(set(texts)) > 700
    assert sum(len(text) > 60_000 for text in texts) == 1000 // LARGE_EVERY
    assert all(any(f"kind: {word}\n" in text for text in texts) for word in ("approval", "bootstrap"))


def unplaced(node: Node) -> object:
    """The node without its places: readers may place an empty text differently."""
    match node:
        case Scalar(text=text, plain=plain):
            return text, plain
        case Items(nodes=nodes):
            return [unplaced(each) for each in nodes]
        case Entries(pairs=pairs):
            return [(unplaced(key), unplaced(value)) for key, value in pairs]


@pytest.mark.skipif(not HAS_LIBYAML, reason="PyYAML was built without libyaml, so there is one reader")
def test_both_readers_make_the_same_of_what_both_read() -> None:
    both = 0
    for text in islice((each for each in documents(4) if len(each) < 4096), 2000):
        try:
            ours, theirs = read_tree(text, own_events), read_tree(text, libyaml_events)
        except Unreadable:
            continue
        both += 1
        assert (ours is None) == (theirs is None)
        if ours is not None and theirs is not None:
            assert unplaced(ours) == unplaced(theirs)
    assert both > 500


def test_the_slow_reader_reads_a_policy_too() -> None:
    assert read_tree(WHOLE, own_events) == read_tree(WHOLE)


def test_more_entries_than_anybody_reviews_are_refused() -> None:
    assert f"more than {MAX_NODES} entries" in problem("[" + "a," * MAX_NODES + "]")


def test_a_tab_is_refused_wherever_it_stands() -> None:
    assert (
        problem("version:\t1") == "p.yaml:1:9: a tab; indent and separate with spaces; in quotes write `\\t`"
    )


def test_a_thousand_unknown_words_are_not_compared_with_every_known_one() -> None:
    rules = "".join(
        f"  - {{name: r{n}, effect: deny, conditions: {{time: {{days: [monday], timezone: Berlyn{n}}}}}}}\n"
        for n in range(300)
    )
    with pytest.raises(Exception, match="unknown timezone") as caught:
        parse_document(f"version: 1\nrules:\n{rules}", file="p")
    assert str(caught.value).count("did you mean") < 5
