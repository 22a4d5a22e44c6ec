"""Second factors for tests: a person's authenticator, a store of secrets, and a telephone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sentinel_server.errors import MfaUnavailable
from sentinel_server.mfa.enrolment import Enrolment, to_document
from sentinel_server.mfa.proof import Asked, Failure
from sentinel_server.mfa.totp import Totp
from sentinel_server.mfa.verify import SecondFactor
from sentinel_server.records.memory import MemoryRecords
from sentinel_server.records.store import Records
from sentinel_server.secret import Secret
from tests.fakes.clock import FakeClock

ALICE, BOB = "iam:111122223333:alice", "iam:111122223333:bob"
SECRETS = {ALICE: Secret("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"), BOB: Secret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")}
FOR_PROD = Asked(person=ALICE, profile="prod")


@dataclass(slots=True)
class Drawer:
    """A SecretStore in memory; `broken` keeps it from answering."""

    documents: dict[str, Secret] = field(default_factory=dict)
    broken: bool = False

    async def read(self, person: str) -> Secret | None:
        """The person's document."""
        if self.broken:
            raise MfaUnavailable("the drawer is stuck")
        return self.documents.get(person)

    async def write(self, person: str, document: Secret) -> None:
        """Keep the document."""
        self.documents[person] = document

    async def remove(self, person: str) -> bool:
        """Forget it."""
        return self.documents.pop(person, None) is not None


@dataclass(slots=True)
class Telephone:
    """A CodeSender that keeps what it was told to send."""

    texts: list[str] = field(default_factory=list)
    dead: bool = False

    async def send(self, phone: str, text: Secret) -> None:
        """Keep the text."""
        if self.dead:
            raise MfaUnavailable("no signal")
        self.texts.append(text.reveal())

    @property
    def code(self) -> str:
        """The last code that was sent."""
        return self.texts[-1].rpartition(" ")[2]


@dataclass(slots=True)
class Counted:
    """Identifiers that count up."""

    last: int = 0

    def fresh(self) -> str:
        """The next one."""
        self.last += 1
        return f"{self.last:016x}"


class Factors:
    """Alice and Bob with their authenticators, and everything that a SecondFactor needs."""

    def __init__(self, records: Records | None = None) -> None:
        self.records = records or MemoryRecords()
        self.clock = FakeClock()
        self.drawer = Drawer()
        self.telephone = Telephone()
        self.told: list[Failure] = []
        self.ids = Counted()
        for person, secret in SECRETS.items():
            self.enrol(Enrolment(person=person, totp=Totp(secret=secret)))

    def enrol(self, enrolment: Enrolment) -> None:
        """Put it in the drawer."""
        self.drawer.documents[enrolment.person] = to_document(enrolment)

    def by_telephone(self, person: str = ALICE) -> None:
        """Let the person have a telephone and nothing else."""
        self.enrol(Enrolment(person=person, phone="+491701234567"))

    def factor(self) -> SecondFactor:
        """What checks codes, as each run of ours makes it anew."""
        return SecondFactor(
            self.records,
            self.drawer,
            self.clock,
            self.ids,
            below=lambda most: 1234567 % most,
            sender=self.telephone,
            tell=self._tell,
        )

    def code(self, person: str = ALICE, later: int = 0) -> str:
        """What the person's authenticator shows, so many steps from now."""
        totp = Totp(secret=SECRETS[person])
        return totp.code(totp.step(self.clock.now()) + later)

    def wrong(self) -> str:
        """A code that no step near now has."""
        near = {self.code(later=later) for later in range(-3, 4)}
        return next(code for number in range(10) if (code := f"00000{number}") not in near)

    def pass_steps(self, many: int = 1) -> datetime:
        """Let so many steps go by."""
        self.clock.pass_(timedelta(seconds=30 * many))
        return self.clock.now()

    async def _tell(self, failure: Failure) -> None:
        self.told.append(failure)
