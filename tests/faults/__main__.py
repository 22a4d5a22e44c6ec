"""`python -m tests.faults [LANE…]`: runs the matrix and prints it; exit status 1 when a cell is wrong."""

from __future__ import annotations

import os
import sys

from tests.faults.matrix import LOCAL, SHARED, run, table

if __name__ == "__main__":
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"  # noqa: TID251  # as in every test
    if unknown := set(sys.argv[1:]) - {*SHARED, *LOCAL}:
        sys.exit(f"no such lane: {', '.join(sorted(unknown))}; lanes are {', '.join((*SHARED, *LOCAL))}")
    found = run(sys.argv[1:])
    print("\n".join(table(found)))
    sys.exit(1 if found.leaked or any(cell.wrong for cell in found.cells) else 0)
