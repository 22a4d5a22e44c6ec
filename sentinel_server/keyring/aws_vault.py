"""What aws-vault keeps, as values: https://github.com/99designs/aws-vault (vault/credentialkeyring.go).

Every store of it holds the same items: JSON with a `Key`, which is the profile's name, and `Data` in base64,
which is JSON again. Keys of sessions and of SSO tokens have forms of their own; both end soon and are not
taken along.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode
from typing import Any

from sentinel_server.errors import BadInput
from sentinel_server.frozen import frozen
from sentinel_server.keyring.model import AccessKey, access_key

_SESSION = re.compile(r"[^,]+,[^,]+,[^,]*,[0-9]+|session:[^ ]+:[^ ]*:[^:]+|.+? session \(\d+\)")
_TOKEN = "oidc:"  # noqa: S105  # how keys of SSO tokens begin


@frozen
class Found:
    """Something that another tool keeps: a key, or why there is none. `passing` is what ends by itself."""

    name: str
    key: AccessKey | None = None
    why: str = ""
    passing: bool = False


def found_in(text: str, name: str) -> Found:
    """What an item's JSON holds; `name` is what the store calls it, for one that cannot be read."""
    try:
        item: dict[str, Any] = json.loads(text)
        name = str(item["Key"])
        data: dict[str, Any] = json.loads(b64decode(item["Data"], validate=True))
        if passing(name):
            return Found(name=name, why=passing(name), passing=True)
        if data.get("SessionToken"):
            return Found(name=name, why="a session, which will end", passing=True)
        return Found(name=name, key=access_key(str(data["AccessKeyID"]), str(data["SecretAccessKey"])))
    except BadInput as error:
        return Found(name=name, why=error.message)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        return Found(name=name, why="it is not what aws-vault writes")


def exported(text: str, name: str) -> Found:
    """What `aws-vault export --format=json` printed for a profile."""
    try:
        document: dict[str, Any] = json.loads(text)
        if document.get("SessionToken"):
            return Found(name=name, why="aws-vault gave a session in place of its key")
        return Found(
            name=name, key=access_key(str(document["AccessKeyId"]), str(document["SecretAccessKey"]))
        )
    except BadInput as error:
        return Found(name=name, why=error.message)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Found(name=name, why="aws-vault did not print a key")


def passing(name: str) -> str:
    """What an item is that is not worth taking along, by its key; empty for an access key."""
    if name.startswith(_TOKEN):
        return "a token of an SSO login, which will end"
    return "a session, which will end" if _SESSION.fullmatch(name) else ""
