"""What the wizard writes: a policy for each profile, side policies, changes of `config.yaml`. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from cli.configs.templates import Cast
from cli.configs.templates import documents as templates
from cli.setup.answers import Answers
from sentinel_server.errors import BadInput
from sentinel_server.frozen import frozen

SIDES = {"approval.yaml": "approvals", "breakglass.yaml": "breakglass", "ratelimit.yaml": "ratelimits"}
"""Templates of side policies, and what their files are called without the ending."""


@frozen
class Places:
    """Where the files are: a directory of access policies, and a file for each side policy, by name."""

    policies: Path
    sides: Mapping[str, Path]


def policies(answers: Answers, places: Places) -> dict[Path, str]:
    """The text of every policy, by its file. Raises BadInput for a profile that can be no file's name."""
    names, user = answers.profiles or (), answers.user or ""
    found = {places.policies / f"{_file_name(name)}.yaml": access_policy(answers, name) for name in names}
    cast = Cast(profiles=names, users=(user,), approvers=answers.approvers or ())
    wanted = (["approval.yaml"] if answers.approvals else []) + (
        ["breakglass.yaml", "ratelimit.yaml"] if answers.breakglass else []
    )
    texts = templates("full", cast)
    return found | {places.sides[SIDES[name]]: texts[name] for name in wanted}


def settings(answers: Answers) -> dict[str, str | None]:
    """What `config.yaml` is to say, by setting."""
    changes: dict[str, str | None] = {}
    if answers.tables and "tables" not in answers.settled:
        changes["store"] = f"dynamodb://{answers.region}/sentinel-"
    if answers.ssm and "ssm" not in answers.settled:
        changes["policies"] = f"ssm://{answers.region}/sentinel/policies"
    return changes


def access_policy(answers: Answers, profile: str) -> str:
    """The policy of one profile: the user and nobody else, at the doors that were chosen."""
    effect = "require_approval" if answers.approvals else "require_server" if answers.server else "allow"
    # `require_server` says by itself which door to use; an approval would open the others, too.
    mode = "\n      mode: [server]" if answers.server and answers.approvals else ""
    unstamped = profile in answers.roleless and answers.unstamped
    words = re.sub(r"[^ -~]", "?", profile)
    return _TEXT.format(
        words=words,
        rule=json.dumps(f"{words[:40]} for its users", ensure_ascii=False),
        effect=effect,
        profile=json.dumps(profile, ensure_ascii=False),
        user=json.dumps(answers.user, ensure_ascii=False),
        mode=mode,
        end=_UNSTAMPED if unstamped else _STAMPED,
    )


def _file_name(profile: str) -> str:
    if not profile.isprintable() or profile.startswith(".") or {"/", "\\", ":"} & set(profile):
        raise BadInput(f"no policy file can be named after the profile {profile!r}")
    return profile


_TEXT = """\
# What may be done with the profile {words}. The first rule that matches decides, and no match is a denial.
#   check it:    sentinel policy lint FILE
#   try it out:  sentinel policy explain --profile NAME --user USER
version: "1"
kind: policy
rules:
  - name: {rule}
    effect: {effect}
    reason: written by sentinel init wizard
    conditions:
      profiles: [{profile}]
      users: [{user}]{mode}
{end}"""
_STAMPED = """\
    # max_duration: 1h    # the longest session of any door
    # max_lease: 5m       # how soon SDKs must ask again
"""
_UNSTAMPED = """\
    # This profile has no role: its sessions carry no stamp, cannot be shortened, and no limit fits here.
    allow_unstamped: true
"""
