"""`sentinel policy verify`: does the signature hold?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.context import run, settings_from
from cli.options import flags_of, output_option, own_option
from cli.policies.files import read_or_fail
from cli.policies.shelf import keys_option, open_shelf, store_options

if TYPE_CHECKING:
    from sentinel_server.policy.statement import Statement
    from sentinel_server.policy.stored import Stored
    from sentinel_server.settings.resolve import Settings


@click.command("verify")
@click.argument("what", metavar="PROFILE|FILE")
@own_option("VERIFY", "--signature", metavar="FILE", help="The envelope of FILE; FILE.sig without it.")
@own_option(
    "VERIFY", "--parameter", metavar="NAME", help="The parameter that FILE is for; its own name without it."
)
@own_option("VERIFY", "--account", metavar="ID", help="The account of that parameter.")
@output_option("human", "json")
@keys_option
@store_options
@click.pass_context
def verify(
    ctx: click.Context,
    /,
    what: str,
    signature: str | None,
    parameter: str | None,
    account: str | None,
    output: str,
    **flags: Any,
) -> None:
    """Check the signature of a profile's stored policy, or of a file.

    Asks the pinned keys and nobody else. Exits 0 when it holds, 1 when not, 6 when nothing could be read.
    """
    from cli.output import fail, show_json
    from cli.policies.verifying import bad_fields, fields
    from sentinel_server.errors import PolicyUnverified

    settings = settings_from(flags_of(flags))
    try:
        if _is_file(what) or signature or parameter:
            said = _of_file(settings, what, signature or f"{what}.sig", parameter, account)
        else:
            said = run(_of_profile(settings, what))
    except PolicyUnverified as error:
        if output == "json":
            show_json(bad_fields(what, error))
        else:
            fail(error)
        ctx.exit(1)
    if output == "json":
        show_json(fields(what, said))
    else:
        _say(what, said)


def _is_file(what: str) -> bool:
    return what == "-" or os.sep in what or what.endswith((".yaml", ".yml")) or Path(what).is_file()


async def _of_profile(settings: Settings, profile: str) -> Statement:
    from cli.policies.verifying import verify_stored
    from sentinel_server.errors import PolicyUnavailable

    async with open_shelf(settings, profile) as shelf:
        seen = await shelf.store.read(profile)
        if seen.data is None:
            raise PolicyUnavailable(f"no policy for {profile}: {seen.name} does not exist")
        return await verify_stored(shelf, seen)


def _of_file(
    settings: Settings, file: str, signature: str, parameter: str | None, account: str | None
) -> Statement:
    from sentinel_server.policy.schema import Origin
    from sentinel_server.policy.stored import Stored

    seen = Stored(
        profile=file,
        name=file,
        place=place_of(file, parameter, account, settings.region),
        origin=Origin.FILE,
        remembered_as=file,
        data=read_or_fail(file),
        envelope=read_or_fail(signature) if signature == "-" or Path(signature).exists() else None,
    )
    return run(_verified(settings, seen))


async def _verified(settings: Settings, seen: Stored) -> Statement:
    from cli.output import note
    from cli.policies.verifying import verify_one
    from sentinel_server import wiring
    from sentinel_server.clock import SystemClock

    if not settings.signing_keys:
        return verify_one(seen, None, SystemClock().now())
    wiring.key_ring(settings).read()  # a key set that cannot be read says nothing about the signature
    async with wiring.open_pins(settings, note) as pins:
        return verify_one(seen, await pins.now(), SystemClock().now())


def place_of(file: str, parameter: str | None, account: str | None, region: str | None) -> Any:
    """The place that a file's signature is for. Raises BadInput."""
    from sentinel_server.errors import BadInput
    from sentinel_server.policy.statement import Place

    if parameter is None:
        if account is not None:
            raise BadInput(
                "an account without a parameter", hint="name it: --parameter /sentinel/policies/NAME"
            )
        return Place(parameter=Path(file).name)
    if not parameter.startswith("/"):
        raise BadInput(f"{parameter!r} is not the full name of an SSM parameter (it begins with /)")
    if account is None or region is None:
        raise BadInput(
            "a parameter is one of an account and region", hint="name them: --account ID --region NAME"
        )
    return Place(parameter=parameter, account=account, region=region)


def _say(what: str, said: Statement) -> None:
    from cli.output import show_lines
    from sentinel_server.clock import whole_seconds

    end = "never" if said.not_after is None else whole_seconds(said.not_after)
    show_lines(
        [
            ("Policy", what),
            ("Signature", "holds"),
            ("For", str(said.place)),
            ("Key", said.key_id),
            ("Serial", str(said.serial)),
            ("Signed", whole_seconds(said.signed_at)),
            ("Expires", end),
            ("SHA-256", said.sha256),
        ]
    )
