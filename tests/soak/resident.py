"""A session of the soak: `sentinel exec --server`, the process that a user runs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.product import CHILD, command
from tests.faults.ground import Ground
from tests.faults.guest import Answer, Judge
from tests.faults.house import PROFILE
from tests.soak.model import Span

_UNHEARD_OF = ("Traceback", "Fatal Python error", "Exception ignored", "was destroyed", "never retrieved")
"""What no program of ours says."""
_SLOW = ("answer within", "did not arrive within", "timeout on endpoint")
"""How a refusal says that time was all it lacked."""
_ENDS = 15.0
"""Seconds in which it must have ended, a store that does not answer included."""


def lateness(answer: Answer) -> str:
    """The code of an answer, `late` when time was all that it lacked: it is this machine that is the AWS.

    For the model alone. In the log such an answer has one line, like every other.
    """
    slow = answer.code != "Success" and any(words in answer.message for words in _SLOW)
    return "late" if slow else answer.code


@dataclass(slots=True, eq=False)
class Resident(Judge):
    """One such process, its revocation if there is one, and how often its clients were answered what.

    What it says goes to a file: nobody reads it, and a full pipe would stop it.
    """

    ground: Ground
    says: Path
    revocation: Span | None = None
    said: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    id: str = ""
    _url: str = ""
    _token: str = ""
    _process: subprocess.Popen[str] | None = None

    async def open(self) -> bool:
        """Serve from now on; whether it does, because it refuses to start while something is wrong."""
        self._process = process = await asyncio.to_thread(self._begun)
        assert process.stdout is not None
        told = await asyncio.to_thread(process.stdout.readline)
        if not told:
            await self.close()
            return False
        self._url, self._token = json.loads(told)
        self.id = self.says.read_text().split()[2]
        return True

    async def close(self) -> None:
        """End it by the end of its child. Notes what it should not have said or left."""
        if (process := self._process) is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.stdout.close()
        try:
            await asyncio.to_thread(process.wait, _ENDS)
        except subprocess.TimeoutExpired:
            self.wrong.append(f"it had not ended after {_ENDS:.0f} s")
            process.kill()
            await asyncio.to_thread(process.wait)
        self._process = None
        said = self.says.read_text()
        if process.returncode < 0 or any(word in said for word in _UNHEARD_OF):
            self.wrong.append(f"it ended with {process.returncode} and said: {said}")

    def where(self) -> Ground:
        """The AWS that is behind it."""
        return self.ground

    @property
    def memory(self) -> float:
        """MiB of memory in use."""
        assert self._process is not None
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * 4096 / 1024 / 1024

    def _begun(self) -> subprocess.Popen[str]:
        with self.says.open("w") as said:
            return subprocess.Popen(
                command(PROFILE, child=(sys.executable, "-ISc", CHILD)),
                env=dict(self._environment()),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            )

    def _environment(self) -> Mapping[str, str]:
        settings = self.ground.settings
        return {
            **settings.environ,
            "SENTINEL_POLICY_MAX_AGE": f"{settings.policy_max_age.total_seconds():.0f}s",
            "SENTINEL_RATE_LIMIT": "0",
        }
