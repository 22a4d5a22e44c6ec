"""Reads bootstrap configurations, whose initial policies are policies that hold."""

from __future__ import annotations

import re

from sentinel_server.errors import InvalidPolicy
from sentinel_server.policy.bootstrap import Bootstrap, BootstrapProfile
from sentinel_server.policy.events import Scalar
from sentinel_server.policy.fields import Field, shown
from sentinel_server.policy.kinds import DocumentKind
from sentinel_server.policy.outline import read_outline, read_root
from sentinel_server.policy.parse import read_policy
from sentinel_server.policy.report import Report
from sentinel_server.policy.schema import Policy

BOOTSTRAP_KEYS = ("policy_root", "profiles", "generate_iam_policies", "region")
"""What a bootstrap configuration may say beside its header."""
BOOTSTRAP_PROFILE_KEYS = ("name", "description", "policy_parameter_name", "initial_policy")
"""What it may say of a profile."""
PARAMETER = re.compile(r"(?:/[A-Za-z0-9_.-]+)+")
"""The full name of an SSM parameter or the path to some."""
PARAMETER_LIMIT = 512
"""Characters of it; SSM itself allows 1011 with the ARN."""
PROFILE = re.compile(r"[A-Za-z0-9_.@+=,-]{1,64}")
"""A profile's name that can be the last part of a parameter's."""
MOST_PROFILES = 200
"""How many profiles it may list."""
REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}")
"""A region's name."""
DESCRIPTION_LIMIT = 500
"""Characters of a description."""


def read_bootstrap(field: Field) -> Bootstrap:
    """The bootstrap configuration at `field`; its problems are in the report."""
    found = read_outline(field, DocumentKind.BOOTSTRAP, BOOTSTRAP_KEYS, required=("policy_root", "profiles"))
    return Bootstrap(
        policy_root=_parameter(found.get("policy_root")),
        profiles=_profiles(found["profiles"]) if "profiles" in found else (),
        generate_iam_policies=found["generate_iam_policies"].flag()
        if "generate_iam_policies" in found
        else False,
        region=_fitting(found.get("region"), REGION, "a region, as in `eu-central-1`"),
    )


def _profiles(field: Field) -> tuple[BootstrapProfile, ...]:
    seen: dict[str, BootstrapProfile] = {}
    entries = field.entries("name at least one profile")
    if len(entries) > MOST_PROFILES:
        field.problem(f"lists more than {MOST_PROFILES} profiles", "divide it into several files")
        return ()
    for entry in entries:
        profile = _profile(entry)
        if profile.name in seen and profile.name:
            entry.problem(f"the profile `{profile.name}` is listed twice", "delete one")
        seen[profile.name] = profile
    return tuple(seen.values())


def _profile(field: Field) -> BootstrapProfile:
    found = field.mapping(BOOTSTRAP_PROFILE_KEYS, required=("name",))
    initial = found.get("initial_policy")
    return BootstrapProfile(
        name=_fitting(
            found.get("name"), PROFILE, "a profile's name of at most 64 letters, digits and `_.@+=,-`"
        ),
        description=(found["description"].prose(DESCRIPTION_LIMIT) or "") if "description" in found else "",
        policy_parameter_name=_parameter(found.get("policy_parameter_name")),
        initial_policy=None if initial is None else _policy(initial),
        initial_text=initial.node.text if initial is not None and isinstance(initial.node, Scalar) else "",
    )


def _parameter(field: Field | None) -> str:
    text = _fitting(field, PARAMETER, "a parameter's path, as in `/sentinel/policies`")
    if field is not None and len(text) > PARAMETER_LIMIT:
        field.problem(f"is longer than {PARAMETER_LIMIT} characters")
    return text


def _fitting(field: Field | None, form: re.Pattern[str], what: str) -> str:
    text = None if field is None else field.text()
    if field is not None and text is not None and not form.fullmatch(text):
        field.problem(f"`{shown(text)}` is not {what}")
    return text or ""


def _policy(field: Field) -> Policy | None:
    if not isinstance(field.node, Scalar):
        field.problem("is not text", "write the policy as a block: `initial_policy: |`, indented below")
        return None
    inner = Report(file="initial_policy", guesses=field.report.guesses)
    try:
        policy = read_policy(read_root(field.node.text, inner))
        inner.raise_any()
    except InvalidPolicy as error:
        field.report.guesses = inner.guesses
        for each in error.problems:
            where = f"line {each.line} of it: {each.path}: " if each.path else f"line {each.line} of it: "
            field.problem(where + each.message, each.suggestion)
        return None
    return policy
