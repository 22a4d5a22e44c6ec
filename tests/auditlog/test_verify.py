"""Every attack on every position of a small log is reported as what it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sentinel_server.auditlog.chain import Chain, SealKey
from sentinel_server.auditlog.event import to_fields
from sentinel_server.auditlog.findings import Code, FileReport
from sentinel_server.auditlog.lines import parse
from sentinel_server.auditlog.verify import Keys, verify
from sentinel_server.canonical import Json, canonical
from sentinel_server.secret import Secret
from tests.fakes.auditlogs import KEYS, a_log, a_name, an_event, head_of

LOG = a_log()
LINES = LOG.splitlines(keepends=True)
LAST = len(LINES) - 1
EVENTS = [index for index, line in enumerate(LINES) if b'"served"' in line]
SEALED = [index for index in range(len(LINES)) if index not in EVENTS]
OTHER_KEY = SealKey(Secret("1c" * 32))


def report(*lines: bytes) -> FileReport:
    (only,) = verify({a_name(0): b"".join(lines)}, KEYS).files
    return only


def codes(*lines: bytes) -> list[Code]:
    return [finding.code for finding in report(*lines).findings]


def edited(line: bytes, **fields: Json) -> bytes:
    return canonical({**json.loads(line), **fields}) + b"\n"


def test_an_untouched_log_has_no_findings() -> None:
    found = report(LOG)
    assert found.findings == ()
    assert found.closed
    assert (found.lines, found.sealed) == (len(LINES), len(SEALED))


@pytest.mark.parametrize("index", EVENTS)
@pytest.mark.parametrize(
    "change",
    [{"profile": "dev"}, {"seq": 999}, {"seq": 0}, {"prev": "0" * 64}, {"person": "u.bob", "prev": "0" * 64}],
    ids=str,
)
def test_a_changed_line_is_named(index: int, change: dict[str, Json]) -> None:
    (finding,) = report(*LINES[:index], edited(LINES[index], **change), *LINES[index + 1 :]).findings
    assert finding.code is Code.CHANGED
    assert finding.line == index + 1


@pytest.mark.parametrize("index", EVENTS)
def test_a_line_that_is_no_longer_json_is_named(index: int) -> None:
    (finding,) = report(*LINES[:index], b"\0" + LINES[index], *LINES[index + 1 :]).findings
    assert finding.code is Code.NOT_JSON
    assert finding.line == index + 1


@pytest.mark.parametrize("index", range(LAST))
@pytest.mark.parametrize("many", [1, 2, 3])
def test_removed_lines_are_counted(index: int, many: int) -> None:
    many = min(many, LAST - index)
    (finding,) = report(*LINES[:index], *LINES[index + many :]).findings
    assert finding.code is Code.REMOVED
    assert finding.line == index + 1
    assert finding.text.startswith(f"{many} line")


@pytest.mark.parametrize("first", range(LAST + 1))
@pytest.mark.parametrize("second", range(LAST + 1))
def test_swapped_lines_are_reordered_lines(first: int, second: int) -> None:
    lines = list(LINES)
    lines[first], lines[second] = lines[second], lines[first]
    found = set(codes(*lines)) - {Code.NOT_CLOSED}
    assert found == ({Code.REORDERED} if first != second else set())


@pytest.mark.parametrize("index", range(LAST + 1))
@pytest.mark.parametrize("place", range(LAST + 2))
def test_a_copy_of_a_line_is_a_duplicate_wherever_it_stands(index: int, place: int) -> None:
    found = report(*LINES[:place], LINES[index], *LINES[place:]).findings
    (copy,) = (finding for finding in found if finding.code is not Code.NOT_CLOSED)
    assert copy.code is Code.DUPLICATED
    assert copy.line in {index + 1, index + 2, place + 1}
    assert copy.seq == index


@pytest.mark.parametrize("place", range(1, LAST + 2))
@pytest.mark.parametrize("chained", [True, False])
def test_a_line_that_was_slipped_in_is_inserted(place: int, chained: bool) -> None:
    above = parse(LINES[place - 1]).lines[0]
    head = above.hash if chained else "7" * 64
    forged, _ = Chain(writer="a" * 16, seq=place, head=head).event(to_fields(an_event(77)))
    found = report(*LINES[:place], forged, *LINES[place:]).findings
    (finding,) = (finding for finding in found if finding.code is not Code.NOT_CLOSED)
    assert finding.code is Code.INSERTED
    assert finding.line == place + 1


@pytest.mark.parametrize("place", range(LAST + 2))
def test_w32_lines_of_another_log_are_spliced_in(place: int) -> None:
    foreign = a_log(events=1, writer="b" * 16).splitlines(keepends=True)
    found = set(codes(*LINES[:place], *foreign, *LINES[place:])) - {Code.NOT_CLOSED}
    assert found == {Code.SPLICED}


@pytest.mark.parametrize("index", SEALED)
@pytest.mark.parametrize(
    "change", [{"at": "never"}, {"mac": "0" * 64}, {"mac": 1.5}, {"key": None}, {"every": 9}], ids=str
)
def test_an_edited_checkpoint_has_a_bad_seal(index: int, change: dict[str, object]) -> None:
    line = json.dumps({**json.loads(LINES[index]), **change}).encode() + b"\n"
    (finding,) = report(*LINES[:index], line, *LINES[index + 1 :]).findings
    assert finding.code is Code.BAD_CHECKPOINT
    assert finding.line == index + 1


@pytest.mark.parametrize("index", EVENTS)
def test_rewriting_the_rest_of_the_chain_without_the_key_breaks_every_seal_after_it(index: int) -> None:
    above = parse(LINES[index - 1]).lines[0]
    chain = Chain(writer="a" * 16, seq=index, head=above.hash)
    forged = []
    for line in LINES[index:]:
        fields = {name: value for name, value in json.loads(line).items() if name not in ("v", "seq", "prev")}
        line, chain = chain.event({**fields, "profile": "dev"})
        forged.append(line)
    assert codes(*LINES[:index], *forged) == [Code.BAD_CHECKPOINT] * sum(seal > index for seal in SEALED)


@pytest.mark.parametrize("index", SEALED[1:-1])
def test_a_checkpoint_made_to_look_final_has_a_bad_seal(index: int) -> None:
    (finding,) = report(*LINES[:index], edited(LINES[index], final=True), *LINES[index + 1 :]).findings
    assert finding.code is Code.BAD_CHECKPOINT


def test_leaving_out_the_checkpoints_shows() -> None:
    chain = Chain(writer="a" * 16, seq=1, head=parse(LINES[0]).lines[0].hash)
    forged = []
    for number in range(5):
        line, chain = chain.event(to_fields(an_event(number)))
        forged.append(line)
    assert codes(LINES[0], *forged) == [Code.MISSING_CHECKPOINT, Code.NOT_CLOSED]


def test_a_log_without_its_opening_is_not_accepted() -> None:
    line, chain = Chain(writer="a" * 16).event(to_fields(an_event()))
    assert Code.BROKEN in codes(line, chain.event(to_fields(an_event(1)))[0])


@pytest.mark.parametrize("keep", range(1, LAST + 1))
def test_a_log_whose_writer_was_killed_is_not_closed_and_not_tampered_with(keep: int) -> None:
    found = verify({a_name(0): b"".join(LINES[:keep])}, KEYS)
    assert [finding.code for finding in found.findings] == [Code.NOT_CLOSED]
    assert found.exit_status == 0


@pytest.mark.parametrize("cut", range(1, len(LINES[-1])))
def test_a_last_line_without_its_end_is_unfinished(cut: int) -> None:
    found = verify({a_name(0): LOG[:-cut]}, KEYS)
    assert [finding.code for finding in found.findings] == [Code.UNFINISHED]
    assert found.exit_status == 6


def test_an_empty_file_is_unfinished() -> None:
    assert codes(b"") == [Code.UNFINISHED]


@pytest.mark.parametrize(("keys", "code"), [({}, Code.UNCHECKED), (KEYS, Code.WRONG_KEY)])
def test_seals_of_a_key_that_is_not_here_are_said_not_to_be_checked(keys: Keys, code: Code) -> None:
    found = verify({a_name(0): a_log(key=OTHER_KEY)}, keys)
    assert [finding.code for finding in found.findings] == [code]
    assert found.exit_status == 6


def test_without_a_key_a_changed_line_still_shows() -> None:
    found = verify({a_name(0): b"".join([*LINES[:2], edited(LINES[2], profile="dev"), *LINES[3:]])}, {})
    assert {finding.code for finding in found.findings} == {Code.CHANGED, Code.UNCHECKED}


def test_without_a_key_a_changed_first_line_still_shows() -> None:
    found = verify({a_name(0): b"".join([edited(LINES[0], prev="0" * 64), *LINES[1:]])}, {})
    assert [finding.line for finding in found.findings if finding.code is Code.CHANGED] == [1]


def test_a_line_that_is_no_json_explains_the_break_beside_it() -> None:
    lines = [*LINES[:3], b"junk\n", edited(LINES[3], prev="0" * 64), *LINES[4:]]
    assert Code.NOT_JSON in codes(*lines)
    assert report(*lines).findings[0].line == 4


FIRST, SECOND, THIRD = a_name(0), a_name(1, "b" * 16), a_name(2, "c" * 16)
A = a_log(closed=False)
B = a_log(writer="b" * 16, seen=(head_of(FIRST, A),))
C = a_log(writer="c" * 16, seen=(head_of(FIRST, A), head_of(SECOND, B)))


def directory(**files: bytes) -> list[Code]:
    names = {"a": FIRST, "b": SECOND, "c": THIRD}
    found = verify({names[key]: content for key, content in files.items()}, KEYS, whole_directory=True)
    return [finding.code for finding in found.findings if finding.code is not Code.NOT_CLOSED]


def test_a_directory_as_it_was_left_is_clean() -> None:
    assert directory(a=A, b=B, c=C) == []


def test_a_file_that_went_on_after_it_was_seen_is_clean() -> None:
    assert directory(a=a_log(events=12), b=B, c=C) == []


def test_a_file_removed_from_the_middle_is_missing() -> None:
    assert directory(a=A, c=C) == [Code.MISSING_FILE]


def test_the_oldest_file_may_have_been_thinned_out() -> None:
    assert directory(b=B, c=C) == [Code.EARLIER_MISSING]


def test_files_named_one_by_one_need_not_be_all() -> None:
    assert verify({THIRD: C}, KEYS).findings == ()


def test_a_file_cut_back_at_a_line_is_shown_by_the_next_one() -> None:
    assert directory(a=b"".join(A.splitlines(keepends=True)[:-2]), b=B) == [Code.CUT_BACK]


def test_a_file_exchanged_for_another_is_shown_by_the_next_one() -> None:
    assert directory(a=a_log(writer="d" * 16), b=B) == [Code.REPLACED]


def test_an_edit_that_is_named_is_not_named_twice() -> None:
    *rest, last = A.splitlines(keepends=True)
    assert directory(a=b"".join([*rest[:-1], last]), b=B) == [Code.REMOVED]


@given(st.data())
def test_no_edit_goes_unnoticed(data: st.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["delete", "copy", "swap", "change", "junk"])):
            case "delete":
                del lines[place]
            case "copy":
                lines.insert(place, data.draw(st.sampled_from(LINES)))
            case "swap":
                other = data.draw(st.integers(0, len(lines) - 1))
                lines[place], lines[other] = lines[other], lines[place]
            case "change":
                lines[place] = lines[place].replace(b"09:00:0", b"08:00:0")
            case _:
                lines.insert(place, data.draw(st.binary(max_size=30)) + b"\n")
        if not lines:
            return
    # Nothing vouches for a last line behind the last seal; docs/audit.md says so.
    assume(lines == LINES[: len(lines)] or lines[:-1] != LINES[: len(lines) - 1])
    found = verify({a_name(0): b"".join(lines)}, KEYS)
    honest = lines == LINES[: len(lines)]
    assert (found.exit_status == 1) is not honest


@given(st.binary(max_size=300))
def test_any_bytes_can_be_verified(content: bytes) -> None:
    found = verify({a_name(0): content}, KEYS)
    assert found.findings
    assert found.exit_status != 0
