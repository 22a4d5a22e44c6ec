"""`mfa_process` of a profile: a command that prints the code of its MFA device, as aws-vault has it."""

from __future__ import annotations

import asyncio
import re
import shlex
import sys
from collections.abc import Mapping
from contextlib import suppress

from sentinel_server.credentials.environment import without_our_secrets
from sentinel_server.credentials.ports import CodeAsk
from sentinel_server.credentials.recursion import RESOLVING
from sentinel_server.errors import InvalidSetting, LoginRequired

SECONDS = 60
"""How long the command may take; it may be waiting for a finger on a key."""

_CODE = re.compile(r"[0-9]{6,8}", re.ASCII)


class MfaProcess:
    """A CodeSource that runs a command, by its words and without a shell.

    What it says on stderr is shown, such as that a key wants to be touched; it cannot ask for anything.
    """

    def __init__(self, command: str, environment: Mapping[str, str]) -> None:
        """Raises InvalidSetting for a command that cannot be taken apart into words."""
        self._command = command
        try:
            self._words = shlex.split(command, posix=sys.platform != "win32")
        except ValueError as error:
            raise InvalidSetting(
                f"mfa_process: {str(error).lower()}", hint="edit it in the AWS config"
            ) from None
        self._environment = environment

    async def code(self, ask: CodeAsk) -> str | None:
        """What the command prints; None once a code of it was refused. Raises LoginRequired."""
        if ask.refused or not self._words:
            return None
        said = (await self._printed(ask)).strip()
        if not _CODE.fullmatch(said):
            raise self._failed("it printed no code of six to eight digits")
        return said

    async def _printed(self, ask: CodeAsk) -> str:
        environment = {
            **without_our_secrets(self._environment),
            RESOLVING: ask.profile,
            "AWS_MFA_SERIAL": ask.serial,
        }
        try:
            process = await asyncio.create_subprocess_exec(
                *self._words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                env=environment,
            )
        except OSError as error:
            raise self._failed((error.strerror or "it cannot be run").lower()) from error
        try:
            async with asyncio.timeout(SECONDS):
                out, _ = await process.communicate()
        except TimeoutError:
            raise self._failed(f"it took over {SECONDS} seconds") from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode != 0:
            raise self._failed(f"it ended with status {process.returncode}")
        return out.decode(errors="replace")

    def _failed(self, why: str) -> LoginRequired:
        return LoginRequired(
            f"mfa_process {self._words[0]!r} gave no code: {why}", hint="run it yourself to see"
        )
