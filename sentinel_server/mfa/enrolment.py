"""What somebody has enrolled, and the one document that it is kept in. Wire shape 1.

A document names its person. One that was moved to another person's place proves nothing there.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Protocol

from sentinel_server.canonical import Json, canonical
from sentinel_server.errors import MfaUnavailable
from sentinel_server.frozen import frozen
from sentinel_server.mfa.totp import Hash, Totp
from sentinel_server.secret import Secret

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)  # E.164
_OUTSIDE = re.compile(r"[^A-Za-z0-9_.-]+", re.ASCII)
_NAME_LENGTH = 60


class SecretStore(Protocol):
    """Keeps one secret document per person. Raises MfaUnavailable when it cannot answer."""

    async def read(self, person: str) -> Secret | None:
        """The person's document, None when there is none."""
        ...

    async def write(self, person: str, document: Secret) -> None:
        """Put the document in the place of any other."""
        ...

    async def remove(self, person: str) -> bool:
        """Take the document away; False when there was none."""
        ...


@frozen
class Enrolment:
    """The second factors of one person: an authenticator, a telephone that takes codes, or both.

    Raises ValueError for a telephone number that is not E.164.
    """

    person: str
    totp: Totp | None = None
    phone: str = ""

    def __post_init__(self) -> None:
        if self.phone and not _PHONE.fullmatch(self.phone):
            raise ValueError("a telephone number is written +491701234567")


def to_document(enrolment: Enrolment) -> Secret:
    """The text to keep."""
    said: dict[str, Json] = {"v": 1, "person": enrolment.person}
    if enrolment.phone:
        said["phone"] = enrolment.phone
    if enrolment.totp is not None:
        said["totp"] = {
            "secret": enrolment.totp.secret.reveal(),
            "digits": enrolment.totp.digits,
            "period": enrolment.totp.period,
            "skew": enrolment.totp.skew,
            "algorithm": enrolment.totp.algorithm.value,
        }
    return Secret(canonical(said).decode())


def read_document(document: Secret, person: str) -> Enrolment:
    """What the text says. Raises MfaUnavailable when it is malformed or somebody else's."""
    try:
        said = json.loads(document.reveal())
        if said["v"] != 1 or said["person"] != person:
            raise ValueError("it is somebody else's, or of a newer shape")
        given = said.get("totp")
        return Enrolment(
            person=person,
            phone=str(said.get("phone", "")),
            totp=None if given is None else _totp(given),
        )
    except (KeyError, TypeError, AttributeError):
        why = "it is not a document of ours"
    except json.JSONDecodeError:
        why = "it is not JSON"
    except ValueError as error:
        why = str(error)
    raise MfaUnavailable(f"the second factor of {person} cannot be used: {why}")


def place_of(person: str) -> str:
    """A name for the person that SSM takes as part of a parameter's: for reading, and a hash as the key."""
    readable = _OUTSIDE.sub("-", person)[:_NAME_LENGTH]
    return f"{readable}-{hashlib.sha256(person.encode('utf-8', 'backslashreplace')).hexdigest()[:16]}"


def masked(phone: str) -> str:
    """The number as it may be shown: its last three digits."""
    return f"…{phone[-3:]}" if phone else ""


def _totp(given: dict[str, object]) -> Totp:
    def whole(name: str, default: int) -> int:
        value = given.get(name, default)
        if type(value) is not int:
            raise ValueError(f"{name} is not a whole number")
        return value

    secret = given["secret"]
    if not isinstance(secret, str):
        raise ValueError("the secret is no text")
    return Totp(
        secret=Secret(secret),
        digits=whole("digits", 6),
        period=whole("period", 30),
        skew=whole("skew", 1),
        algorithm=Hash(given.get("algorithm", "SHA1")),
    )
