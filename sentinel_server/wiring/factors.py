"""Second factors: where their secrets are, what sends codes, and what writes failures down."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from sentinel_server.clock import SystemClock, SystemIds
from sentinel_server.errors import MfaUnavailable
from sentinel_server.frozen import frozen
from sentinel_server.wiring.audits import open_audit
from sentinel_server.wiring.principals import Say, control_name, open_own

if TYPE_CHECKING:
    from sentinel_server.adapters.local.passphrase import AskPassphrase
    from sentinel_server.mfa.challenge import CodeSender
    from sentinel_server.mfa.enrolment import SecretStore
    from sentinel_server.mfa.proof import Failure
    from sentinel_server.mfa.totp import Totp
    from sentinel_server.mfa.verify import SecondFactor
    from sentinel_server.records.store import Records
    from sentinel_server.secret import Secret
    from sentinel_server.settings.locations import SsmFactors
    from sentinel_server.settings.resolve import Settings


@frozen
class Factors:
    """Second factors of this configuration. `where` is the store in words; `sender` is None without SMS."""

    verifier: SecondFactor
    store: SecretStore
    sender: CodeSender | None
    where: str


@asynccontextmanager
async def open_factors(
    settings: Settings, records: Records, ask: AskPassphrase | None = None, say: Say = lambda _: None
) -> AsyncIterator[Factors]:
    """What asks for second factors and checks them; `ask` is for the passphrase of a keyring.

    Every code that is not taken is in the audit log before whoever gave it hears of that.
    """
    from sentinel_server.mfa.verify import SecondFactor

    async with AsyncExitStack() as stack:
        store = await _store(stack, settings, ask, say)
        sender = None if settings.mfa_sms_region is None else await _sender(stack, settings)

        async def tell(failure: Failure) -> None:
            await _write_down(settings, failure)

        verifier = SecondFactor(
            records,
            store,
            SystemClock(),
            SystemIds(),
            below=secrets.randbelow,
            sender=sender,
            tell=tell,
        )
        where = str(settings.mfa_secrets or f"the keyring {settings.keyring_file}")
        yield Factors(verifier=verifier, store=store, sender=sender, where=where)


def fresh_totp() -> Totp:
    """An authenticator with a secret that nobody knows yet."""
    from sentinel_server.mfa.totp import FRESH, Totp, fresh_secret

    return Totp(secret=fresh_secret(secrets.token_bytes(FRESH)))


def fresh_code() -> Secret:
    """A code to be sent, as long as those of challenges."""
    from sentinel_server.mfa.challenge import DIGITS
    from sentinel_server.secret import Secret

    return Secret(str(secrets.randbelow(10**DIGITS)).zfill(DIGITS))


async def _store(
    stack: AsyncExitStack, settings: Settings, ask: AskPassphrase | None, say: Say
) -> SecretStore:
    if settings.mfa_secrets is None:
        from sentinel_server.adapters.local.factors import VaultFactors
        from sentinel_server.wiring.keyring import open_keyring

        return VaultFactors(open_keyring(settings, ask, say).vault)
    return await _ssm(stack, settings, settings.mfa_secrets)


async def _ssm(stack: AsyncExitStack, settings: Settings, where: SsmFactors) -> SecretStore:
    from sentinel_server.adapters.aws.factors import SsmFactorStore

    base = await open_own(stack, settings, control_name(settings), SystemClock())
    if where.account is not None and (found := (await base.principal()).account) != where.account:
        raise MfaUnavailable(
            f"{where} is asked with credentials of account {found}",
            hint="check the account and the profile: sentinel config show",
        )
    region = where.region or settings.region
    client = await stack.enter_async_context(base.aws.client("ssm", region=region))
    return SsmFactorStore(client, where.root)


async def _sender(stack: AsyncExitStack, settings: Settings) -> CodeSender:
    from sentinel_server.adapters.aws.sns import SnsTexts

    base = await open_own(stack, settings, control_name(settings), SystemClock())
    client = await stack.enter_async_context(base.aws.client("sns", region=settings.mfa_sms_region))
    return SnsTexts(client)


async def _write_down(settings: Settings, failure: Failure) -> None:
    from sentinel_server.auditlog.event import Action, AuditEvent

    line = AuditEvent(
        action=Action.MFA_LOCKED if failure.locked else Action.MFA_FAILED,
        at=failure.at,
        person=failure.asked.person,
        profile=failure.asked.profile,
        reason=f"{failure.asked.purpose}: {failure.reason}",
        mfa_method=failure.method.value,
        mfa_verified=False,
    )
    async with open_audit(settings) as audit:
        await audit.record(line)
