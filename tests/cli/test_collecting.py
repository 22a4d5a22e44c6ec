"""How often Python searches for garbage while a command runs."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cli.collecting import search_as_usual, search_no_more, search_seldom

COMMAND = """
import atexit, gc, sys
before = gc.get_threshold()[0]
atexit.register(lambda: print(gc.get_threshold()[0] > before, gc.get_freeze_count() > 10_000))
sys.argv[1:] = ["--version"]
from cli.start import main
main()
"""


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Puts everything back."""
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


def test_what_stays_searches_as_often_as_any_program() -> None:
    usual = gc.get_threshold()
    search_seldom()
    assert gc.get_threshold()[0] > usual[0]
    assert gc.isenabled()
    search_as_usual()
    assert gc.get_threshold() == usual
    assert gc.get_freeze_count() > 0


def test_who_never_searched_seldom_goes_on_as_before() -> None:
    gc.unfreeze()
    search_as_usual()
    assert gc.get_freeze_count() == 0


def test_nothing_that_is_there_is_searched_at_the_end() -> None:
    search_no_more()
    assert gc.get_freeze_count() > 0
    assert gc.get_objects() == [] or len(gc.get_objects()) < gc.get_freeze_count()


def test_a_command_searches_seldom_and_at_its_end_no_more() -> None:
    done = subprocess.run([sys.executable, "-c", COMMAND], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True True"
