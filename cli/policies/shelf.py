"""What the commands that move policies share: their options, whose key signs, and times."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.layout import clean
from cli.options import control_option, own_option, policy_options, region_option, setting_option
from cli.types import span

if TYPE_CHECKING:
    from sentinel_server.policy.kinds import DocumentKind
    from sentinel_server.policy.signing import Signer
    from sentinel_server.policy.stored import Shape
    from sentinel_server.settings.resolve import Settings
    from sentinel_server.wiring import Shelf

Command = TypeVar("Command", bound=Callable[..., Any])


def store_options(command: Command) -> Command:
    """`--policies`, `--policy-parameter`, `--region` and `--aws-profile`."""
    return policy_options(region_option(control_option(command)))


def keys_option(command: Command) -> Command:
    """`--keys`: the pinned public keys."""
    return setting_option("--keys", setting="signing.keys", help="Pinned public keys.", metavar="FILE")(
        command
    )


def signer_options(command: Command) -> Command:
    """`--sign-with`, `--kms-key` and `--valid-for`."""
    file = own_option(
        "POLICY", "--sign-with", metavar="KEYFILE", help="Sign with the private key in this file."
    )
    kms = own_option("POLICY", "--kms-key", metavar="ID", help="Sign with this KMS key (id, ARN or alias).")
    valid = own_option(
        "POLICY", "--valid-for", type=span, metavar="DURATION", help="When the signature expires."
    )
    return file(kms(valid(command)))


KIND = "kind:"
"""What comes before the kind of a side policy where else a profile is named; no profile is named so."""


def kind_of(profile: str) -> DocumentKind:
    """Which kind of document a command is about. Raises BadInput for `kind:` and no side policy's."""
    from sentinel_server.errors import BadInput
    from sentinel_server.policy.kinds import SIDE_NAMES, DocumentKind

    if not profile.startswith(KIND):
        return DocumentKind.POLICY
    named = {f"{KIND}{kind.value}": kind for kind in SIDE_NAMES}
    if profile not in named:
        raise BadInput(f"{profile!r} is no kind of side policy", hint=f"write one of {', '.join(named)}")
    return named[profile]


@asynccontextmanager
async def open_shelf(settings: Settings, profile: str, shape: Shape | None = None) -> AsyncIterator[Shelf]:
    """The store of what PROFILE names, with what this machine remembers; that it is new is said.

    Raises BadInput, and what opening raises.
    """
    from cli.output import note
    from sentinel_server import wiring
    from sentinel_server.policy.stored import PLAIN

    kind = kind_of(profile)
    async with wiring.open_policy_store(settings, shape or PLAIN, kind, note) as shelf:
        yield shelf


@asynccontextmanager
async def signer_of(
    settings: Settings, sign_with: str | None, kms_key: str | None
) -> AsyncIterator[Signer | None]:
    """What the options name, None when they name nothing. Raises BadInput."""
    from sentinel_server import wiring
    from sentinel_server.errors import BadInput

    if sign_with and kms_key:
        raise BadInput("two keys are named", hint="keep one of --sign-with and --kms-key")
    if not (sign_with or kms_key):
        yield None
        return
    file = Path(sign_with) if sign_with else None
    async with wiring.open_signer(settings, key_file=file, kms_key=kms_key) as signer:
        yield signer


def as_seen(data: bytes) -> str:
    """The text for a terminal, each line cleaned: who wrote it may want more than to be read."""
    return "\n".join(map(clean, data.decode("utf-8", "surrogateescape").split("\n")))


def write_file(file: str, data: bytes) -> None:
    """Write a file as a person's editor would, `-` to stdout, cleaned on a terminal. Raises SentinelError."""
    from sentinel_server.errors import SentinelError

    if file == "-":
        click.echo(as_seen(data) if sys.stdout.isatty() else data, nl=False)
        return
    try:
        Path(file).write_bytes(data)
    except OSError as error:
        raise SentinelError(f"cannot write {file}: {error.strerror or error}") from error


def instant(text: str) -> datetime:
    """A time with a zone, as an option has it. Raises BadParameter; click adds the option."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a time; write it as 2026-01-31T17:30Z") from None
    if at.tzinfo is None:
        raise click.BadParameter(f"{text!r} names no zone; end it in Z for UTC")
    return at.replace(microsecond=0)


def in_days(span: timedelta | None) -> str:
    """How long a signature counts, for people."""
    from sentinel_server.policy.durations import format_duration

    return "for good" if span is None else f"for {format_duration(span)}"
