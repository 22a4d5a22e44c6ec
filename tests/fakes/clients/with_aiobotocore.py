"""A program that knows nothing of us: for every line on stdin an AWS call by aiobotocore, and a line of how
it went.
"""

from __future__ import annotations

import asyncio
import sys

from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError


async def main() -> None:
    """Answer until stdin ends."""
    async with get_session().create_client("sts") as sts:
        while await asyncio.to_thread(sys.stdin.readline):
            try:
                who = await sts.get_caller_identity()
                print("ok", who["Arn"], flush=True)
            except BotoCoreError as error:
                print("refused", " ".join(str(error).split()), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
