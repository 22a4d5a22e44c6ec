"""Seeds of virtual MFA devices: whoever has one can say the device's codes.

AWS takes each code once, so the step of the last one that was given is kept beside the seed, and of all
processes of this machine no two give the same one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from sentinel_server.clock import Clock
from sentinel_server.credentials.ports import CodeAsk
from sentinel_server.errors import AlreadyExists, BadInput, KeyringUnavailable, NotFound
from sentinel_server.frozen import frozen
from sentinel_server.keyring.names import seed_name, seeds_in
from sentinel_server.keyring.vault import Item, Turns, Vault
from sentinel_server.mfa.totp import Totp
from sentinel_server.secret import Secret

_SECRET = re.compile(r"[?&]secret=([A-Za-z2-7]+)", re.ASCII)
_REFUSALS = 2
"""How many codes of a seed AWS may refuse before it is taken for another device's."""


@frozen
class Seed:
    """A device's seed, and the step of the last code that was given out."""

    totp: Totp
    given: int = 0


def read_seed(text: str) -> Totp:
    """A seed as AWS shows it (Base32), or as the `otpauth:` URI of its QR code. Raises BadInput."""
    text = text.strip()
    if text.startswith("otpauth:"):
        found = _SECRET.search(text)
        text = found[1] if found else ""
    try:
        return Totp(secret=Secret(text))
    except ValueError as error:
        hint = 'AWS shows it as "secret key", beside the QR code'
        raise BadInput(f"that is no seed of an MFA device: {error}", hint=hint) from None


class Seeds:
    """The seeds in a vault, by the serial numbers of their devices."""

    def __init__(self, vault: Vault, turns: Turns) -> None:
        self._vault = vault
        self._turns = turns

    async def serials(self) -> tuple[str, ...]:
        """The devices that have a seed, sorted; nothing is opened for that."""
        return seeds_in(await self._vault.listing())

    async def add(self, serial: str, totp: Totp, *, replace: bool = False) -> None:
        """Keep a seed. Raises AlreadyExists without `replace`."""
        if not replace and serial in await self.serials():
            raise AlreadyExists(
                f"the keyring has a seed for {serial} already", hint="to put another in its place: --replace"
            )
        await self._vault.change({seed_name(serial): _item(Seed(totp=totp))})

    async def remove(self, serial: str) -> None:
        """Forget a seed. Raises NotFound."""
        if serial not in await self.serials():
            raise NotFound(f"the keyring has no seed for {serial}", hint="see: sentinel keyring list")
        await self._vault.change({}, [seed_name(serial)])

    async def step(self, serial: str, clock: Clock) -> tuple[Totp, int, timedelta]:
        """The seed, the next step whose code was not given, and how long until it counts; noted as given."""
        name = seed_name(serial)
        async with self._turns.of(name):
            text = await self._vault.read(name)
            if text is None:
                raise NotFound(f"the keyring has no seed for {serial}")
            seed = _parsed(text)
            step = max(seed.totp.step(clock.now()), seed.given + 1)
            await self._vault.change({name: _item(replace(seed, given=step))})
        begins = step * seed.totp.period
        return seed.totp, step, timedelta(seconds=max(0.0, begins - clock.now().timestamp()))


class SeedCodes:
    """A CodeSource that needs nobody; `pause` waits for the next code when this one was given already."""

    def __init__(
        self,
        seeds: Seeds,
        clock: Clock,
        pause: Callable[[timedelta], Awaitable[None]],
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._seeds = seeds
        self._clock = clock
        self._pause = pause
        self._say = say

    async def code(self, ask: CodeAsk) -> str | None:
        """A code of the device; None without its seed, and when its codes are refused.

        Raises KeyringUnavailable.
        """
        if ask.refused >= _REFUSALS or ask.serial not in await self._seeds.serials():
            return None
        totp, step, wait = await self._seeds.step(ask.serial, self._clock)
        if wait > timedelta(0):
            if ask.attended:
                self._say(f"waiting {wait.seconds + 1} s for the next code of {ask.serial}")
            await self._pause(wait)
        return totp.code(step)


def _item(seed: Seed) -> Item:
    document = {"version": 1, "secret": seed.totp.secret.reveal(), "given": seed.given}
    return Item(value=Secret(json.dumps(document)))


def _parsed(text: Secret) -> Seed:
    try:
        document = json.loads(text.reveal())
        if document["version"] != 1:
            raise KeyringUnavailable(
                "this seed was kept by a later release of sentinel", hint="use that release"
            )
        return Seed(totp=Totp(secret=Secret(str(document["secret"]))), given=int(document["given"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KeyringUnavailable("what the keyring keeps under this name is no seed") from None
