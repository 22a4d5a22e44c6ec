"""`python -m benchmarks NAME`: measure, print a table, keep it as JSON. `--help` has the names."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from benchmarks import auditing, evaluating, fetch, listing, quickstart, startup, token_check
from benchmarks.report import Row, save, table

BENCHMARKS: dict[str, tuple[Callable[[int], list[Row]], str]] = {
    "audit": (auditing.run, "a log verified, and written by one process"),
    "fetch": (fetch.run, "fetches, the product and servers that decide nothing in turn"),
    "evaluate": (evaluating.run, "one evaluation of a policy whose last rule matches"),
    "listing": (listing.run, "the first page of sessions among 100,000"),
    "quickstart": (quickstart.run, "the first commands of docs/quickstart.md in a fresh clone"),
    "startup": (startup.run, "from the call of a command to its end, or to its child's first line"),
    "token": (token_check.run, "the time of a refusal by how much of the token was right"),
}


def main() -> None:
    """Run the benchmark that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured (5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here, too")
    asked = parser.parse_args()
    if asked.rounds < 1:
        parser.error("--rounds must be at least 1")
    run, title = BENCHMARKS[asked.name]
    rows = run(asked.rounds)
    print(table(f"{asked.name}: {title}; {asked.rounds} rounds", rows))
    print(f"numbers in {save(asked.name, rows, asked.json)}")


if __name__ == "__main__":
    main()
