"""A program that knows nothing of us: for every line on stdin a call by boto3, and a line of how it went."""

from __future__ import annotations

import sys

import boto3  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError


def main() -> None:
    """Answer until stdin ends."""
    sts = boto3.client("sts")
    for _ in sys.stdin:
        try:
            print("ok", sts.get_caller_identity()["Arn"], flush=True)
        except BotoCoreError as error:
            print("refused", " ".join(str(error).split()), flush=True)


if __name__ == "__main__":
    main()
