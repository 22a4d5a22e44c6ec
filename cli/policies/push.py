"""`sentinel policy push`: put a policy into force."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from cli.context import run, settings_from
from cli.options import flags_of, own_option, yes_option
from cli.policies.files import read_or_fail
from cli.policies.shelf import keys_option, kind_of, open_shelf, signer_options, store_options

TIERS = ("auto", "standard", "advanced")
"""The tiers of SSM parameters; a test holds them to `policy.stored.Tier`."""


@click.command("push")
@click.argument("profile")
@click.argument("file")
@signer_options
@own_option("PUSH", "--signature", metavar="FILE", help="A signature made before by policy sign.")
@own_option(
    "PUSH", "--expect-version", type=click.IntRange(0), metavar="N", help="Push over this version only."
)
@own_option("PUSH", "--tier", type=click.Choice(TIERS), default="auto", show_default=True, help="SSM tier.")
@own_option("PUSH", "--secure", is_flag=True, help="Create a SecureString.")
@own_option("PUSH", "--kms-key-id", metavar="ID", help="Key that encrypts the SecureString.")
@own_option("PUSH", "--no-tests", is_flag=True, help="Do not run the tests beside FILE.")
@yes_option
@keys_option
@store_options
def push(profile: str, file: str, **options: Any) -> None:
    """Check a policy, show what changes, ask, sign it, and put it into force.

    FILE is a policy, - for stdin. PROFILE may be kind:approval, kind:breakglass or kind:ratelimit, too, here
    and wherever stored policies are meant. Nothing is written unless what is there is still what was shown.
    """
    from cli.policies.checking import check
    from cli.policies.pushing import Push
    from sentinel_server.policy.stored import Shape

    data = read_or_fail(file)
    name = "<stdin>" if file == "-" else file
    check(data, name, kind_of(profile), tests=not options.pop("no_tests"))
    shape = Shape(
        tier=options.pop("tier"), secure=options.pop("secure"), kms_key_id=options.pop("kms_key_id")
    )
    valid_for: timedelta | None = options.pop("valid_for")
    wanted = Push(
        data=data,
        source=file,
        sign_with=options.pop("sign_with"),
        kms_key=options.pop("kms_key"),
        valid_for=valid_for,
        ready=_ready(data, options.pop("signature")),
        yes=options.pop("yes"),
    )
    expected: int | None = options.pop("expect_version")
    run(_push(settings_from(flags_of(options)), profile, wanted, shape, expected))


def _ready(data: bytes, signature: str | None) -> Any:
    from sentinel_server.errors import BadInput
    from sentinel_server.policy.shipping import signed_by

    if signature is None:
        return None
    found = signed_by(data, read_or_fail(signature))
    if found is None:
        raise BadInput(f"{signature} has no signature of this policy")
    return found


async def _push(settings: Any, profile: str, wanted: Any, shape: Any, expected: int | None) -> None:
    from cli.policies.pushing import check_version
    from cli.policies.pushing import push as put
    from sentinel_server.errors import BadInput

    if wanted.ready is not None and (wanted.sign_with or wanted.kms_key):
        raise BadInput("the policy is signed already", hint="leave out --signature, or the key")
    async with open_shelf(settings, profile, shape) as shelf:
        seen = await shelf.store.read(profile)
        check_version(seen, expected)
        await put(settings, shelf, seen, wanted)
