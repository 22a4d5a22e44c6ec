"""Where a command's program is, by the rules of a shell and the PATH the child will have."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from cli.child.end import ChildEnd, not_executable, not_found


def find_program(name: str, env: Mapping[str, str]) -> str | ChildEnd:
    """The file that `name` stands for, or the end (126, 127) that a shell would report."""
    path = env.get("PATH", os.defpath)
    found = shutil.which(name, path=path)
    if found is not None:
        return found
    if os.path.dirname(name) and Path(name).is_dir():
        return not_executable(name, "is a directory")
    if shutil.which(name, mode=os.F_OK, path=path) is not None:
        return not_executable(name, "permission denied")
    return not_found(name)


def is_script(program: str) -> bool:
    """Whether a file the system could not execute is text, which a shell would read as a script.

    What is decisive is a NUL in the beginning, as in bash.
    """
    try:
        with open(program, "rb") as file:
            return b"\0" not in file.read(128)
    except OSError:
        return False
