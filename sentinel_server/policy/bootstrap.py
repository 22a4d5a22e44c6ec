"""What to set up for an account's first policies, as values."""

from __future__ import annotations

from sentinel_server.frozen import frozen
from sentinel_server.policy.schema import Policy


@frozen
class BootstrapProfile:
    """One profile; `policy_parameter_name` is where its policy is stored, unless empty the root's own place.

    `initial_policy` is what is stored when nothing is, `initial_text` the text it was read from.
    """

    name: str
    description: str = ""
    policy_parameter_name: str = ""
    initial_policy: Policy | None = None
    initial_text: str = ""


@frozen
class Bootstrap:
    """The profiles whose policies live under `policy_root` in SSM."""

    policy_root: str
    profiles: tuple[BootstrapProfile, ...]
    version: str = "1"
    generate_iam_policies: bool = False
    region: str = ""
