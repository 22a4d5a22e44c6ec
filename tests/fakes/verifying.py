"""The receiver's code of `docs/notifications.md`, as a function."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.fakes.processes import REPOSITORY


def verification() -> Callable[..., Any]:
    """`verified(keys, headers, body, first_time, now=None)`, exactly as the page has it."""
    page = (REPOSITORY / "docs" / "notifications.md").read_text(encoding="utf-8")
    (code,) = [code for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "def verified" in code]
    made: dict[str, Any] = {}
    exec(code, made)
    function: Callable[..., Any] = made["verified"]
    return function
