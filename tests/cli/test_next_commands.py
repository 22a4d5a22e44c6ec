"""Whoever is refused is told what to do next, and what they are told can be typed as it stands."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel_server import errors
from tests.fakes.command_words import lacking
from tests.fakes.processes import REPOSITORY

VALUE = "0123456789abcdef"
"""What stands for every value that a hint is given when it is made."""
CAUGHT = "it is by nobody AWS could name"
"""A reason for another error, which has the next command."""
KINDS = {kind.__name__: kind for kind in errors.all_errors()}
COMMAND = re.compile(r"(?:^|[ (])sentinel ([a-z][^;()…]*)")


def sources() -> Iterator[Path]:
    for folder in ("cli", "sentinel_server"):
        yield from sorted((REPOSITORY / folder).rglob("*.py"))


def text_of(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may be, with `VALUE` for what is filled in."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else VALUE for part in parts)
        case ast.BinOp(left=left, right=right):
            for one in text_of(left):
                yield from (one + other for other in text_of(right))
        case ast.IfExp(body=body, orelse=orelse):
            yield from (*text_of(body), *text_of(orelse))
        case ast.BoolOp(values=values):
            for each in values:
                yield from text_of(each)
        case _:
            return


def hints(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg="hint", value=value) | ast.Call(func=ast.Name(id="note"), args=[value]):
                yield from text_of(value)
            case ast.Assign(targets=[ast.Name(id="hint" | "default_hint")], value=value):
                yield from text_of(value)
            case _:
                continue


HINTS = sorted({hint for path in sources() for hint in hints(ast.parse(path.read_text("utf-8")))})
COMMANDS = sorted({found.strip() for hint in HINTS for found in COMMAND.findall(hint)})


@pytest.mark.parametrize("text", COMMANDS)
def test_a_command_that_a_hint_names_lacks_nothing_that_it_needs(text: str) -> None:
    assert lacking(shlex.split(text.partition(">")[0])) == []


@pytest.mark.parametrize("text", COMMANDS)
def test_no_hint_leaves_an_id_to_be_looked_up(text: str) -> None:
    """Whoever is refused has just named it, or the row that refused them has it."""
    assert "ID" not in [word for word in shlex.split(text) if not word.startswith("-")][1:2]


def unhinted(tree: ast.AST) -> Iterator[str]:
    """The errors that are made without a next command; one of a mistake in typing is `--help`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name), keywords=words) if name in KINDS:
                kind = KINDS[name]
                hint = next((word.value for word in words if word.arg == "hint"), None)
                nothing = not kind.default_hint if hint is None else ast.unparse(hint) == "''"
                if nothing and not issubclass(kind, errors.BadInput) and CAUGHT not in ast.unparse(node):
                    yield ast.unparse(node)
            case _:
                continue


@pytest.mark.parametrize("room", ["requests", "breakglass", "mfa", "notifications", "auditlog"])
def test_every_refusal_of_a_workflow_names_what_to_do_next(room: str) -> None:
    folder = REPOSITORY / "sentinel_server" / room
    assert [
        bare for path in folder.rglob("*.py") for bare in unhinted(ast.parse(path.read_text("utf-8")))
    ] == []


@pytest.mark.parametrize("folder", ["cli/audits", "cli/factors", "cli/commands"])
def test_every_refusal_of_a_command_names_what_to_do_next(folder: str) -> None:
    modules = (REPOSITORY / folder).rglob("*.py")
    assert [bare for path in modules for bare in unhinted(ast.parse(path.read_text("utf-8")))] == []
