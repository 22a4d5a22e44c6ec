"""The shape of the code: who may import whom, how large things may be, and what must not be said.

The numbers are the style guide's: small files, small functions, about as many lines of tests as of code.
"""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for part in ("sentinel_server", "cli") for path in (ROOT / part).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

SLEEPERS = {
    "tests/fakes/processes.py": "asks again, until a deadline, for what only another process can do",
    "tests/fakes/terminal.py": "asks again, until a deadline, whether a program waits for keys",
    "tests/fakes/dynamodb_local.py": "asks again, until a deadline, whether the emulator answers",
}
"""Tests that may sleep, and why."""

FORBIDDEN = re.compile(
    "|".join(
        (
            r"pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|rubygems\.org|crates\.io|proxy\.golang\.org",
            r"repo1?\.maven\.|maven\.org|docker\.io|ghcr\.io",
            r"/wo[r]k/",
            r"(?i:\bissue\s*#?\d)",
        )
    )
)
"""Addresses of registries, this workplace, and numbers of issues."""


def lines(path: Path) -> int:
    return path.read_text(encoding="utf-8").count("\n")


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


def percentile(numbers: Sequence[int], part: float) -> int:
    return sorted(numbers)[min(len(numbers) - 1, int(part * len(numbers)))]


def test_imports_go_one_way() -> None:
    """The contracts are in pyproject.toml."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_are_small() -> None:
    sizes = {str(path.relative_to(ROOT)): lines(path) for path in SOURCES if lines(path)}
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:5]
    assert statistics.median(sizes.values()) <= 170, largest
    assert percentile(list(sizes.values()), 0.95) <= 400, largest


def test_functions_are_small() -> None:
    sizes = dict(function for path in SOURCES for function in functions(path))
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:5]
    assert statistics.median(sizes.values()) <= 10, largest
    assert percentile(list(sizes.values()), 0.95) <= 40, largest
    assert max(sizes.values()) <= 60, largest


def test_there_is_about_as_much_test_as_code() -> None:
    tests, sources = sum(map(lines, TESTS)), sum(map(lines, SOURCES))
    ratio = tests / sources
    assert 1.0 <= ratio <= 1.7, f"{tests} lines of tests, {sources} of code: {ratio:.2f}"


def public_names(path: Path) -> Iterator[tuple[str, ast.AST]]:
    """The module, its public classes and functions, and the public methods of those classes."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield "module", tree
    waiting: list[ast.AST] = [tree]
    while waiting:
        for node in ast.iter_child_nodes(waiting.pop()):
            if isinstance(node, ast.If | ast.Try):
                waiting.append(node)
            elif (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                and node.name[0] != "_"
            ):
                if not any(
                    isinstance(each, ast.Name) and each.id == "overload" for each in node.decorator_list
                ):
                    yield node.name, node
                if isinstance(node, ast.ClassDef):
                    waiting.append(node)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_public_name_says_what_it_promises(path: Path) -> None:
    silent = [
        name
        for name, node in public_names(path)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not ast.get_docstring(node)
    ]
    assert silent == []


def our_texts() -> list[Path]:
    """Every text of ours; what git ignores is somebody else's."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=False
    )
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:
        parts = ("sentinel_server", "cli", "tests", "docs", "benchmarks", ".ci")
        paths = [path for part in parts for path in (ROOT / part).rglob("*")]
    return [path for path in paths if path.is_file() and path != Path(__file__)]


def test_nothing_names_a_registry_this_workplace_or_an_issue() -> None:
    said = [
        f"{path.relative_to(ROOT)}:{number}: {found.group()}"
        for path in our_texts()
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1
        )
        if (found := FORBIDDEN.search(line))
    ]
    assert said == []


def test_every_file_has_a_name_that_somebody_meant() -> None:
    """Tests that write where they stand have left files of hostile names, keys among them."""
    names = [str(path.relative_to(ROOT)) for path in our_texts()]
    assert [name for name in names if not re.fullmatch(r"[A-Za-z0-9_./@-]+", name)] == []


def test_tests_wait_for_conditions_and_not_for_time() -> None:
    sleepers = {
        str(path.relative_to(ROOT))
        for path in TESTS
        if path != Path(__file__) and re.search(r"\btime\.sleep\(", path.read_text(encoding="utf-8"))
    }
    assert sleepers <= SLEEPERS.keys()


SKIPPING = ("skip", "skipif", "xfail", "importorskip")


def skips(path: Path) -> Iterator[ast.Call]:
    """Every call that may keep a test from running or from counting."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SKIPPING:
            yield node


def test_nothing_is_skipped_without_a_reason() -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in TESTS
        for call in skips(path)
        if len(call.args) + len(call.keywords) < (2 if ast.unparse(call.func).endswith("if") else 1)
    ]
    assert silent == []


def test_tests_use_working_fakes_and_patch_nothing() -> None:
    patching = re.compile(r"\bmock\b.*\bpatch\b|monkeypatch\.setattr")
    patched = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in TESTS
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if patching.search(line)
    ]
    assert patched == []


@pytest.mark.parametrize("word", ["utils", "common", "helpers", "manager", "misc"])
def test_no_file_is_named_after_nothing(word: str) -> None:
    assert [path for path in (*SOURCES, *TESTS) if word in (path.stem, path.parent.name)] == []
