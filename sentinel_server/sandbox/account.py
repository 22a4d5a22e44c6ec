"""The account's IAM: moto's own records, read at every call, so that what the IAM API changes counts."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from sentinel_server.errors import AlreadyExists
from sentinel_server.frozen import frozen
from sentinel_server.sandbox.conditions import CannotEvaluate
from sentinel_server.sandbox.iam import ALLOW_ALL, Policy, parse_policy
from sentinel_server.sandbox.principals import Credential, Kind, Principal, UserKeys

_INLINE = "sandbox"
"""Name of the inline policy that `add_user` and `add_role` give."""


@frozen
class Role:
    """A role as STS needs to see it. `max_session` is in seconds."""

    arn: str
    id: str
    name: str
    trust: Policy
    max_session: int


class Account:
    """Users, roles, their policies and long-lived keys of one account."""

    def __init__(self, account_id: str, root: UserKeys) -> None:
        self.id = account_id
        self._root = root

    def add_user(self, name: str, policy: Mapping[str, Any] | None) -> UserKeys:
        """A user with keys; without a policy it may do everything. Raises AlreadyExists, CannotEvaluate."""
        document = _document(policy)
        iam = self._iam()
        if name in iam.users:
            raise AlreadyExists(f"the embedded AWS already has a user {name}")
        user = iam.create_user("us-east-1", name)
        user.id = f"AIDA{secrets.token_hex(8).upper()}X"  # moto's own id has not the form of AWS's
        user.put_policy(_INLINE, document)
        key = iam.create_access_key(name)
        return UserKeys(key.access_key_id, key.secret_access_key)

    def secrets(self) -> frozenset[str]:
        """The secrets of all long-lived keys there are now."""
        keys = list(self._iam().access_keys.values())
        return frozenset({self._root.secret_access_key, *(key.secret_access_key for key in keys)})

    def add_role(
        self,
        name: str,
        trust: Mapping[str, Any],
        policy: Mapping[str, Any] | None,
        path: str,
        max_session: int,
    ) -> str:
        """A role's ARN; without a policy its sessions may do everything.

        Raises AlreadyExists, CannotEvaluate.
        """
        trusting, document = _document(trust), _document(policy)
        iam = self._iam()
        if any(role.name == name for role in iam.roles.values()):
            raise AlreadyExists(f"the embedded AWS already has a role {name}")
        role = iam.create_role(name, trusting, path, None, "", [], str(max_session))
        role.put_policy(_INLINE, document)
        return str(role.arn)

    def role(self, arn: str) -> Role | None:
        """The role of this ARN as it is now."""
        found = next((role for role in list(self._iam().roles.values()) if role.arn == arn), None)
        if found is None:
            return None
        return Role(
            arn=found.arn,
            id=found.id,
            name=found.name,
            trust=parse_policy(found.assume_role_policy_document),
            max_session=int(found.max_session_duration or 3600),
        )

    def arn(self, kind: str, name: str, path: str) -> str:
        """The ARN of a user, role, group, …: with its own path where it exists, else with `path`."""
        iam = self._iam()
        known = {"role": iam.roles.values(), "user": iam.users.values()}.get(kind, ())
        found = next((str(one.arn) for one in list(known) if one.name == name), None)
        return found or f"arn:aws:iam::{self.id}:{kind}{path}{name}"

    def key_arn(self, key: str, region: str) -> str | None:
        """The ARN of a KMS key named by ARN, id or alias; None when there is no such alias."""
        from moto.kms.models import kms_backends

        name = key.rpartition(":")[2]
        if name.startswith("alias/"):
            found = kms_backends[self.id][region].get_key_id_from_alias(name)
            return None if found is None else f"arn:aws:kms:{region}:{self.id}:key/{found}"
        return key if key.startswith("arn:") else f"arn:aws:kms:{region}:{self.id}:key/{key}"

    def credential(self, access_key_id: str) -> Credential | None:
        """The long-lived credential of this key id: a user's active key, or the root's."""
        if access_key_id == self._root.access_key_id:
            return Credential(principal=self._root_principal(), secret=self._root.secret_access_key)
        iam = self._iam()
        key = iam.access_keys.get(access_key_id)
        if key is None or key.status != "Active" or key.user_name not in iam.users:
            return None
        user = iam.users[key.user_name]
        principal = Principal(kind=Kind.USER, account=self.id, name=user.name, arn=user.arn, user_id=user.id)
        return Credential(principal=principal, secret=key.secret_access_key)

    def policies(self, principal: Principal) -> tuple[Policy, ...]:
        """The identity-based policies of a caller, as they are now."""
        if principal.kind is Kind.ROOT:
            return (parse_policy(ALLOW_ALL),)
        return tuple(parse_policy(text) for holder in self._holders(principal) for text in _documents(holder))

    def _holders(self, principal: Principal) -> list[Any]:
        iam = self._iam()
        if principal.kind is Kind.ROLE:
            roles = [role for role in list(iam.roles.values()) if role.name == principal.name]
            if any(role.permissions_boundary_arn for role in roles):
                raise CannotEvaluate("permissions boundaries")
            return roles
        user = iam.users.get(principal.name)
        return [user, *iam.get_groups_for_user(principal.name)] if user else []

    def _root_principal(self) -> Principal:
        arn = f"arn:aws:iam::{self.id}:root"
        return Principal(kind=Kind.ROOT, account=self.id, name="root", arn=arn, user_id=self.id)

    def _iam(self) -> Any:
        from moto.iam.models import iam_backends

        return iam_backends[self.id]["aws"]


def _documents(holder: Any) -> list[str]:
    managed = list(holder.managed_policies.values())
    return [*holder.policies.values(), *(_default_version(policy) for policy in managed)]


def _default_version(policy: Any) -> str:
    versions = {version.version_id: version.document for version in policy.versions}
    return str(versions[policy.default_version_id])


def _document(policy: Mapping[str, Any] | None) -> str:
    text = ALLOW_ALL if policy is None else json.dumps(policy)
    parse_policy(text)
    return text
