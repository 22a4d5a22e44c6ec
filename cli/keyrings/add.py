"""`sentinel keyring add`: an access key, typed, from the environment, or from a program."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from cli.context import run
from cli.keyrings.opening import opened
from cli.keyrings.options import backend_option, keyring_options
from cli.layout import clean
from cli.options import own_option

if TYPE_CHECKING:
    from sentinel_server.keyring.model import AccessKey
    from sentinel_server.settings.resolve import Settings
    from sentinel_server.wiring import UserKeyring


@click.command("add")
@click.argument("profile")
@own_option("KEYRING", "--env", is_flag=True, help="Take it from AWS_ACCESS_KEY_ID and its secret.")
@own_option("KEYRING", "--stdin", is_flag=True, help="Take it from stdin, as JSON of the AWS CLI.")
@own_option("KEYRING", "--mfa-seed", is_flag=True, help="Keep the seed of its MFA device instead.")
@own_option("KEYRING", "--replace", is_flag=True, help="In place of the one that is there.")
@keyring_options
@backend_option
def add(profile: str, env: bool, stdin: bool, mfa_seed: bool, replace: bool, **flags: Any) -> None:
    """Keep an access key for a profile.

    Asks for the two halves of the key. It is used for the profile of that name, unless ~/.aws has other
    credentials for it, and for profiles that name it as their source_profile. With --stdin:

        aws iam create-access-key | sentinel keyring add base --stdin

    With --mfa-seed it asks for the secret key that AWS shows beside the QR code of the profile's mfa_serial,
    and codes of that device are asked of nobody any more.
    """
    from cli.output import note
    from sentinel_server.errors import BadInput

    if env and (stdin or mfa_seed):
        raise BadInput("--env is a place for access keys, and one place at that")
    settings, keyring = opened(flags)
    if mfa_seed:
        _add_seed(settings, keyring, profile, stdin=stdin, replace=replace)
        return
    key = _from_environment(settings) if env else _from_stdin() if stdin else _typed(profile)
    run(keyring.keys.add(profile, key, replace=replace))
    click.echo(clean(f"{key.id} is kept for {profile}."))
    note(f"{keyring.path} is opened by {keyring.opener()}")
    _warn_of_others(settings, profile)


def _add_seed(settings: Settings, keyring: UserKeyring, profile: str, *, stdin: bool, replace: bool) -> None:
    from cli.output import note
    from cli.prompt import ask_secret
    from sentinel_server import wiring
    from sentinel_server.keyring.seeds import read_seed

    serial = wiring.mfa_serial(settings, profile)
    text = sys.stdin.read(4096) if stdin else ask_secret(f"seed of {serial}").reveal()
    run(keyring.seeds.add(serial, read_seed(text), replace=replace))
    click.echo(clean(f"The seed of {serial} is kept."))
    note(f"{keyring.path} is opened by {keyring.opener()}")


def _typed(profile: str) -> AccessKey:
    from cli.prompt import ask_secret, ask_text
    from sentinel_server.keyring.model import access_key

    key_id = ask_text(f"access key id for {profile}")
    return access_key(key_id, ask_secret("its secret access key").reveal())


def _from_environment(settings: Settings) -> AccessKey:
    from sentinel_server.errors import BadInput
    from sentinel_server.keyring.model import access_key

    found = [settings.environ.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")]
    if not all(found):
        raise BadInput("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set")
    return access_key(str(found[0]), str(found[1]))


def _from_stdin() -> AccessKey:
    import json

    from sentinel_server.errors import BadInput
    from sentinel_server.keyring.model import access_key

    try:
        document = json.loads(sys.stdin.read(65536))
        pair = document.get("AccessKey", document)
        return access_key(str(pair["AccessKeyId"]), str(pair["SecretAccessKey"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInput(
            "stdin has no AccessKeyId and SecretAccessKey as JSON",
            hint="try: aws iam create-access-key | sentinel keyring add PROFILE --stdin",
        ) from None


def _warn_of_others(settings: Settings, profile: str) -> None:
    """Say when the files have credentials of their own, because then these are not used."""
    from cli.output import note
    from sentinel_server import wiring
    from sentinel_server.credentials.profiles import ProfileKind

    found = wiring.load_profile(settings, profile)
    if not found.has_kept_keys:
        note(f"but {found.file} has credentials of kind {found.kind.value} for {profile}, which win")
        if found.kind is ProfileKind.STATIC:
            note(f"next: delete aws_access_key_id and aws_secret_access_key of {profile} there")
