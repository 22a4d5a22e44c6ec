"""Who asks: the AWS principal behind the base credentials, and the person behind the principal.

A principal is what `sts:GetCallerIdentity` says of the *base* credentials, never of the target role and never
of the operating system. A person is the key for blocks, approvals and quotas: one human under all the
permission sets they may use.
"""

from __future__ import annotations

from enum import Enum

from sentinel_server.frozen import frozen


class Kind(Enum):
    """What sort of principal it is; the value is its word in logs and output."""

    IAM_USER = "iam-user"
    SSO_ROLE = "sso-role"
    ASSUMED_ROLE = "assumed-role"
    FEDERATED_USER = "federated-user"
    ROOT = "root"


@frozen
class Principal:
    """One AWS principal.

    `name` is the user name, the session name of a role, or `root`; `role` is the role's name for the two role
    kinds. `unique_id` is AWS's own (`AIDA…`, `AROA…:session`, the account id for root) and never reused.
    """

    partition: str
    account: str
    kind: Kind
    name: str
    unique_id: str
    arn: str
    role: str | None = None

    @property
    def person(self) -> str:
        """The key of the person: stable across permission sets, distinct across accounts and kinds."""
        keys = {
            Kind.SSO_ROLE: f"sso:{self.name}",
            Kind.IAM_USER: f"iam:{self.account}:{self.name}",
            Kind.ASSUMED_ROLE: f"role:{self.account}:{self.role}",
            Kind.FEDERATED_USER: f"federated:{self.account}:{self.name}",
            Kind.ROOT: f"root:{self.account}",
        }
        return keys[self.kind]

    @property
    def same_id(self) -> str:
        """What must not change when base credentials are renewed.

        The session name of an ordinary role is chosen anew by the SDK at each renewal, so only the role's
        own id counts there; everywhere else it is the whole unique id.
        """
        return self.unique_id.partition(":")[0] if self.kind is Kind.ASSUMED_ROLE else self.unique_id
