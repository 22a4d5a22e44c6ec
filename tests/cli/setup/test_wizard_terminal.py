"""The wizard at a terminal: every question, empty answers, wrong ones, and coming back to it."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sentinel_server.policy.parse import parse_policy
from tests.fakes.deployment import Deployment, deployment
from tests.fakes.forks import Forks
from tests.fakes.questions import CTRL_D
from tests.fakes.terminal import CTRL_C, Terminal
from tests.fakes.watched import Watched, watched

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")

QUESTIONS = (
    "Profiles, by number or name: ",
    r"Who may use them .* \[dev\]: ",
    r"Serve live shells only.* \[Y/n\]: ",
    r"Must somebody else agree first\? \[y/N\]: ",
    r"May the glass be broken .* \[y/N\]: ",
    r"Shall policies be signed\? \[y/N\]: ",
    r"Keep sessions, .* \[y/N\]: ",
    r"Keep policies in SSM .* \[y/N\]: ",
    r"sentinel: write this file\? \[y/N\]: ",
)
"""What is asked of somebody who wants nothing special."""


@dataclass(slots=True)
class Home:
    """A home without policies of ours, and the wizard at a terminal there."""

    watched: Watched

    @contextmanager
    def wizard(self, *words: str) -> Iterator[Terminal]:
        with self.watched.typing("init", "wizard", *words, AWS_PROFILE="base") as terminal:
            yield terminal

    @property
    def policies(self) -> list[str]:
        """The policies that there are."""
        return sorted(path.name for path in self.config.rglob("*.yaml"))

    @property
    def config(self) -> Path:
        """Our configuration."""
        return self.watched.home / "config" / "sentinel"

    @property
    def kept(self) -> Path:
        """Where answers are kept."""
        return self.watched.home / "state" / "sentinel" / "wizard.answers"


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployment(tmp_path_factory.mktemp("seeded"), shared=False) as made:
        yield made


@pytest.fixture
def home(forks: Forks, seeded: Deployment, tmp_path: Path) -> Home:
    made = Home(watched(forks, seeded, tmp_path))
    for path in made.config.rglob("*.yaml"):
        path.unlink()
    return made


def answer(terminal: Terminal, *pairs: tuple[str, str]) -> None:
    """Wait for each question, and answer it."""
    for question, typed in pairs:
        terminal.expect(question)
        terminal.line(typed)


def test_empty_answers_take_what_is_usual(home: Home) -> None:
    with home.wizard() as terminal:
        answer(terminal, (QUESTIONS[0], "prod"), *((each, "") for each in QUESTIONS[1:-1]))
        answer(terminal, (QUESTIONS[-1], "y"))
        terminal.expect("Next:")
        assert terminal.process.wait(30) == 0, terminal.shown
    (rule,) = parse_policy((home.config / "policies" / "prod.yaml").read_bytes(), file="x").rules
    assert (rule.effect.value, rule.conditions.users) == ("require_server", ("dev",))
    assert not home.kept.exists()
    assert home.watched.too_open() == {}


def test_an_empty_answer_where_there_is_nothing_usual_is_asked_again(home: Home) -> None:
    with home.wizard() as terminal:
        answer(terminal, (QUESTIONS[0], ""), (QUESTIONS[0], "prod"))
        terminal.expect(QUESTIONS[1])


def test_a_wrong_answer_is_told_and_asked_again(home: Home) -> None:
    with home.wizard() as terminal:
        answer(terminal, (QUESTIONS[0], "nothing-like-it"))
        terminal.expect("sentinel: 'nothing-like-it' fits no profiles")
        answer(terminal, (QUESTIONS[0], "prod"), (QUESTIONS[1], "dev*"))
        terminal.expect(r"sentinel: 'dev\*' is not a user's name")
        answer(terminal, (QUESTIONS[1], "dev"), (QUESTIONS[2], "perhaps"))
        terminal.expect("Error: invalid input")
        terminal.expect(QUESTIONS[2])


def test_a_team_is_asked_more(home: Home) -> None:
    with home.wizard("--profile", "prod", "--user", "dev", "--server") as terminal:
        answer(
            terminal,
            (QUESTIONS[3], "y"),
            (r"Who agrees .*: ", "eve, mallory"),
            (QUESTIONS[4], "y"),
            (QUESTIONS[5], ""),
            (r"Keep sessions, .* \[Y/n\]: ", ""),
            (r"Keep policies in SSM .* \[Y/n\]: ", "n"),
            (r"In which AWS region \[us-east-1\]: ", "eu-central-1"),
            (r"sentinel: write these 5 files\? \[y/N\]: ", "y"),
        )
        terminal.expect("sentinel init all --region eu-central-1")
        assert terminal.process.wait(30) == 0, terminal.shown
    assert home.policies == [
        "approvals.yaml",
        "breakglass.yaml",
        "config.yaml",
        "prod.yaml",
        "ratelimits.yaml",
    ]
    assert (home.config / "config.yaml").read_text() == "store: dynamodb://eu-central-1/sentinel-\n"


@pytest.mark.parametrize("way_out", [CTRL_C, CTRL_D], ids=["Ctrl-C", "end of input"])
def test_who_leaves_goes_on_where_they_were(home: Home, way_out: str) -> None:
    with home.wizard() as terminal:
        answer(terminal, (QUESTIONS[0], "prod"), (QUESTIONS[1], ""), (QUESTIONS[2], "n"))
        terminal.expect(QUESTIONS[3])
        terminal.type(way_out)
        terminal.expect("your answers are kept; go on with: sentinel init wizard")
        terminal.expect("sentinel: interrupted")
        assert terminal.process.wait(30) == 130
    assert home.policies == []
    assert json.loads(home.kept.read_text())["server"] is False
    assert stat.S_IMODE(home.kept.stat().st_mode) == 0o600
    with home.wizard() as terminal:
        terminal.expect("going on with what you answered before")
        answer(terminal, *((each, "") for each in QUESTIONS[3:-1]), (QUESTIONS[-1], "y"))
        assert terminal.process.wait(30) == 0, terminal.shown
    assert home.policies == ["prod.yaml"]
    assert not home.kept.exists()


def test_whoever_wants_to_begin_anew_can(home: Home) -> None:
    with home.wizard() as terminal:
        answer(terminal, (QUESTIONS[0], "prod"))
        terminal.expect(QUESTIONS[1])
        terminal.type(CTRL_C)
        assert terminal.process.wait(30) == 130
    with home.wizard("--restart") as terminal:
        terminal.expect(QUESTIONS[0])
        assert "going on" not in terminal.shown


def test_a_no_at_the_end_writes_nothing_and_keeps_the_answers(home: Home) -> None:
    with home.wizard("--profile", "prod") as terminal:
        answer(terminal, *((each, "") for each in QUESTIONS[1:-1]), (QUESTIONS[-1], "n"))
        terminal.expect("sentinel: not confirmed, so nothing was changed")
        assert terminal.process.wait(30) == 1
    assert home.policies == []
    assert home.kept.exists()


def test_a_file_that_is_there_is_shown_as_a_difference_and_stays_without_a_yes(home: Home) -> None:
    path = home.config / "policies" / "prod.yaml"
    path.write_text("# mine\n")
    rest = ("--no-approvals", "--no-breakglass", "--no-signing", "--no-tables", "--no-ssm")
    words = ("--profile", "prod", "--user", "dev", "--server", *rest)
    replaces = r"sentinel: replace \S+prod\.yaml\? \[y/N\]: "
    with home.wizard(*words) as terminal:
        terminal.expect("-# mine")
        answer(terminal, (replaces, ""))
        terminal.expect("prod.yaml stays as it is")
        assert terminal.process.wait(30) == 0, terminal.shown
    assert path.read_text() == "# mine\n"
    with home.wizard(*words) as terminal:
        answer(terminal, (replaces, "y"), (QUESTIONS[-1], "y"))
        assert terminal.process.wait(30) == 0, terminal.shown
    assert "require_server" in path.read_text()


def test_where_nobody_is_there_it_says_what_to_give(home: Home) -> None:
    done = home.watched.run("init", "wizard", AWS_PROFILE="base")
    assert (done.code, done.out) == (2, "")
    assert "there is no terminal to ask on: --profile, --user, " in done.err
    assert home.policies == []
