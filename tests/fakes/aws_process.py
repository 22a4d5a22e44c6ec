"""An embedded AWS with a seeded home, to be killed: `python -m tests.fakes.aws_process DIR`.

It prints the environment of whoever lives there as one line of JSON, and ends with its stdin.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from sentinel_server.sandbox.aws import EmbeddedAws
from sentinel_server.sandbox.seed import seed

if __name__ == "__main__":
    with EmbeddedAws() as aws:
        seeded = seed(aws, Path(sys.argv[1]), dict(os.environ), shared=True)  # noqa: TID251  # our tests made it
        print("home", json.dumps(dict(seeded.environment)), flush=True)
        sys.stdin.read()
