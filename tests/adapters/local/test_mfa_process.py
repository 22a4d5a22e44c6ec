"""`mfa_process`: run by its words, heard on stdout, and never asked twice for one session."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from pathlib import Path

import pytest

from sentinel_server.adapters.local.mfa_process import MfaProcess
from sentinel_server.credentials.ports import CodeAsk
from sentinel_server.credentials.recursion import RESOLVING
from sentinel_server.errors import InvalidSetting, LoginRequired

SERIAL = "arn:aws:iam::111122223333:mfa/dev"
ASK = CodeAsk(profile="prod", serial=SERIAL)


def process(program: str, **environment: str) -> MfaProcess:
    return MfaProcess(shlex.join([sys.executable, "-c", program]), environment)


async def refusal(source: MfaProcess) -> str:
    with pytest.raises(LoginRequired) as refused:
        await source.code(ASK)
    return refused.value.line()


async def test_what_it_prints_is_the_code() -> None:
    assert await process("print(' 123456 ')").code(ASK) == "123456"
    assert await process("print('12345678')").code(CodeAsk(profile="p", serial="s", attended=False))


async def test_it_is_told_the_device_and_none_of_our_secrets_and_cannot_ask() -> None:
    program = (
        "import os, sys\n"
        f"assert os.environ['AWS_MFA_SERIAL'] == {SERIAL!r}\n"
        f"assert os.environ[{RESOLVING!r}] == 'prod'\n"
        "assert 'SENTINEL_KEYRING_PASSPHRASE' not in os.environ\n"
        "assert sys.stdin.read() == ''\n"
        "print('123456')"
    )
    assert await process(program, SENTINEL_KEYRING_PASSPHRASE="hidden").code(ASK) == "123456"


async def test_once_a_code_of_it_was_refused_it_is_not_run_again() -> None:
    assert await process("print('123456')").code(CodeAsk(profile="p", serial="s", refused=1)) is None
    assert await MfaProcess("", {}).code(ASK) is None


async def test_how_it_failed_is_said_and_not_what_it_printed() -> None:
    assert "ended with status 3" in await refusal(process("raise SystemExit(3)"))
    assert "no such file" in await refusal(MfaProcess("/no/such/program", {}))
    said = await refusal(process("print('hidden-words')"))
    assert "no code of six to eight digits" in said
    assert "hidden" not in said


def test_words_that_cannot_be_taken_apart_are_a_setting_to_mend() -> None:
    with pytest.raises(InvalidSetting, match="no closing quotation"):
        MfaProcess("printf '1", {})


async def test_no_shell_reads_it(tmp_path: Path) -> None:
    source = MfaProcess(f"{sys.executable} -c \"print('123456')\" ; touch {tmp_path}/made", {})
    assert await source.code(ASK) == "123456"
    assert not (tmp_path / "made").exists()


async def test_it_is_gone_when_whoever_waited_gives_up(tmp_path: Path) -> None:
    started = tmp_path / "started"
    os.mkfifo(started)
    hang = f"import signal; f = open({str(started)!r}, 'w'); f.write('up'); f.flush(); signal.pause()"
    waiting = asyncio.create_task(process(hang).code(ASK))
    pipe = await asyncio.to_thread(started.open)
    assert await asyncio.to_thread(pipe.read, 2) == "up"
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await asyncio.to_thread(pipe.read) == ""  # its end closed with it
    pipe.close()
