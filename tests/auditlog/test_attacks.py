"""Weakness 32: every way to spoil a log has a word of its own, in one file, over several, and with keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pytest

from sentinel_server.auditlog.chain import Chain, Head, SealKey, finished, resting
from sentinel_server.auditlog.event import to_fields
from sentinel_server.auditlog.findings import Code, Report, Severity
from sentinel_server.auditlog.lines import parse
from sentinel_server.auditlog.verify import ExpectedHead, Keys, verify
from sentinel_server.canonical import canonical
from sentinel_server.secret import Secret
from tests.fakes.auditlogs import KEY, KEYS, START, a_log, a_name, an_event, head_of

NAME, NEXT = a_name(0), a_name(1)
OTHER_NAME = a_name(2, "b" * 16)
LATE_KEY = SealKey(Secret("1c" * 32))
BOTH = {**KEYS, LATE_KEY.id: LATE_KEY}
LINES = a_log().splitlines(keepends=True)
FOREIGN = a_log(writer="b" * 16).splitlines(keepends=True)


def a_chain_of_two_files(*, second_key: SealKey = KEY, events: int = 6) -> dict[str, bytes]:
    """A chain that was rotated once, each file with its events and a checkpoint after every third."""
    files: dict[str, bytes] = {}
    chain, after = Chain(writer="a" * 16), None
    for name, key in ((NAME, KEY), (NEXT, second_key)):
        line, chain = chain.opened(START, (), key, every=3, after=after)
        lines = [line]
        for number in range(events):
            line, chain = chain.event(to_fields(an_event(number)))
            lines.append(line)
            if chain.unsealed == 3:
                line, chain = chain.checkpoint(START, key)
                lines.append(line)
        line, chain = chain.checkpoint(START, key, **(finished(NEXT) if name == NAME else resting(3)))
        files[name] = b"".join([*lines, line])
        after = Head(file=name, seq=chain.seq - 1, hash=chain.head)
    return files


CHAIN = a_chain_of_two_files()


def found(files: Mapping[str, bytes], keys: Keys = KEYS, *expected: ExpectedHead) -> list[Code]:
    report = verify(files, keys, whole_directory=True, expected=expected)
    return [finding.code for finding in report.findings]


def edited(line: bytes) -> bytes:
    return canonical({**json.loads(line), "profile": "dev"}) + b"\n"


def unsealed(line: bytes) -> bytes:
    fields = json.loads(line)
    return canonical({name: value for name, value in fields.items() if name != "mac"}) + b"\n"


def without(lines: list[bytes], place: int) -> list[bytes]:
    return [*lines[:place], *lines[place + 1 :]]


Attack = Callable[[list[bytes]], list[bytes]]
ATTACKS: dict[str, tuple[Attack, Keys, list[Code]]] = {
    "delete": (lambda lines: without(lines, 3), KEYS, [Code.REMOVED]),
    "swap": (lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]], KEYS, [Code.REORDERED]),
    "duplicate": (lambda lines: [*lines[:3], lines[2], *lines[3:]], KEYS, [Code.DUPLICATED]),
    "truncate at a line": (lambda lines: lines[:-3], KEYS, [Code.NOT_CLOSED]),
    "truncate in a line": (lambda lines: [*lines[:-3], lines[-3][:40]], KEYS, [Code.UNFINISHED]),
    "splice": (lambda lines: [*lines[:5], *FOREIGN[5:]], KEYS, [Code.NOT_CLOSED, Code.SPLICED]),
    "change": (lambda lines: [*lines[:2], edited(lines[2]), *lines[3:]], KEYS, [Code.CHANGED]),
    "insert": (
        lambda lines: [*lines[:3], Chain(writer="a" * 16, seq=3).event({"action": "served"})[0], *lines[3:]],
        KEYS,
        [Code.INSERTED],
    ),
    "forge a seal": (lambda lines: [*lines[:4], edited(lines[4]), *lines[5:]], KEYS, [Code.BAD_CHECKPOINT]),
    "strip a seal": (lambda lines: [*lines[:4], unsealed(lines[4]), *lines[5:]], KEYS, [Code.UNSIGNED]),
    "break a line": (lambda lines: [*lines[:2], b"{}\n", *lines[3:]], KEYS, [Code.NOT_JSON]),
    "wrong key": (lambda lines: lines, {LATE_KEY.id: LATE_KEY}, [Code.WRONG_KEY]),
    "no key": (lambda lines: lines, {}, [Code.UNCHECKED]),
    "nothing": (lambda lines: lines, KEYS, []),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_w32_every_attack_on_a_file_has_a_finding_of_its_own(attack: str) -> None:
    do, keys, codes = ATTACKS[attack]
    assert found({NAME: b"".join(do(list(LINES)))}, keys) == codes


def test_w32_no_two_attacks_look_alike() -> None:
    words = [tuple(codes) for _, _, codes in ATTACKS.values()]
    assert len(set(words)) == len(words)


def test_w32_a_rotated_key_is_not_a_wrong_one() -> None:
    files = a_chain_of_two_files(second_key=LATE_KEY)
    assert found(files, BOTH) == []
    assert found(files, KEYS) == [Code.WRONG_KEY]
    mixed = a_chain_of_two_files()
    last = parse(mixed[NEXT]).lines[-1]
    line, _ = Chain(writer="a" * 16, seq=last.seq + 1, head=last.hash).checkpoint(
        START, LATE_KEY, **resting(3)
    )
    mixed[NEXT] += line
    assert found(mixed, KEYS) == [Code.ROTATED_KEY]
    assert found(mixed, BOTH) == []


def test_a_chain_over_two_files_is_clean() -> None:
    report = verify(CHAIN, KEYS, whole_directory=True)
    assert report.findings == ()
    assert [file.closed for file in report.files] == [True, True]


def test_the_second_file_of_a_chain_can_be_verified_by_itself() -> None:
    assert verify({NEXT: CHAIN[NEXT]}, KEYS).findings == ()


def test_lines_missing_at_the_beginning_of_a_second_file_are_counted_from_where_it_began() -> None:
    lines = CHAIN[NEXT].splitlines(keepends=True)
    report = verify({NAME: CHAIN[NAME], NEXT: b"".join(lines[2:])}, KEYS)
    (finding,) = report.findings
    assert finding.code is Code.REMOVED
    assert finding.text.startswith("2 lines are missing")


@pytest.mark.parametrize(
    ("gone", "code"), [(NAME, Code.EARLIER_MISSING), (NEXT, Code.NEXT_MISSING)], ids=["first", "second"]
)
def test_a_missing_piece_of_a_chain_is_not_tampering_by_itself(gone: str, code: Code) -> None:
    assert found({name: content for name, content in CHAIN.items() if name != gone}) == [code]
    assert code.severity is Severity.INCOMPLETE


def test_lines_cut_off_before_the_next_file_are_known_to_it() -> None:
    cut = b"".join(CHAIN[NAME].splitlines(keepends=True)[:-2])
    assert found({**CHAIN, NAME: cut}) == [Code.NOT_CLOSED, Code.CUT_BACK]


def test_lines_written_after_a_file_was_finished_are_inserted() -> None:
    last = parse(CHAIN[NAME]).lines[-1]
    more, _ = Chain(writer="a" * 16, seq=last.seq + 1, head=last.hash).event({"action": "served"})
    assert Code.INSERTED in found({**CHAIN, NAME: CHAIN[NAME] + more})


def test_a_copy_of_a_file_under_another_name_is_a_duplicate() -> None:
    assert found({NAME: CHAIN[NAME], NEXT: CHAIN[NEXT], a_name(5): CHAIN[NEXT]}) == [Code.DUPLICATED]


def test_a_file_under_the_name_of_another_writer_is_not_that_writers() -> None:
    report = verify({OTHER_NAME: a_log()}, KEYS)
    assert [finding.code for finding in report.findings] == [Code.REPLACED]
    assert "holds the log of writer aaaaaaaaaaaaaaaa" in report.findings[0].text


# ---- heads that were noted elsewhere


def the_head(files: Mapping[str, bytes], name: str) -> ExpectedHead:
    head = head_of(name, files[name])
    return ExpectedHead(writer="a" * 16, seq=head.seq, hash=head.hash)


def test_a_log_that_has_the_noted_head_is_clean_also_when_it_went_on() -> None:
    assert found(CHAIN, KEYS, the_head(CHAIN, NAME), the_head(CHAIN, NEXT)) == []


def test_w32_a_tail_cut_off_at_a_rest_is_shown_by_a_noted_head() -> None:
    rest, chain = Chain(writer="a" * 16).opened(START, (), KEY, every=3)
    log, heads = [rest], []
    for number in range(3):
        line, chain = chain.event(to_fields(an_event(number)))
        rest, chain = chain.checkpoint(START, KEY, **resting(3))
        log += [line, rest]
        heads.append(ExpectedHead(writer="a" * 16, seq=chain.seq - 1, hash=chain.head))
    cut = {NAME: b"".join(log[:-2])}
    assert found(cut) == []
    assert found(cut, KEYS, heads[1]) == []
    assert found(cut, KEYS, heads[2]) == [Code.CUT_BACK]


def test_a_chain_that_is_gone_altogether_is_shown_by_a_noted_head() -> None:
    report = verify(CHAIN, KEYS, expected=[ExpectedHead(writer="c" * 16, seq=3, hash="0" * 64)])
    assert [(each.code, each.file) for each in report.findings] == [(Code.MISSING_FILE, "c" * 16)]
    assert report.exit_status == 1


def test_another_line_in_the_place_of_the_noted_one_is_a_replaced_log() -> None:
    assert found(CHAIN, KEYS, ExpectedHead(writer="a" * 16, seq=4, hash="0" * 64)) == [Code.REPLACED]


def test_a_noted_head_in_a_file_that_was_thinned_out_is_incomplete() -> None:
    report = verify({NEXT: CHAIN[NEXT]}, KEYS, expected=[the_head(CHAIN, NAME)])
    assert [finding.code for finding in report.findings] == [Code.EARLIER_MISSING]
    assert report.exit_status == 6


def test_every_file_tells_the_head_to_note() -> None:
    def heads(report: Report) -> list[ExpectedHead]:
        return [
            ExpectedHead(writer=file.writer, seq=file.head.seq, hash=file.head.hash)
            for file in report.files
            if file.head is not None
        ]

    assert heads(verify(CHAIN, KEYS)) == [the_head(CHAIN, NAME), the_head(CHAIN, NEXT)]
