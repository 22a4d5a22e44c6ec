"""Questions at a terminal: where the source asks them, and what each answer shall come to."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes.processes import REPOSITORY
from tests.fakes.terminal import CTRL_C, Terminal
from tests.fakes.watched import Watched

CTRL_D = "\x04"

_PRIMITIVES = {
    *("click.prompt", "click.confirm", "click.getchar", "click.pause", "click.edit"),
    *("getpass.getpass", "getpass", "input", "sys.stdin.readline"),
}
"""What Python and click ask with."""
_QUESTION = {"what", "question"}
"""How a parameter is called that holds a question: who calls such a function asks."""

Steps = tuple[str, ...]
"""What is typed, then in turn what is waited for and what is typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question, the command that comes to it, and what its answers come to.

    `again` are answers after which it is asked once more, with what is said of them; `ends` are those that
    end the command, with what is said and its exit status. `nobody` is what is said where there is no
    terminal, `left` what an end of input comes to; `changes` says that a no is an answer, too.
    """

    words: Steps
    asks: str
    right: Callable[[Watched, Terminal], Steps]
    done: str
    again: Sequence[tuple[Steps, str]] = ()
    ends: Sequence[tuple[Steps, str, int]] = ()
    nobody: tuple[str, int]
    left: tuple[str, int] = ("sentinel: interrupted", 130)
    before: Sequence[tuple[str, str]] = ()
    changes: bool = False

    def comes(self, terminal: Terminal) -> None:
        """Wait for it, and answer what is asked before."""
        for asked, answer in self.before:
            terminal.expect(asked)
            terminal.line(answer)
        terminal.expect(self.asks)


def answers(question: Question, home: Watched, env: dict[str, str]) -> None:
    """Put every kind of answer to a question to the test, the right one last."""
    before = contents(home)
    done = home.run(*question.words, **env)
    assert (question.nobody[0] in done.err, done.code) == (True, question.nobody[1]), done.err
    for way_out, (said, status) in ((CTRL_C, ("sentinel: interrupted", 130)), (CTRL_D, question.left)):
        with home.typing(*question.words, **env) as terminal:
            question.comes(terminal)
            terminal.type(way_out)
            _ended(terminal, said, status)
    for steps, said, status in question.ends:
        with home.typing(*question.words, **env) as terminal:
            question.comes(terminal)
            _typed(terminal, steps)
            _ended(terminal, said, status)
    changed = {path.name for path, _ in contents(home).items() ^ before.items()}
    assert question.changes or changed == set(), "an answer that was none has changed something"
    with home.typing(*question.words, **env) as terminal:
        question.comes(terminal)
        for steps, said in question.again:
            _typed(terminal, steps)
            terminal.expect(said)
            terminal.expect(question.asks)
        _typed(terminal, question.right(home, terminal))
        _ended(terminal, question.done, 0)


def _typed(terminal: Terminal, steps: Steps) -> None:
    first, *rest = steps
    terminal.line(first)
    for waited, typed in zip(rest[::2], rest[1::2], strict=True):
        terminal.expect(waited)
        terminal.line(typed)


def _ended(terminal: Terminal, said: str, status: int) -> None:
    terminal.expect(said)
    assert terminal.process.wait(30) == status, terminal.shown


def contents(home: Watched) -> dict[Path, bytes]:
    """What the commands have been told to keep: keys, policies, key sets; not logs, locks and databases."""
    kept = (".json", ".yaml", ".key", ".pub")
    paths = [path for path in home.home.rglob("*") if path.suffix in kept and path.is_file()]
    return {path: path.read_bytes() for path in paths if "audit" not in (path.stem, path.parent.name)}


def asked_in_source() -> set[str]:
    """Every question that the command line asks: the file, and the words of the question that are fixed."""
    files = {path: ast.parse(path.read_text()) for path in (REPOSITORY / "cli").rglob("*.py")}
    functions = [(path, each) for path, tree in files.items() for each in _functions(tree)]
    askers: _Askers = {(None, name) for name in _PRIMITIVES}
    while new := {_called(*each) for each in functions if _passes_on(*each, askers)} - askers:
        askers |= new
    return {
        f"{path.relative_to(REPOSITORY)}: {_fixed(question)}"
        for path, function in functions
        for question in _questions(path, function, askers)
        if not _named(question, function)
    }


_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Askers = set[tuple[Path | None, str]]
"""Names of functions that ask; private ones with the file in which they are called so."""


def _functions(tree: ast.AST) -> Iterator[_Function]:
    return (each for each in ast.walk(tree) if isinstance(each, _Function))


def _called(path: Path, function: _Function) -> tuple[Path | None, str]:
    return (path if function.name.startswith("_") else None, function.name)


def _passes_on(path: Path, function: _Function, askers: _Askers) -> bool:
    return any(_named(question, function) for question in _questions(path, function, askers))


def _questions(path: Path, function: _Function, askers: _Askers) -> Iterator[Any]:
    """What the function asks by itself, in no function inside of it."""
    inner = {id(node) for each in _functions(function) if each is not function for node in ast.walk(each)}
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and id(node) not in inner:
            name = ast.unparse(node.func)
            if {(None, name), (path, name)} & askers:
                yield node.args[0] if node.args else node


def _named(question: ast.AST, function: _Function) -> bool:
    """Whether the question came in by a parameter; what is read without one is the answer to that."""
    arguments = {each.arg for each in (*function.args.args, *function.args.kwonlyargs)} & _QUESTION
    if isinstance(question, ast.Call) and not question.args:
        return bool(arguments)
    return any(isinstance(node, ast.Name) and node.id in arguments for node in ast.walk(question))


def _fixed(question: ast.AST) -> str:
    """The fixed words, with `…` for what is not, whether or not they are cleaned first."""
    if isinstance(question, ast.Call) and ast.unparse(question.func) == "clean":
        return _fixed(question.args[0])
    if isinstance(question, ast.Constant):
        return str(question.value)
    if isinstance(question, ast.JoinedStr):
        return "".join(
            "…" if isinstance(part, ast.FormattedValue) else _fixed(part) for part in question.values
        )
    return f"<{ast.unparse(question)}>"
