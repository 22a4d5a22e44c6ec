"""Our console script with a mistake in it: `python -m tests.fakes.sabotaged PART words of the command`.

What the part does instead is to fail, quoting every secret it was given: the worst a mistake of ours can do.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from cli import main as console
from sentinel_server.access import mint, session
from sentinel_server.adapters.aws import sts
from sentinel_server.adapters.local import passphrase, vault
from sentinel_server.credentials import environment
from sentinel_server.keyring import keys
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
    "mint": (mint, "Minted"),
    "passphrase": (passphrase, "stretched"),
    "print-key": (keys, "print_key"),
    "render": (session, "container_json"),
    "seal": (vault, "seal"),
    "sts": (sts.StsAssumer, "assume"),
}
"""What can be broken: where it is looked up, and under which name."""


if __name__ == "__main__":
    _, name, *words = sys.argv
    where, attribute = PARTS[name]
    assert hasattr(where, attribute)
    setattr(where, attribute, broken)
    sys.argv = ["sentinel", *words]
    console.main(words)
