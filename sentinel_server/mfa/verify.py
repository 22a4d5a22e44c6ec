"""Checks codes. One that is empty, used, too old or somebody else's is never taken; nor is any while locked.

A verdict leaves here only after it was written down by compare-and-set; so every wrong code is counted,
however many are tried at once, and a right one is taken once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from shlex import quote
from typing import Protocol

from sentinel_server.clock import Clock, Ids, whole_seconds
from sentinel_server.errors import MfaLocked, MfaRefused, MfaUnavailable
from sentinel_server.frozen import frozen
from sentinel_server.mfa.attempts import MOST, Attempts, attempts_ref, read_attempts
from sentinel_server.mfa.challenge import (
    DIGITS,
    Challenge,
    CodeSender,
    challenge_ref,
    creation,
    new_challenge,
    read_challenge,
)
from sentinel_server.mfa.enrolment import Enrolment, SecretStore, masked, read_document
from sentinel_server.mfa.proof import Asked, Failure, Proof, Tell
from sentinel_server.mfa.totp import Totp
from sentinel_server.policy.breakglass import MfaMethod
from sentinel_server.records.model import Change, Ref, Row
from sentinel_server.records.store import Records
from sentinel_server.secret import Secret

_CONTENTION = 20
"""Times that others may be quicker before we give up; each of theirs was counted."""


class SecondFactor:
    """Asks for second factors and checks them. Raises StoreUnavailable besides what each method says.

    `below` gives a number from 0 to under its argument by the system's entropy.
    """

    def __init__(
        self,
        records: Records,
        secrets: SecretStore,
        clock: Clock,
        ids: Ids,
        *,
        below: Callable[[int], int],
        sender: CodeSender | None = None,
        tell: Tell,
    ) -> None:
        self._records = records
        self._secrets = secrets
        self._clock = clock
        self._ids = ids
        self._below = below
        self._sender = sender
        self._tell = tell

    async def begin(self, asked: Asked, methods: Sequence[MfaMethod] = ()) -> Challenge | None:
        """Send a code if that is the way; None when the person's authenticator has one already.

        `methods` are those that count; none means any. Raises MfaUnavailable when the person has none of
        them, MfaLocked while locked or when too many codes were sent.
        """
        enrolled = await self._enrolled(asked)
        if enrolled.totp is not None and _counts(MfaMethod.TOTP, methods):
            return None
        if not (enrolled.phone and self._sender is not None and _counts(MfaMethod.SMS, methods)):
            raise _unenrolled(asked, "no second factor that counts here")
        code = Secret(str(self._below(10**DIGITS)).zfill(DIGITS))
        now = self._clock.now()
        challenge = new_challenge(self._ids.fresh(), asked, code, now, masked(enrolled.phone))
        await self._note_sending(asked, challenge)
        text = f"Sentinel {asked.purpose} code for {asked.profile}: {code.reveal()}"
        await self._sender.send(enrolled.phone, Secret(text))
        return challenge

    async def verify(
        self, asked: Asked, code: str, challenge_id: str = "", methods: Sequence[MfaMethod] = ()
    ) -> Proof:
        """The proof that this code is: of the challenge, or without one of the person's authenticator.

        Raises MfaRefused, MfaLocked, and MfaUnavailable when there is nothing to check it with.
        """
        method = MfaMethod.SMS if challenge_id else MfaMethod.TOTP
        if not _counts(method, methods):
            wanted = " or ".join(each.value for each in methods)
            raise MfaRefused(f"a code by {method.value} does not count here, but one by {wanted}")
        if challenge_id:
            return await self._settle(asked, method, _Sent(asked, code, challenge_id))
        enrolled = await self._enrolled(asked)
        if enrolled.totp is None:
            raise _unenrolled(asked, "no authenticator")
        return await self._settle(asked, method, _Shown(enrolled.totp, code))

    async def _enrolled(self, asked: Asked) -> Enrolment:
        document = await self._secrets.read(asked.person)
        if document is None:
            raise _unenrolled(asked, "no second factor")
        return read_document(document, asked.person)

    async def _note_sending(self, asked: Asked, challenge: Challenge) -> None:
        """Write the challenge down together with one more code sent, so that nobody can flood a telephone."""
        now, ref = challenge.created_at, attempts_ref(asked.person)
        for _ in range(_CONTENTION):
            attempts = read_attempts(ref, (await self._records.get([ref])).get(ref)).at(now)
            if attempts.is_locked(now):
                raise _locked(attempts)
            if attempts.sent >= MOST:
                raise MfaLocked(f"{MOST} codes were sent to {challenge.target} in a quarter of an hour")
            counted = replace(attempts, sent=attempts.sent + 1)
            if await self._records.commit([counted.change(now), creation(challenge)]):
                return
        raise _crowded()

    async def _settle(self, asked: Asked, method: MfaMethod, judge: _Judge) -> Proof:
        ref = attempts_ref(asked.person)
        for _ in range(_CONTENTION):
            rows = await self._records.get([ref, *judge.refs])
            now = self._clock.now()
            attempts = read_attempts(ref, rows.get(ref)).at(now)
            if attempts.is_locked(now):
                await self._say(asked, method, now, "locked", locked=True)
                raise _locked(attempts)
            verdict = judge.judge(rows, attempts, now)
            after = attempts.failed(now) if verdict.refusal else attempts.passed(verdict.step)
            if not await self._records.commit([after.change(now), *verdict.changes]):
                continue
            if not verdict.refusal:
                return Proof(
                    person=asked.person, method=method, verified_at=now, challenge_id=judge.challenge_id
                )
            await self._say(asked, method, now, verdict.refusal, locked=after.is_locked(now))
            raise _locked(after) if after.is_locked(now) else MfaRefused(verdict.refusal)
        raise _crowded()

    async def _say(self, asked: Asked, method: MfaMethod, at: datetime, reason: str, *, locked: bool) -> None:
        await self._tell(Failure(asked=asked, method=method, at=at, reason=reason, locked=locked))


@frozen
class _Verdict:
    """Why the code is not taken, empty when it is; the step it is of, and what else is to be written."""

    refusal: str = ""
    step: int | None = None
    changes: tuple[Change, ...] = ()


class _Judge(Protocol):
    """Looks at one code. It may be asked again, with newer rows."""

    @property
    def refs(self) -> tuple[Ref, ...]: ...
    @property
    def challenge_id(self) -> str: ...
    def judge(self, rows: Mapping[Ref, Row], attempts: Attempts, now: datetime) -> _Verdict: ...


class _Shown:
    """A code that an authenticator shows."""

    refs: tuple[Ref, ...] = ()
    challenge_id = ""

    def __init__(self, totp: Totp, code: str) -> None:
        self._totp = totp
        self._code = code

    def judge(self, rows: Mapping[Ref, Row], attempts: Attempts, now: datetime) -> _Verdict:
        step = self._totp.matching(self._code, now)
        if step is None:
            return _Verdict(refusal="the code is wrong")
        if step <= attempts.last_step:
            return _Verdict(refusal="the code was used before")
        return _Verdict(step=step)


class _Sent:
    """A code that was sent."""

    def __init__(self, asked: Asked, code: str, challenge_id: str) -> None:
        self._asked = asked
        self._code = code
        self.challenge_id = challenge_id
        self.refs: tuple[Ref, ...] = (challenge_ref(challenge_id),)

    def judge(self, rows: Mapping[Ref, Row], attempts: Attempts, now: datetime) -> _Verdict:
        row = rows.get(self.refs[0])
        challenge = None if row is None else read_challenge(row)
        if challenge is None:
            return _Verdict(refusal="there is no such challenge")
        if why := challenge.refuses(self._asked, now):
            return _Verdict(refusal=why)
        right = challenge.is_answered_by(self._code)
        changes = (challenge.answer(right=right, now=now),)
        return _Verdict(refusal="" if right else "the code is wrong", changes=changes)


def _counts(method: MfaMethod, methods: Sequence[MfaMethod]) -> bool:
    return not methods or method in methods


def _locked(attempts: Attempts) -> MfaLocked:
    until = "" if attempts.locked_until is None else f" until {whole_seconds(attempts.locked_until)}"
    return MfaLocked(f"{MOST} wrong codes were given, so none is taken{until}")


def _crowded() -> MfaUnavailable:
    return MfaUnavailable("too many codes are being given at once; none of these was taken")


def _unenrolled(asked: Asked, what: str) -> MfaUnavailable:
    """The profile is named, because another may be somebody else's."""
    enroll = f"sentinel mfa enroll --profile {quote(asked.profile)}"
    return MfaUnavailable(f"{asked.person} has enrolled {what}", hint=f"enrol one: {enroll}")
