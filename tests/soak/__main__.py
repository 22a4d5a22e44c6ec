"""`python -m tests.soak [--minutes N] [--seed N]`: soaks, and says what came of it; exits 1 when wrong."""

from __future__ import annotations

import argparse
import os
import sys

from tests.soak.run import SLOW, soak

if __name__ == "__main__":
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"  # noqa: TID251  # as in every test
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    report = soak(wanted.minutes * 60, wanted.seed)
    print(f"{sum(report.said.values())} answers in {report.seconds:.0f} s: {report.said}")
    print(f"{report.sessions} sessions, {report.revoked} revoked")
    print(f"{report.faults} faults, {report.denials} denials, {report.slow} late without a fault")
    memory = f"{report.memory[0]:.0f} to {report.memory[-1]:.0f} MiB, grown by {report.grown:.1f}"
    print(f"memory of one server {memory}")
    wrong = list(report.wrong)
    if report.slow > SLOW * sum(report.said.values()):
        wrong.append("too many were late though nothing was wrong")
    print("\n".join(wrong[:50]) or "nothing contradicts the model or the log")
    sys.exit(1 if wrong else 0)
