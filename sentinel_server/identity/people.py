"""Several principals, one person: the `people:` map joins what AWS cannot know to be one human."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sentinel_server.errors import InvalidSetting
from sentinel_server.identity.principal import Principal


class Persons:
    """Turns a principal into the key of its person.

    `people` maps a name to the person keys (`sso:…`, `iam:…`, `role:…`) that are that person, whose key is
    then `person:<name>`. Raises InvalidSetting when a key belongs to two people.
    """

    def __init__(self, people: Mapping[str, Sequence[str]] | None = None) -> None:
        self._joined: dict[str, str] = {}
        for name, keys in (people or {}).items():
            for key in keys:
                first = self._joined.setdefault(key, f"person:{name}")
                if first != f"person:{name}":
                    raise InvalidSetting(f"people: {key} is both {first.removeprefix('person:')} and {name}")

    def key(self, principal: Principal) -> str:
        """The person's key: that of the map, else the principal's own."""
        return self.joined(principal.person)

    def joined(self, key: str) -> str:
        """What the map makes of a person key that is already known."""
        return self._joined.get(key, key)
