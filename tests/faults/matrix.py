"""The whole matrix: its lanes, run side by side, and as a table."""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.cells import Cell, Moment
from tests.faults.faults import WHY_NOT, Fault, of_clock, of_disk, of_keyring, of_names, of_service
from tests.faults.ground import Ground, ground
from tests.faults.guest import Guest
from tests.faults.house import house
from tests.faults.lane import run_lane
from tests.faults.loop import WatchedLoop, the_loop

SHARED = {
    "sts": of_service("STS"),
    "ssm": of_service("SSM"),
    "dynamodb": of_service("DynamoDB"),
    "machine": [*of_clock(), *of_names()],
}
"""What is met with policies and sessions in AWS, lane by lane."""
LOCAL = {"keyring": of_keyring(), "disk": of_disk()}
"""What is met with both on this machine, lane after lane, because it is everybody's fault."""
FAULTS: tuple[Fault, ...] = tuple(
    fault for lanes in (SHARED, LOCAL) for each in lanes.values() for fault in each
)
"""Every fault, in the order of the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Every cell, how long it all took in seconds, and what was left open at the end."""

    cells: tuple[Cell, ...]
    seconds: float
    stalled: float
    leaked: tuple[str, ...]


def run(lanes: Sequence[str] = ()) -> Matrix:
    """Run the lanes of these names, or all."""
    with _grounds(lanes) as grounds, asyncio.Runner(loop_factory=WatchedLoop) as runner:
        return runner.run(_matrix(grounds))


@contextmanager
def _grounds(wanted: Sequence[str]) -> Iterator[dict[str, Ground]]:
    with tempfile.TemporaryDirectory() as into, ExitStack() as stack:
        yield {
            name: stack.enter_context(
                ground(
                    name,
                    Path(into),
                    shared=name in SHARED,
                    named=name == "machine",
                    kept=name == "keyring",
                )
            )
            for name in (*SHARED, *LOCAL)
            if not wanted or name in wanted
        }


async def _matrix(grounds: dict[str, Ground]) -> Matrix:
    loop = the_loop()
    watching = asyncio.create_task(loop.watch())
    for each in grounds.values():  # what is opened once and for all is no leak
        await _warm(each)
    gc.collect()
    gc.freeze()  # the sandbox's heap is large, and would be looked through again and again
    began, open_before = loop.time(), _open_files()
    try:
        lanes = [run_lane(each, SHARED[name]) for name, each in grounds.items() if name in SHARED]
        cells = [cell for lane in await asyncio.gather(*lanes) for cell in lane]
        for name in [name for name in LOCAL if name in grounds]:
            cells += await run_lane(grounds[name], LOCAL[name])
        leaked = await _leaked(open_before)
    finally:
        gc.unfreeze()
        watching.cancel()
    return Matrix(cells=tuple(cells), seconds=loop.time() - began, stalled=loop.stalled, leaked=tuple(leaked))


async def _warm(where: Ground) -> None:
    async with house(where, "warm") as warm:
        guest = Guest("warm", warm)
        await guest.settle_in()
        await guest.fetch()
        await guest.close()


def _open_files() -> dict[str, str]:
    found = {}
    for number in os.listdir("/proc/self/fd"):
        try:
            found[number] = os.readlink(f"/proc/self/fd/{number}")
        except OSError:  # the listing's own
            continue
    return found


async def _leaked(before: dict[str, str]) -> list[str]:
    """What is open that was not; the sandbox's ends of our connections take a moment to close."""
    left: dict[str, str] = {}
    for _ in range(100):
        left = {number: what for number, what in _open_files().items() if number not in before}
        if len(left) <= len(before.keys() - _open_files().keys()):
            return []
        await asyncio.sleep(0.05)
    return sorted(left.values())


def table(matrix: Matrix) -> Iterator[str]:
    """The matrix, line by line."""
    width = max(len(cell.fault.name) for cell in matrix.cells) + 2
    yield " " * width + "".join(f"{moment.value:<44}" for moment in Moment)
    for fault in dict.fromkeys(cell.fault.name for cell in matrix.cells):
        row = {cell.moment: cell for cell in matrix.cells if cell.fault.name == fault}
        yield f"{fault:<{width}}" + "".join(f"{_word(row[moment]):<44}" for moment in Moment)
    wrong = [cell for cell in matrix.cells if cell.wrong]
    yield ""
    for dependency, why in WHY_NOT.items():
        yield f"{dependency} with no other failure: {why}"
    for cell in wrong:
        yield f"WRONG {cell.name}: {'; '.join(cell.wrong)}"
    for what in matrix.leaked:
        yield f"LEFT OPEN {what}"
    yield (
        f"{len(matrix.cells)} cells, {len(wrong)} wrong, in {matrix.seconds:.0f} s, "
        f"of which the loop stood still for {matrix.stalled:.0f} s"
    )


def _word(cell: Cell) -> str:
    mark = "✗" if cell.wrong else "✓"
    slowest = f" {cell.slowest:.0f} ms" if cell.slowest else ""
    back = "" if cell.back is None else f" ↺ {cell.back:.1f} s"
    return f"{mark} {', '.join(cell.said)}{slowest}{back}"
