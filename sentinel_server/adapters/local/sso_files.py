"""Tokens of Identity Center in the AWS CLI's own directory: private, and replaced whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from sentinel_server.adapters.local.directories import make_directory
from sentinel_server.adapters.local.file_lock import FileLock
from sentinel_server.credentials.sso import Login, Notes, Token
from sentinel_server.credentials.sso_form import parse_notes, parse_token, render_notes, render_token
from sentinel_server.errors import InvalidSetting


def cache_directory(environment: Mapping[str, str]) -> Path:
    """`~/.aws/sso/cache`; AWS's tools have no variable for it."""
    home = environment.get("HOME") or environment.get("USERPROFILE")
    return (Path(home) if home else Path.home()) / ".aws" / "sso" / "cache"


class SsoFiles:
    """TokenFiles in a directory. Beside each token lie our lock and our notes, under its name."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self, login: Login) -> Token | None:
        """The token; None when there is none or it cannot be read."""
        return parse_token(_text(self._token(login)))

    def write(self, login: Login, token: Token) -> None:
        """Keep the token, whole or not at all, for this user alone. Raises InvalidSetting."""
        self._replace(self._token(login), render_token(login, token))

    def remove(self, login: Login) -> None:
        """Forget the token. Raises InvalidSetting."""
        with _said(self._directory), suppress(FileNotFoundError):
            self._token(login).unlink()

    def glance(self, login: Login) -> Notes:
        """The notes of whoever has the turn, without waiting for it."""
        return parse_notes(_text(self._notes(login)))

    @asynccontextmanager
    async def turn(self, login: Login) -> AsyncIterator[_Turn | None]:
        """The turn, or None when another process has it. Raises InvalidSetting."""
        lock = FileLock(self._directory / f"{login.key}.lock")
        with _said(self._directory):
            make_directory(self._directory)
            ours = lock.acquire()
        try:
            yield _Turn(self, login) if ours else None
        finally:
            lock.release()

    def leave(self, login: Login, notes: Notes) -> None:
        """Leave notes for the next in turn. Raises InvalidSetting."""
        self._replace(self._notes(login), render_notes(notes))

    def _token(self, login: Login) -> Path:
        return self._directory / f"{login.key}.json"

    def _notes(self, login: Login) -> Path:
        # Not `.json`: the CLI takes every such file here for a token.
        return self._directory / f"{login.key}.login"

    def _replace(self, path: Path, text: str) -> None:
        with _said(self._directory):
            make_directory(self._directory)
            new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
            try:
                _write(new, text)
                os.replace(new, path)
            except BaseException:
                new.unlink(missing_ok=True)
                raise


class _Turn:
    def __init__(self, files: SsoFiles, login: Login) -> None:
        self._files = files
        self._login = login

    def notes(self) -> Notes:
        return self._files.glance(self._login)

    def leave(self, notes: Notes) -> None:
        self._files.leave(self._login, notes)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _write(path: Path, text: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with open(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _said(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = (error.strerror or "unknown error").lower()
        raise InvalidSetting(
            f"cannot keep a login in {directory}: {why}", hint=f"look at it: ls -ld {directory}"
        ) from error
