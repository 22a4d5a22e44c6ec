"""Checks side by side, each within its own time, so that none that hangs or breaks hides the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from sentinel_server.diagnosis.model import Finding, Topic, problem, unknown
from sentinel_server.errors import SentinelError
from sentinel_server.frozen import frozen

Look = Callable[[], Awaitable[Sequence[Finding]]]


@frozen
class Check:
    """One thing to look at. `doing` says what, as in `asking STS`; `seconds` is how long that may take."""

    topic: Topic
    doing: str
    look: Look
    seconds: float


async def examine(checks: Sequence[Check]) -> tuple[Finding, ...]:
    """What all checks found, in their order. Raises nothing of what goes wrong in them."""
    found = await asyncio.gather(*(_examined(check) for check in checks))
    return tuple(finding for findings in found for finding in findings)


async def _examined(check: Check) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(check.seconds):
            return await check.look()
    except TimeoutError:
        return [unknown(check.topic, f"{check.doing}: no answer within {check.seconds:g} s")]
    except SentinelError as error:
        return [problem(check.topic, error.message, mend=error.hint)]
    except Exception as error:  # a mistake of ours; its words may quote anything, so they are not repeated
        why = "this is a mistake in sentinel itself; please report it"
        return [unknown(check.topic, f"{check.doing}: internal error: {type(error).__name__}", why)]
