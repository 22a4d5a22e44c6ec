"""aws-vault's own command, for the stores that only it can read.

It is given a configuration in which no profile has a role, so that it prints keys and not sessions.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from sentinel_server.credentials.config_file import render
from sentinel_server.errors import KeyringUnavailable, NotFound
from sentinel_server.keyring.aws_vault import Found, exported

COMMAND_SECONDS = 120
"""How long aws-vault may take for one key: it may be asking somebody."""


class VaultCommand:
    """Asks aws-vault for every key, one after another."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        kept = {name: value for name, value in environment.items() if not name.startswith("SENTINEL_")}
        kept.pop("AWS_VAULT", None)  # else it takes itself for running inside itself
        self._environment = kept
        self._command = shutil.which("aws-vault", path=environment.get("PATH", os.defpath))

    @property
    def there(self) -> bool:
        """Whether there is such a command."""
        return self._command is not None

    async def read(self) -> Sequence[Found]:
        """The key of every name that it lists. Raises NotFound, KeyringUnavailable."""
        listed = (await self._run({}, "list", "--credentials")).splitlines()
        names = [name for line in listed if (name := line.strip())]
        with tempfile.TemporaryDirectory(prefix="sentinel-") as directory:
            files = _without_roles(Path(directory), names)
            return [await self._export(name, files) for name in names]

    async def _export(self, name: str, files: Mapping[str, str]) -> Found:
        try:
            text = await self._run(files, "export", "--no-session", "--format=json", "--", name)
        except KeyringUnavailable as error:
            return Found(name=name, why=error.message)
        return exported(text, name)

    async def _run(self, files: Mapping[str, str], *words: str) -> str:
        if self._command is None:
            raise NotFound("there is no command aws-vault here", hint="read its files: --from file")
        what = f"aws-vault {words[0]}"
        try:
            process = await asyncio.create_subprocess_exec(
                self._command, *words, env={**self._environment, **files}, stdout=asyncio.subprocess.PIPE
            )
        except OSError as error:
            raise KeyringUnavailable(f"{what} cannot be run: {(error.strerror or '').lower()}") from error
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                out, _ = await process.communicate()
        except TimeoutError:
            raise KeyringUnavailable(f"{what} gave no answer in {COMMAND_SECONDS} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise KeyringUnavailable(f"{what} failed with exit code {process.returncode}")
        return out.decode("utf-8", "replace")


def _without_roles(directory: Path, names: Sequence[str]) -> dict[str, str]:
    """The variables that let aws-vault see all profiles, with nothing in them."""
    config = directory / "config"
    config.write_text(render({_title(name): {"region": "us-east-1"} for name in names}), encoding="utf-8")
    return {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def _title(name: str) -> str:
    if name == "default":
        return name
    return f'profile "{name}"' if any(map(str.isspace, name)) else f"profile {name}"
