"""Seeds of MFA devices: their codes are those of RFC 6238, and none is given twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from sentinel_server.credentials.ports import CodeAsk
from sentinel_server.errors import AlreadyExists, BadInput, KeyringUnavailable, NotFound
from sentinel_server.keyring.names import seed_name
from sentinel_server.keyring.seeds import SeedCodes, Seeds, read_seed
from sentinel_server.keyring.vault import Item, MemoryVault
from sentinel_server.secret import Secret
from tests.fakes.clock import FakeClock
from tests.fakes.turns import FakeTurns

SERIAL = "arn:aws:iam::111122223333:mfa/dev"
SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""`12345678901234567890` in Base32, the seed of RFC 6238's own examples."""
ASK = CodeAsk(profile="base", serial=SERIAL)


class Device:
    """A seed in a vault, and a clock that a wait moves."""

    def __init__(self) -> None:
        self.clock = FakeClock(time=datetime(1970, 1, 1, 0, 0, 59, tzinfo=UTC))
        self.vault = MemoryVault(self.clock)
        self.seeds = Seeds(self.vault, FakeTurns())
        self.said: list[str] = []
        self.waited = timedelta(0)

    async def pause(self, much: timedelta) -> None:
        self.waited += much

    async def code(self, ask: CodeAsk = ASK) -> str | None:
        """A code, as another process asks for it."""
        return await SeedCodes(self.seeds, self.clock, self.pause, self.said.append).code(ask)


@pytest.fixture
async def device() -> Device:
    made = Device()
    await made.seeds.add(SERIAL, read_seed(SEED))
    return made


async def test_codes_are_those_of_rfc_6238(device: Device) -> None:
    assert await device.code() == "287082"
    device.clock.time = datetime.fromtimestamp(1111111109, UTC)
    assert await device.code() == "081804"
    device.clock.time = datetime.fromtimestamp(2000000000, UTC)
    assert await device.code() == "279037"


async def test_no_code_is_given_twice_and_the_next_one_is_waited_for(device: Device) -> None:
    codes = await asyncio.gather(*(device.code() for _ in range(3)))
    assert len(set(codes)) == 3
    assert device.waited == timedelta(seconds=1 + 31)
    assert device.said == [
        f"waiting 2 s for the next code of {SERIAL}",
        f"waiting 32 s for the next code of {SERIAL}",
    ]


async def test_a_wait_that_nobody_sees_is_not_said(device: Device) -> None:
    unattended = CodeAsk(profile="base", serial=SERIAL, attended=False)
    assert (await device.code(unattended), await device.code(unattended)) != (None, None)
    assert (device.said, device.waited) == ([], timedelta(seconds=1))


async def test_a_device_without_a_seed_and_one_whose_codes_are_refused_have_none(device: Device) -> None:
    assert await device.code(CodeAsk(profile="base", serial="another")) is None
    assert await device.code(CodeAsk(profile="base", serial=SERIAL, refused=1)) is not None
    assert await device.code(CodeAsk(profile="base", serial=SERIAL, refused=2)) is None


async def test_a_seed_is_not_replaced_unless_that_is_meant(device: Device) -> None:
    other = read_seed("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    with pytest.raises(AlreadyExists, match=SERIAL):
        await device.seeds.add(SERIAL, other)
    await device.seeds.add(SERIAL, other, replace=True)
    assert await device.code() == other.code(1)


async def test_a_seed_is_forgotten_once(device: Device) -> None:
    assert await device.seeds.serials() == (SERIAL,)
    await device.seeds.remove(SERIAL)
    assert await device.code() is None
    with pytest.raises(NotFound):
        await device.seeds.remove(SERIAL)
    with pytest.raises(NotFound):
        await device.seeds.step(SERIAL, device.clock)


@pytest.mark.parametrize(
    "text",
    [
        SEED,
        f" {SEED.lower()}\n",
        "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ",
        f"otpauth://totp/Amazon%20Web%20Services:dev@111122223333?secret={SEED}&issuer=Amazon",
    ],
)
def test_a_seed_is_read_as_people_have_it(text: str) -> None:
    assert read_seed(text).code(1) == "287082"


@pytest.mark.parametrize(
    "text", ["", "GEZDGNBV", "nonsense!!!!!!!!", "otpauth://totp/x", "otpauth://totp/x?secret="]
)
def test_what_is_no_seed_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(BadInput, match="no seed") as refused:
        read_seed(text)
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize("text", ["", "{}", '{"version": 2}', '{"version": 1, "secret": "x", "given": 0}'])
async def test_what_the_vault_has_in_the_place_of_a_seed_is_said(device: Device, text: str) -> None:
    await device.vault.change({seed_name(SERIAL): Item(value=Secret(text))})
    with pytest.raises(KeyringUnavailable):
        await device.code()
