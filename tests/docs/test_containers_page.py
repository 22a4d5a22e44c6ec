"""What docs/containers.md shows is what is printed, and its commands are ours."""

from __future__ import annotations

import re
from pathlib import Path

from cli.containers import OVERRIDE, Needs, docker_run

PAGE = (Path(__file__).parents[2] / "docs" / "containers.md").read_text()


def test_the_command_on_the_page_is_the_one_we_print() -> None:
    shown = re.search(r"^  docker run.*?IMAGE$", PAGE, re.DOTALL | re.MULTILINE)
    assert shown is not None
    told = docker_run(Needs(host_network=True, user="1000:1000")).splitlines()
    assert shown[0].splitlines() == [f"  {line}" for line in told]


def test_the_file_for_compose_has_the_name_the_page_gives_it() -> None:
    assert f"-f compose.yaml -f {OVERRIDE}" in PAGE
