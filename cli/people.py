"""Which person a name on the command line means. Never a guess: a block on somebody else blocks nobody."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sentinel_server.errors import BadInput

if TYPE_CHECKING:
    from datetime import datetime

    from sentinel_server.identity.people import Persons
    from sentinel_server.sessions.store import SessionStore

FORMS = "sso:NAME, iam:ACCOUNT:NAME, role:ACCOUNT:ROLE, federated:ACCOUNT:NAME, root:ACCOUNT or person:NAME"
_KINDS = frozenset({"sso", "iam", "role", "federated", "root", "person"})
_KEY = re.compile(r"(sso|person):.+|(iam|role|federated):[0-9]{12}:.+|root:[0-9]{12}", re.ASCII | re.DOTALL)
_NAMED_BY_AWS = ("sso:", "iam:", "person:")
_PAGE = 1000


def is_key(text: str) -> bool:
    """Whether it has the form of a person's key."""
    return _KEY.fullmatch(text) is not None


async def find_person(store: SessionStore, persons: Persons, text: str, now: datetime) -> str:
    """The person key that `text` is, or that sessions of users with this bare name have.

    Raises BadInput for a name that means nobody or several, or only principals that chose it themselves: a
    role's session name is its caller's choice, so it must not decide who is blocked.
    """
    if text.partition(":")[0] in _KINDS and ":" in text:
        return persons.joined(text)
    found = {persons.joined(person) for person in await _persons(store, text, now)}
    sure = [person for person in found if person.startswith(_NAMED_BY_AWS)]
    if len(found) == 1 and sure:
        return sure[0]
    hint = f"name the person by key: {FORMS}"
    if not found:
        raise BadInput(f"no session in {store.ref.url} belongs to a user {text!r}", hint=hint)
    if len(found) == 1:
        chosen = found.pop()
        raise BadInput(f"the user {text!r} chose that name; the person is {chosen}", hint=hint)
    raise BadInput(f"the user {text!r} may be any of {', '.join(sorted(found))}", hint=hint)


async def _persons(store: SessionStore, user: str, now: datetime) -> set[str]:
    from sentinel_server.sessions.store import SessionQuery

    found: set[str] = set()
    token: str | None = None
    while True:
        page = await store.sessions(SessionQuery(user=user), now, _PAGE, token)
        found |= {session.person for session in page.sessions}
        token = page.next_token
        if token is None:
            return found
