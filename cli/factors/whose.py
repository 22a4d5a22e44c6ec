"""Whose second factor a command is about, and what its audit line says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.options import control_option, own_option, region_option, setting_option, store_options
from cli.types import person_key

if TYPE_CHECKING:
    from sentinel_server.auditlog.event import Action, AuditEvent
    from sentinel_server.mfa.enrolment import Enrolment
    from sentinel_server.settings.resolve import Settings
    from sentinel_server.wiring import Factors

Command = TypeVar("Command", bound=Callable[..., Any])

PURPOSE = "enrolment"
"""What a code is asked for here; a proof for it is none for anything else."""


def factor_options(command: Command) -> Command:
    """The options of every command about second factors."""
    profile = click.option(
        "--profile", metavar="NAME", envvar="SENTINEL_PROFILE", show_envvar=True, help="Whose credentials."
    )
    secrets = setting_option(
        "--mfa-secrets", setting="mfa.secrets", help="Where second factors are.", metavar="URL"
    )
    return profile(secrets(store_options(region_option(control_option(command)))))


def person_option(command: Command) -> Command:
    """`--person`: somebody else."""
    text = "Somebody else, by their person key."
    return own_option("MFA", "--person", type=person_key, metavar="KEY", help=text)(command)


async def own_person(settings: Settings, profile: str | None) -> str:
    """The key of the person who is asking, as the gate has it."""
    from sentinel_server.wiring import whoami

    return settings.persons.key(await whoami(settings, profile))


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Factors]:
    """Second factors over the configured ledgers."""
    from cli.output import note
    from cli.prompt import TerminalPassphrase
    from sentinel_server.wiring import open_factors, open_records

    async with (
        open_records(settings) as records,
        open_factors(settings, records, TerminalPassphrase(), note) as factors,
    ):
        yield factors


async def enrolled(factors: Factors, person: str) -> Enrolment | None:
    """What the person has enrolled; None when that is nothing. Raises MfaUnavailable."""
    from sentinel_server.mfa.enrolment import read_document

    document = await factors.store.read(person)
    return None if document is None else read_document(document, person)


def line(action: Action, person: str, method: str, by: str) -> AuditEvent:
    """The audit line of what was done."""
    from sentinel_server.auditlog.event import AuditEvent
    from sentinel_server.clock import SystemClock

    return AuditEvent(action=action, at=SystemClock().now(), person=person, mfa_method=method, by=by)
