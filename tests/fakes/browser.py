"""A person's browser as a program: it opens a login's page and approves it there, or only notes the visit.

python -m tests.fakes.browser LOG [approve|ignore|deny] URL
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import Request, urlopen


def visit(log: Path, answer: str, url: str) -> None:
    """Open `url`: a line in `log`, and the answer at the page."""
    with urlopen(url, timeout=20) as page:
        page.read()
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, f"{url}\n".encode())
    os.close(descriptor)
    if answer == "ignore":
        return
    code = parse_qs(urlsplit(url).query)["user_code"][0]
    form = urlencode({"user_code": code, "answer": answer}).encode()
    with urlopen(Request(url.partition("?")[0], data=form), timeout=20) as page:
        page.read()


if __name__ == "__main__":
    visit(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
