"""Settings → Services. The one place that names concrete adapters, each imported only where it is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentinel_server.wiring.audit_keys import log_public_keys, seal_key_of
    from sentinel_server.wiring.audits import log_reader, open_audit, open_shippers
    from sentinel_server.wiring.diagnosis import Subject, diagnose
    from sentinel_server.wiring.doors import (
        Door,
        child_files,
        load_door,
        load_server,
        loopback,
        open_door,
        sign_in,
    )
    from sentinel_server.wiring.emergencies import (
        Invocation,
        find_actor,
        open_desk,
        open_invocation,
        read_overseers,
    )
    from sentinel_server.wiring.entrance import (
        Entrance,
        needs_nobody,
        open_entrance,
        runtime_directory,
    )
    from sentinel_server.wiring.factors import Factors, fresh_code, fresh_totp, open_factors
    from sentinel_server.wiring.imports import aws_vault_store
    from sentinel_server.wiring.keyring import UserKeyring, open_keyring
    from sentinel_server.wiring.ledgers import open_records
    from sentinel_server.wiring.logins import LoggedIn, find_logins, log_in, log_out
    from sentinel_server.wiring.notices import open_destinations, open_outbox
    from sentinel_server.wiring.own_files import read_own_file, replace_own_files
    from sentinel_server.wiring.policies import (
        Reading,
        Shelf,
        open_policies,
        open_policy_store,
        open_sides,
        read_parameter,
        side_source,
    )
    from sentinel_server.wiring.principals import (
        Visitor,
        actor,
        attended_by,
        control_name,
        load_profile,
        mfa_serial,
        profiles,
        session_owner,
        whoami,
    )
    from sentinel_server.wiring.requests import (
        Asker,
        open_asking,
        open_deciding,
        open_vote_signer,
        vote_check,
    )
    from sentinel_server.wiring.rotation import open_rotation
    from sentinel_server.wiring.signing import KeyRing, key_ring, open_pins, open_signer
    from sentinel_server.wiring.stores import open_provisioner, open_store

_MODULES = {
    "audit_keys": "log_public_keys seal_key_of",
    "audits": "log_reader open_audit open_shippers",
    "diagnosis": "Subject diagnose",
    "doors": "Door child_files load_door load_server loopback open_door sign_in",
    "entrance": "Entrance needs_nobody open_entrance runtime_directory",
    "emergencies": "Invocation find_actor open_desk open_invocation read_overseers",
    "factors": "Factors fresh_code fresh_totp open_factors",
    "imports": "aws_vault_store",
    "keyring": "UserKeyring open_keyring",
    "ledgers": "open_records",
    "logins": "LoggedIn find_logins log_in log_out",
    "notices": "open_destinations open_outbox",
    "own_files": "read_own_file replace_own_files",
    "policies": "Reading Shelf open_policies open_policy_store open_sides read_parameter side_source",
    "principals": (
        "Visitor actor attended_by control_name load_profile mfa_serial profiles session_owner whoami"
    ),
    "requests": "Asker open_asking open_deciding open_vote_signer vote_check",
    "rotation": "open_rotation",
    "signing": "KeyRing key_ring open_pins open_signer",
    "stores": "open_provisioner open_store",
}
"""What is in which module; each is imported when something of it is first wanted."""

_WHERE = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = [
    "Asker",
    "Door",
    "Entrance",
    "Factors",
    "Invocation",
    "KeyRing",
    "LoggedIn",
    "Reading",
    "Shelf",
    "Subject",
    "UserKeyring",
    "Visitor",
    "actor",
    "attended_by",
    "aws_vault_store",
    "child_files",
    "control_name",
    "diagnose",
    "find_actor",
    "find_logins",
    "fresh_code",
    "fresh_totp",
    "key_ring",
    "load_door",
    "load_profile",
    "load_server",
    "log_in",
    "log_out",
    "log_public_keys",
    "log_reader",
    "loopback",
    "mfa_serial",
    "needs_nobody",
    "open_asking",
    "open_audit",
    "open_deciding",
    "open_desk",
    "open_destinations",
    "open_door",
    "open_entrance",
    "open_factors",
    "open_invocation",
    "open_keyring",
    "open_outbox",
    "open_pins",
    "open_policies",
    "open_policy_store",
    "open_provisioner",
    "open_records",
    "open_rotation",
    "open_shippers",
    "open_sides",
    "open_signer",
    "open_store",
    "open_vote_signer",
    "profiles",
    "read_overseers",
    "read_own_file",
    "read_parameter",
    "replace_own_files",
    "runtime_directory",
    "seal_key_of",
    "session_owner",
    "side_source",
    "sign_in",
    "vote_check",
    "whoami",
]


def __getattr__(name: str) -> object:
    module = _WHERE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)
