"""What stories are played on: it shows what is done, and takes nothing that went wrong for granted."""

from __future__ import annotations

import sys

import pytest

from sentinel_server.errors import Findings
from sentinel_server.sandbox.stage import Result, Stage, expect, unexpected
from sentinel_server.settings.environ import process_environ
from tests.fakes.processes import REPOSITORY


def a_stage(**security: str) -> Stage:
    """A stage in this environment; the security engineer's has these variables too."""
    environment = {**process_environ(), "PYTHONPATH": str(REPOSITORY)}
    told: list[str] = []
    return Stage(environment, told.append, told.append, {**environment, **security})


def test_a_command_is_run_to_its_end_and_its_first_line_told() -> None:
    done = a_stage().run("--version")
    assert (done.code, done.err) == (0, "")
    assert done.said.startswith("sentinel ")


def test_a_command_that_must_succeed_and_does_not_ends_the_story_with_what_it_said() -> None:
    with pytest.raises(Findings, match=r"no such thing \(exit 2 \| .*no command 'nonsense'"):
        a_stage().done("no such thing", "nonsense")


def test_the_security_engineer_has_an_environment_of_their_own() -> None:
    stage = a_stage(SENTINEL_NONSENSE="1")
    assert stage.run("config", "show").code == 0
    with pytest.raises(Findings, match="SENTINEL_NONSENSE"):
        stage.security("their environment is another", "config", "show")


def test_what_is_no_json_ends_the_story() -> None:
    with pytest.raises(Findings, match="that is no JSON"):
        _ = Result(code=0, out="not json", err="").value


@pytest.mark.parametrize(("out", "err", "said"), [("a\nb\n", "c", "a"), ("", "c\nd", "c"), ("", "", "")])
def test_data_is_said_before_talk(out: str, err: str, said: str) -> None:
    assert Result(code=0, out=out, err=err).said == said


def test_a_truth_goes_on_and_a_falsehood_does_not() -> None:
    expect(True, "never said")
    with pytest.raises(Findings, match=r"the story went wrong: it is false$"):
        expect(False, "it is false")


def test_only_the_last_lines_are_quoted() -> None:
    assert str(unexpected("gone", [str(number) for number in range(9)])).endswith("(4 | 5 | 6 | 7 | 8)")


def test_stories_run_this_very_program() -> None:
    from sentinel_server.sandbox.stage import SENTINEL

    assert SENTINEL[0] == sys.executable
