"""`sentinel mfa enroll`: a secret that is shown once, and kept only after a code of it was given."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from cli.context import run, settings_from
from cli.factors.whose import PURPOSE, enrolled, factor_options, line, opened, own_person
from cli.options import flags_of, own_option

if TYPE_CHECKING:
    from sentinel_server.mfa.enrolment import Enrolment
    from sentinel_server.settings.resolve import Settings
    from sentinel_server.wiring import Factors

_TRIES = 3


@click.command()
@own_option(
    "MFA", "--phone", metavar="NUMBER", help="A telephone that takes codes by SMS, such as +491701234567."
)
@own_option("MFA", "--replace", "anew", is_flag=True, help="In the place of what is enrolled.")
@factor_options
def enroll(phone: str | None, anew: bool, profile: str | None, **flags: str | None) -> None:
    """Enrol an authenticator, or a telephone.

    Prints an otpauth:// URI, once, for an authenticator app, and keeps its secret when a code of it was
    typed. For what is enrolled already, a code of that is asked for first.
    """
    run(_enroll(settings_from(flags_of(flags)), profile, phone, anew))


async def _enroll(settings: Settings, profile: str | None, phone: str | None, anew: bool) -> None:
    from cli.audited import write_down
    from cli.output import clean
    from cli.prompt import somebody_there
    from sentinel_server.auditlog.event import Action
    from sentinel_server.errors import BadInput

    if not somebody_there():
        raise BadInput(
            "a second factor is enrolled at a terminal, and there is none here",
            hint="run it in a terminal: sentinel mfa enroll",
        )
    person = await own_person(settings, profile)
    async with opened(settings) as factors:
        before = await _before(factors, person, phone is not None, anew)
        if phone is None:
            await _authenticator(factors, before)
        else:
            await _telephone(factors, before, phone)
    method = "totp" if phone is None else "sms"
    failed = await write_down(settings, [line(Action.MFA_ENROLLED, person, method, person)])
    click.echo(clean(f"Enrolled: {method} for {person}, in {factors.where}"))
    if failed is not None:
        raise failed


async def _before(factors: Factors, person: str, phone: bool, anew: bool) -> Enrolment:
    """What is enrolled, once its owner has proved to be there; nothing yet for somebody new."""
    from cli.proving import prove
    from sentinel_server.errors import AlreadyExists
    from sentinel_server.mfa.enrolment import Enrolment
    from sentinel_server.mfa.proof import Asked

    found = await enrolled(factors, person)
    if found is None:
        return Enrolment(person=person)
    if (found.phone if phone else found.totp) and not anew:
        raise AlreadyExists(f"{person} has enrolled that already", hint="for another one: --replace")
    await prove(factors, Asked(person=person, profile="", purpose=PURPOSE))
    return found


async def _authenticator(factors: Factors, before: Enrolment) -> None:
    from cli.output import note
    from sentinel_server.clock import SystemClock
    from sentinel_server.mfa.enrolment import to_document
    from sentinel_server.mfa.proof import Asked
    from sentinel_server.wiring import fresh_totp

    totp, clock = fresh_totp(), SystemClock()
    note("give this to your authenticator; it is not shown again")
    click.echo(totp.uri(before.person).reveal())
    code = _confirmed("code that it shows now", lambda typed: totp.matching(typed, clock.now()) is not None)
    await factors.store.write(before.person, to_document(replace(before, totp=totp)))
    # The code is used up, and what was stored is seen to be what the code is of.
    await factors.verifier.verify(Asked(person=before.person, profile="", purpose=PURPOSE), code)


async def _telephone(factors: Factors, before: Enrolment, phone: str) -> None:
    from sentinel_server.errors import BadInput, InvalidSetting
    from sentinel_server.mfa.enrolment import masked, to_document
    from sentinel_server.secret import Secret
    from sentinel_server.wiring import fresh_code

    if factors.sender is None:
        raise InvalidSetting("no codes are sent by SMS, because mfa.sms_region is not set")
    try:
        after = replace(before, phone=phone)
    except ValueError as error:
        raise BadInput(str(error)) from None
    code = fresh_code()
    await factors.sender.send(phone, Secret(f"Sentinel enrolment code: {code.reveal()}"))
    _confirmed(
        f"code that was sent to {masked(phone)}",
        lambda typed: hmac.compare_digest(typed.encode(), code.reveal().encode()),
    )
    await factors.store.write(before.person, to_document(after))


def _confirmed(what: str, right: Callable[[str], bool]) -> str:
    """The code, once it was typed right. Raises MfaRefused after some wrong ones."""
    from cli.output import note
    from cli.prompt import ask_text
    from sentinel_server.errors import MfaRefused

    for left in range(_TRIES - 1, -1, -1):
        typed = "".join(ask_text(what).split())
        if right(typed):
            return typed
        if left:
            note("that is not it; is the clock of your telephone right?")
    raise MfaRefused("no right code was given, so nothing was kept", hint="begin anew: sentinel mfa enroll")
