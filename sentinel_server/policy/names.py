"""Reads names: of profiles, of users, and of groups of users."""

from __future__ import annotations

import re
from collections.abc import Collection

from sentinel_server.policy.fields import Field, shown
from sentinel_server.policy.schema import GROUP_PREFIX, Group

PROFILE_LIMIT = 256
"""Characters of a profile's name or pattern."""
BARE = re.compile(r"[A-Za-z0-9_+=,.@*?-]{1,128}")
"""A bare name in `users`, or a pattern for some."""
ARN = re.compile(r"arn(?::[!-9;-~]*){4}:[!-~]+")
"""An ARN pattern."""
ARN_LIMIT = 2048
"""Characters of an ARN pattern."""
GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""A group's name."""


def read_profiles(field: Field | None) -> tuple[str, ...]:
    """A list of profile names and patterns."""
    return () if field is None else field.distinct(read_profile)


def read_profile(field: Field) -> str | None:
    """A profile name or a pattern for some."""
    text = field.text()
    if text is not None and len(text) > PROFILE_LIMIT:
        field.problem(f"is longer than {PROFILE_LIMIT} characters")
    return text


def read_users(field: Field | None, groups: Collection[str]) -> tuple[str, ...]:
    """A list of bare names, ARN patterns and `group:NAME` for one of `groups`."""
    return () if field is None else field.distinct(lambda each: _entry(each, groups))


def read_groups(field: Field | None) -> tuple[Group, ...]:
    """A mapping of groups to what each lists. A group holds names, never groups."""
    if field is None:
        return ()
    groups = []
    for key, listed in field.named():
        if not GROUP.fullmatch(key):
            listed.problem(f"`{shown(key)}` is not a group's name", "write letters, digits and `-_.`")
        groups.append(Group(name=key, users=listed.distinct(_member)))
    return tuple(groups)


def _entry(field: Field, groups: Collection[str]) -> str | None:
    text = field.text()
    if text is None or not text.startswith(GROUP_PREFIX):
        return _user(field, text)
    name = text.removeprefix(GROUP_PREFIX)
    if name not in groups:
        suggestion = field.closest(name, groups) or "define it at the top, as in `groups: {oncall: [alice]}`"
        field.problem(f"no group is named `{shown(name)}`", suggestion)
    return text


def _member(field: Field) -> str | None:
    text = field.text()
    if text is not None and text.startswith(GROUP_PREFIX):
        field.problem("a group cannot hold a group", "name both where they are used")
        return text
    return _user(field, text)


def _user(field: Field, text: str | None) -> str | None:
    if text is None:
        return None
    if text.startswith("arn:"):
        if not ARN.fullmatch(text) or len(text) > ARN_LIMIT:
            field.problem(
                f"`{shown(text)}` is not an ARN pattern; it has six fields, and `*` stays within one",
                "as in `arn:aws:iam::111122223333:user/*`",
            )
    elif not BARE.fullmatch(text):
        field.problem(
            f"`{shown(text)}` is not a user name", "name other principals by ARN, as in `arn:aws:…`"
        )
    return text
