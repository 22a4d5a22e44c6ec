"""Our console script with a mistake in it: `python -m tests.fakes.sabotaged PART words of the command`.

What the part does instead is to fail, quoting every secret it was given: the worst a mistake of ours can do.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from cli import main as console
from sentinel_server.access import mint, session
from sentinel_server.adapters.aws import sso, sts
from sentinel_server.adapters.local import passphrase, sso_files, vault
from sentinel_server.credentials import console as sign_in
from sentinel_server.credentials import environment, exporting
from sentinel_server.keyring import imports, keys, rotate, seeds
from sentinel_server.secret import Secret


def told(value: object) -> str:
    """All that there is in a value, secrets revealed."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if is_dataclass(value):
        return " ".join(told(getattr(value, field.name)) for field in fields(value))
    if isinstance(value, dict):
        return " ".join(f"{key}={told(each)}" for key, each in value.items())
    return str(value)


def broken(*given: object, **named: object) -> object:
    """Fail, and say too much."""
    raise RuntimeError(" ".join([*map(told, given), *map(told, named.values())]))


PARTS: Mapping[str, tuple[object, str]] = {
    "environment": (environment, "child_environment"),
    "exporting": (exporting, "exported"),
    "import": (imports, "_bring_in"),
    "keep-token": (sso_files, "render_token"),
    "mint": (mint, "Minted"),
    "passphrase": (passphrase, "stretched"),
    "portal": (sso, "AwsCredentials"),
    "print-key": (keys, "print_key"),
    "render": (session, "container_json"),
    "rotate": (rotate.Rotator, "_until_it_works"),
    "seal": (vault, "seal"),
    "seed": (seeds, "Seed"),
    "signing-in": (sign_in, "sign_in_url"),
    "sts": (sts.StsAssumer, "assume"),
}
"""What can be broken: where it is looked up, and under which name."""


def sabotage(part: str) -> None:
    """Break it in this process, also for those that have imported it already."""
    where, attribute = PARTS[part]
    whole = getattr(where, attribute)
    setattr(where, attribute, broken)
    for module in list(sys.modules.values()):
        if getattr(module, attribute, None) is whole:
            setattr(module, attribute, broken)


if __name__ == "__main__":
    _, name, *words = sys.argv
    sabotage(name)
    sys.argv = ["sentinel", *words]
    console.main(words)
