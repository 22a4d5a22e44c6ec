"""What to set up for an account's first policies, as values."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel_server.policy.schema import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapProfile:
    """One profile; `policy_parameter_name` is where its policy is stored, unless empty the root's own place.

    `initial_policy` is what is stored when nothing is, `initial_text` the text it was read from.
    """

    name: str
    description: str = ""
    policy_parameter_name: str = ""
    initial_policy: Policy | None = None
    initial_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """The profiles whose policies live under `policy_root` in SSM."""

    policy_root: str
    profiles: tuple[BootstrapProfile, ...]
    version: str = "1"
    generate_iam_policies: bool = False
    region: str = ""
