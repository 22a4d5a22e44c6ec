"""`sentinel policy sign`: a signature beside a file, to be pushed later or by somebody else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from cli.context import run, settings_from
from cli.options import control_option, flags_of, own_option, region_option
from cli.policies.files import read_or_fail
from cli.policies.shelf import in_days, signer_of, signer_options, write_file


@click.command("sign")
@click.argument("file")
@signer_options
@own_option(
    "SIGN", "--parameter", metavar="NAME", help="The SSM parameter it is for; the file's name without it."
)
@own_option("SIGN", "--account", metavar="ID", help="The account of that parameter.")
@own_option(
    "SIGN", "--serial", type=click.IntRange(1), metavar="N", help="Its serial; one more than the last."
)
@own_option("SIGN", "-o", "--output", "out", metavar="FILE", help="Where to write it; FILE.sig without it.")
@region_option
@control_option
def sign(
    file: str,
    sign_with: str | None,
    kms_key: str | None,
    valid_for: timedelta | None,
    parameter: str | None,
    account: str | None,
    serial: int | None,
    out: str | None,
    **flags: Any,
) -> None:
    """Sign a policy of any kind, in a file, for one place.

    The signature is of use nowhere else. Push both: sentinel policy push PROFILE FILE --signature FILE.sig
    """
    from cli.output import note
    from cli.policies.verify import place_of
    from sentinel_server.policy.documents import parse_document

    settings = settings_from(flags_of(flags))
    place = place_of(file, parameter, account, settings.region)
    target = out or f"{file}.sig"
    data = read_or_fail(file)
    parse_document(data, file=file)
    number = serial or _next(target, place)
    write_file(target, run(_envelope(settings, place, data, number, sign_with, kms_key, valid_for)))
    note(f"{file} is signed for {place} {in_days(valid_for)} with serial {number}: {target}")


def _next(target: str, place: Any) -> int:
    from sentinel_server.policy.statement import signatures_in

    if target == "-" or not Path(target).is_file():
        return 1
    found = signatures_in(read_or_fail(target))
    return max((each.statement.serial for each in found if each.statement.place == place), default=0) + 1


async def _envelope(
    settings: Any,
    place: Any,
    data: bytes,
    serial: int,
    sign_with: str | None,
    kms_key: str | None,
    valid_for: timedelta | None,
) -> bytes:
    from sentinel_server.clock import SystemClock
    from sentinel_server.errors import BadInput
    from sentinel_server.policy.signing import sign_policy
    from sentinel_server.policy.statement import Envelope, print_envelope

    async with signer_of(settings, sign_with, kms_key) as signer:
        if signer is None:
            raise BadInput("no key to sign with", hint="name one: --sign-with KEYFILE or --kms-key ID")
        now = SystemClock().now()
        signed = await sign_policy(signer, place, data, serial=serial, now=now, valid_for=valid_for)
    return print_envelope(Envelope(signatures=(signed,)))
