"""Making one AWS session, between its two audit lines."""

from __future__ import annotations

from datetime import datetime, timedelta

from sentinel_server.access.facts import Allow, Target
from sentinel_server.access.seat import Seat, Sources
from sentinel_server.auditlog.event import Action
from sentinel_server.credentials.cache import Fingerprint, Minted
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.credentials.ports import RoleAsk
from sentinel_server.errors import AuditUnavailable, SentinelError, UpstreamFailed
from sentinel_server.identity.source_identity import role_session_name, stamp_for


def fingerprint(target: Target, allow: Allow) -> Fingerprint:
    """Two decisions with equal fingerprints may share one AWS session."""
    return (
        target.role_arn,
        target.external_id,
        allow.principal.same_id,
        allow.duration,
        allow.life,
        allow.ends_at,
        allow.unstamped,
        allow.marker,
        allow.override_id,
    )


class Mint:
    """One session to be made for one decision. Only `Gate` makes these."""

    def __init__(self, sources: Sources, seat: Seat, allow: Allow, key: Fingerprint) -> None:
        self._sources = sources
        self._seat = seat
        self._allow = allow
        self._key = key
        self._generation = seat.cache.generation

    async def make(self) -> Minted:
        """Write the intent, ask AWS, write the outcome. Raises what refused, and then nothing was issued."""
        issue_id = self._sources.ids.fresh()
        made_at = self._sources.clock.now()
        ask = self._ask(issue_id, made_at)
        about = self._about(issue_id, ask)
        journal = self._seat.journal
        await journal.write(journal.line(Action.INTENT, self._allow, effect="allow", **about))
        try:
            credentials = await self._credentials(ask)
        except SentinelError as error:
            await self._failed(error, about)
            raise
        real_end = credentials.expires_at or made_at + self._allow.duration
        word = "issued" if self._seat.cache.generation == self._generation else "discarded"
        outcome = {"outcome": word, "expires_at": real_end, **about}
        await journal.write(journal.line(Action.OUTCOME, self._allow, **outcome))
        end = real_end if ask is None or ask.not_after is None else min(real_end, ask.not_after)
        return Minted(
            credentials=credentials,
            issue_id=issue_id,
            minted_at=made_at,
            life_end=end,
            fingerprint=self._key,
        )

    def _ask(self, issue_id: str, made_at: datetime) -> RoleAsk | None:
        role_arn = self._seat.target.role_arn
        if role_arn is None:
            return None
        principal, allow = self._allow.principal, self._allow
        stamp_id = self._seat.session_id or issue_id
        return RoleAsk(
            role_arn=role_arn,
            role_session_name=role_session_name(principal, issue_id),
            source_identity=stamp_for(principal, allow.marker, stamp_id),
            duration=allow.duration,
            external_id=self._seat.target.external_id,
            not_after=allow.not_after(made_at),
            tags=self._tags(issue_id) if self._sources.rules.session_tags else (),
        )

    def _tags(self, issue_id: str) -> tuple[tuple[str, str], ...]:
        tags = [
            ("SentinelSession", self._seat.session_id),
            ("SentinelIssue", issue_id),
            ("SentinelOverride", self._allow.override_id),
            ("SentinelMode", self._seat.ask.mode.value),
        ]
        return tuple((key, value) for key, value in tags if value)

    def _about(self, issue_id: str, ask: RoleAsk | None) -> dict[str, object]:
        return {
            "issue_id": issue_id,
            "role_arn": None if ask is None else ask.role_arn,
            "source_identity": None if ask is None else ask.source_identity,
            "duration_seconds": int(self._allow.duration / timedelta(seconds=1)),
        }

    async def _credentials(self, ask: RoleAsk | None) -> AwsCredentials:
        try:
            if ask is None:
                return await self._sources.roles.session_token(self._allow.duration)
            return await self._sources.roles.assume(ask)
        except SentinelError:
            raise
        except Exception as error:
            raise UpstreamFailed(
                f"an unexpected {type(error).__name__} came instead of credentials"
            ) from error

    async def _failed(self, error: SentinelError, about: dict[str, object]) -> None:
        journal = self._seat.journal
        failed = {"outcome": "failed", "code": error.code, "reason": error.message, **about}
        try:
            await journal.write(journal.line(Action.OUTCOME, self._allow, **failed))
        except AuditUnavailable:
            # Nothing was issued; the intent is on disk and the refusal itself matters more to the reader.
            return
