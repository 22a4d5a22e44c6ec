"""What is left to do when the wizard is done: IAM policies to attach, and commands to run. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli.setup.answers import Answers
from sentinel_server.frozen import frozen
from sentinel_server.provisioning.desired import Family, table_of
from sentinel_server.provisioning.iam import Document, Role, partition_of, policy, table_arn
from sentinel_server.provisioning.trust import assume_policy, trust_policy


@frozen
class Known:
    """What is known of AWS: the roles of the profiles, and who uses them as a trust policy names them.

    `account` is where tables and parameters are, None when nobody could tell.
    """

    roles: Mapping[str, str]
    trusted: str | None = None
    account: str | None = None


def iam(answers: Answers, known: Known) -> dict[str, Document]:
    """The documents to attach, by what they are attached to, in words."""
    who = known.trusted or "whoever uses the profiles"
    roles = tuple(dict.fromkeys(known.roles.values()))
    found = {f"{who}: use the profiles": assume_policy(roles, _parameters(answers, known))}
    if known.trusted is not None:
        found |= {f"{role}: its trust policy": trust_policy(known.trusted) for role in roles}
    if answers.tables:
        arns = {family: _table(answers, known, family) for family in Family}
        found |= {f"{whom}: {role.value}": policy(role, arns) for role, whom in _parts(answers, who).items()}
    return found


def _parts(answers: Answers, who: str) -> dict[Role, str]:
    parts = {Role.DEVELOPER: who}
    if answers.approvals:
        parts |= {Role.REQUESTER: who, Role.APPROVER: ", ".join(answers.approvers or ())}
    if answers.breakglass:
        parts |= {Role.INVOKER: who, Role.REVIEWER: "whoever reviews emergencies"}
    return parts | {Role.SECURITY: "the security team"}


def _parameters(answers: Answers, known: Known) -> list[str]:
    if not answers.ssm or answers.region is None:
        return []
    partition = partition_of(answers.region)
    return [f"arn:{partition}:ssm:{answers.region}:{known.account or '*'}:parameter/sentinel/*"]


def _table(answers: Answers, known: Known, family: Family) -> str:
    region, name = answers.region or "", table_of(family).name
    if known.account is None:
        return f"arn:{partition_of(region)}:dynamodb:{region}:*:table/{name}"
    return table_arn(region=region, account=known.account, table=name)


def commands(answers: Answers, written: Sequence[Path], sides: Mapping[str, Path]) -> list[str]:
    """What to run next, in order. `written` are the files of access policies."""
    found: list[str] = []
    if answers.tables:
        found.append(f"sentinel init all --region {answers.region}")
    signed = ""
    if answers.signing:
        signed = " --sign-with team.key"
        found += [
            "sentinel policy keys generate team.key",
            "sentinel policy keys add --public-key team.key.pub",
        ]
    if answers.ssm or answers.signing:
        found += [f"sentinel policy push {_q(path.stem)} {_q(path)}{signed}" for path in written]
        kinds = {"approvals": "approval", "breakglass": "breakglass", "ratelimits": "ratelimit"}
        found += [
            f"sentinel policy push kind:{kind} {_q(sides[name])}{signed}"
            for name, kind in kinds.items()
            if name in sides
        ]
    if answers.signing:
        found.append("sentinel config set signing.keys FILE  # the key set that `policy keys add` has named")
    if answers.breakglass:
        found.append("sentinel mfa enroll")
    first = (answers.profiles or ("PROFILE",))[0]
    if answers.approvals:
        found.append(f"sentinel request --profile {_q(first)} --justification WHY --wait")
    return [
        *found,
        f"sentinel doctor {_q(first)}",
        f"sentinel exec --server --profile {_q(first)} -- aws sts get-caller-identity",
    ]


def _q(text: object) -> str:
    return shlex.quote(str(text))
