"""What the page on shells tells people to put into their start-up files works in those shells."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from sentinel_server.errors import all_errors
from sentinel_server.settings.environ import process_environ
from tests.fakes.processes import REPOSITORY, sentinel
from tests.fakes.shells import program_of, run_in, shell_environment
from tests.fakes.terminal import on_a_terminal

PAGE = (REPOSITORY / "docs" / "shell.md").read_text()
BLOCKS = re.findall(r"^```(bash|zsh|fish)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
LINES = dict(re.findall(r"^\| (bash|zsh|fish)[^|]*\|[^|]*\| `(.*)` \|$", PAGE, re.MULTILINE))
HELD = {"AWS_SENTINEL": "prod", "AWS_ACCESS_KEY_ID": "ASIAEXAMPLE"}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shells of POSIX")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody whose `sentinel` is ours."""
    tool = tmp_path / "bin" / "sentinel"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{sentinel()[-1]}" "$@"\n')
    tool.chmod(0o700)
    path = f"{tool.parent}:{process_environ().get('PATH', '')}"
    return shell_environment(tmp_path, PYTHONPATH=str(REPOSITORY), PATH=path)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_line_for_the_start_up_file_makes_the_function(
    shell: str, env: dict[str, str], tmp_path: Path
) -> None:
    line = LINES[shell].replace("\\|", "|")
    ran = run_in(shell, f"{line}\ntype sx", tmp_path, env=env)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "sx is a" in ran.stdout
    assert "function" in ran.stdout


SHOWS = {
    "bash": 'echo "[${PS1@P}]"\n',
    "zsh": 'whence precmd_sentinel >/dev/null && precmd_sentinel\nprint -P "[$PS1]"\n',
    "fish": 'echo "["(fish_prompt)"]"\n',
}
BEFORE = {"bash": "PS1='% '\n", "zsh": "PS1='%% '\n", "fish": "function fish_prompt; echo -n '% '; end\n"}


@pytest.mark.parametrize(("shell", "block"), BLOCKS, ids=[f"{shell}-{len(text)}" for shell, text in BLOCKS])
def test_each_prompt_shows_the_profile_inside_and_nothing_outside(
    shell: str, block: str, env: dict[str, str], tmp_path: Path
) -> None:
    for more, prompt in (({}, "[% ]"), (HELD, "[(prod) % ]")):
        ran = run_in(shell, BEFORE[shell] + block + SHOWS[shell], tmp_path, env=env | more)
        assert (ran.returncode, ran.stdout.strip(), ran.stderr) == (0, prompt, "")


@pytest.mark.parametrize(
    ("shell", "before", "after"),
    [
        ("bash", "PS1='$? '\n", '(exit 7)\necho "[${PS1@P}]"\n'),
        (
            "fish",
            "function fish_prompt; echo -n $status' '; end\n",
            'sh -c "exit 7"\necho "["(fish_prompt)"]"\n',
        ),
    ],
    ids=["bash", "fish"],
)
def test_the_last_exit_status_is_left_to_the_rest_of_the_prompt(
    shell: str, before: str, after: str, env: dict[str, str], tmp_path: Path
) -> None:
    for block in [text for language, text in BLOCKS if language == shell]:
        ran = run_in(shell, before + block + after, tmp_path, env=env | HELD)
        assert ran.stdout == "[(prod) 7 ]\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_difficult_profile_is_no_code_in_a_prompt(shell: str, env: dict[str, str], tmp_path: Path) -> None:
    name = "%n$(id)`id`\\w"
    block = next(text for language, text in BLOCKS if language == shell)
    ran = run_in(
        shell, BEFORE[shell] + block + SHOWS[shell], tmp_path, env=env | HELD | {"AWS_SENTINEL": name}
    )
    assert ran.stdout.strip() == f"[({name}) % ]"


def test_the_exit_statuses_of_refusals_are_those_of_their_errors() -> None:
    row = re.search(r"^\| ([\d, ]+) \| its server refuses", PAGE, re.MULTILINE)
    assert row is not None
    assert {int(each) for each in row[1].split(",")} == {
        error.exit_status for error in all_errors() if error.exit_status > 2
    }


def test_the_list_to_choose_from_looks_like_that(env: dict[str, str], tmp_path: Path) -> None:
    role = "role_arn = arn:aws:iam::111122223333:role/{}\nsource_profile = base\n"
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(
        "[profile base]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = none\n"
        f"[profile dev]\n{role.format('dev')}[profile prod]\n{role.format('prod')}"
    )
    shown = re.search(r"^```text\n(sentinel: which profile\?\n.*?)pro\n```", PAGE, re.MULTILINE | re.DOTALL)
    assert shown is not None
    with on_a_terminal([program_of("bash"), "-c", "sentinel exec"], env | {"TERM": "xterm"}) as terminal:
        terminal.expect(re.escape(shown[1].replace("\n", "\r\n")))
