"""`sentinel mfa status`: what is enrolled and whether it is locked, without a secret."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from cli.context import run, settings_from
from cli.factors.whose import enrolled, factor_options, own_person, person_option
from cli.options import flags_of, output_option

if TYPE_CHECKING:
    from sentinel_server.mfa.attempts import Attempts
    from sentinel_server.mfa.enrolment import Enrolment
    from sentinel_server.settings.resolve import Settings


@click.command()
@person_option
@output_option("human", "json")
@factor_options
def status(person: str | None, output: str, profile: str | None, **flags: str | None) -> None:
    """Say what is enrolled.

    Shows no secret, and of a telephone only the end of its number.
    """
    run(_status(settings_from(flags_of(flags)), person, profile, output))


async def _status(settings: Settings, person: str | None, profile: str | None, output: str) -> None:
    from cli.output import note, show_json, show_lines
    from cli.prompt import TerminalPassphrase
    from sentinel_server.mfa.attempts import attempts_ref, read_attempts
    from sentinel_server.wiring import open_factors, open_records

    who = person or await own_person(settings, profile)
    async with (
        open_records(settings) as records,
        open_factors(settings, records, TerminalPassphrase(), note) as factors,
    ):
        found = await enrolled(factors, who)
        ref = attempts_ref(who)
        attempts = read_attempts(ref, (await records.get([ref])).get(ref))
    fields = _fields(who, found, attempts, factors.where)
    if output == "json":
        show_json(fields)
        return
    totp = fields["totp"]
    told = f"{totp['digits']} digits every {totp['period']} s, {totp['algorithm']}" if totp else "none"
    show_lines(
        [
            ("Person", who),
            ("Authenticator", told),
            ("Telephone", fields["phone"] or "none"),
            ("Kept in", factors.where),
            ("Locked until", fields["locked_until"] or "not locked"),
        ]
    )
    if found is None and person is None:
        command = (
            "sentinel mfa enroll" if profile is None else f"sentinel mfa enroll --profile {quote(profile)}"
        )
        note(f"none is enrolled; next: {command}")


def _fields(person: str, found: Enrolment | None, attempts: Attempts, where: str) -> dict[str, Any]:
    from sentinel_server.clock import SystemClock, whole_seconds
    from sentinel_server.mfa.enrolment import masked

    totp = None if found is None else found.totp
    locked = attempts.locked_until if attempts.is_locked(SystemClock().now()) else None
    return {
        "person": person,
        "totp": None
        if totp is None
        else {"digits": totp.digits, "period": totp.period, "algorithm": totp.algorithm.value},
        "phone": masked(found.phone) if found is not None else "",
        "kept_in": where,
        "locked_until": None if locked is None else whole_seconds(locked),
    }
