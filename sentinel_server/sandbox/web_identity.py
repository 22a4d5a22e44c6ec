"""Tokens of an OpenID Connect provider that the account trusts, for AssumeRoleWithWebIdentity."""

from __future__ import annotations

import secrets
import threading
from datetime import datetime, timedelta

from sentinel_server.clock import Clock
from sentinel_server.frozen import frozen
from sentinel_server.sandbox.account import Account, Role
from sentinel_server.sandbox.iam import Ask, Verdict, evaluate
from sentinel_server.sandbox.principals import Sessions
from sentinel_server.sandbox.sts import NAMESPACE, credentials_of, role_session
from sentinel_server.sandbox.wire import Call, Refusal, Reply, query_reply

OPERATION = "AssumeRoleWithWebIdentity"


@frozen
class WebIdentity:
    """What a token says. `provider` is a host; `source_identity` the claim by which STS stamps a session."""

    provider: str
    subject: str
    audience: str
    expires_at: datetime
    source_identity: str | None = None


class WebIdentities:
    """The tokens given out. They are opaque here: STS looks at nothing but the claims."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._given: dict[str, WebIdentity] = {}

    def token(
        self,
        subject: str,
        *,
        provider: str = "token.example.com",
        audience: str = "sts.amazonaws.com",
        seconds: int = 3600,
        source_identity: str | None = None,
    ) -> str:
        """A token that says so."""
        token = f"sandbox.{secrets.token_urlsafe(60)}.web"
        until = self._clock.now() + timedelta(seconds=seconds)
        with self._lock:
            self._given[token] = WebIdentity(
                provider=provider,
                subject=subject,
                audience=audience,
                expires_at=until,
                source_identity=source_identity,
            )
        return token

    def read(self, token: str) -> WebIdentity:
        """What a token says. Raises Refusal as STS does for one that is not good."""
        with self._lock:
            found = self._given.get(token)
        if found is None:
            raise Refusal("InvalidIdentityToken", "The web identity token that was passed is not valid")
        if self._clock.now() >= found.expires_at:
            raise Refusal("ExpiredTokenException", "Token expired")
        return found


def assume_role(
    call: Call, identities: WebIdentities, account: Account, sessions: Sessions, now: datetime
) -> Reply:
    """The answer to AssumeRoleWithWebIdentity. Raises Refusal."""
    params = call.params
    claims = identities.read(params["WebIdentityToken"])
    role = account.role(params["RoleArn"])
    if role is None or not _trusted(role, claims, params["RoleSessionName"], account.id):
        raise Refusal("AccessDenied", f"Not authorized to perform sts:{OPERATION}", 403)
    seconds = int(params.get("DurationSeconds", 3600))
    if seconds > role.max_session:
        raise Refusal(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
    session = role_session(
        role,
        account=account.id,
        session_name=params["RoleSessionName"],
        source_identity=claims.source_identity,
    )
    result = {
        "Credentials": credentials_of(sessions.open(session, now + timedelta(seconds=seconds))),
        "SubjectFromWebIdentityToken": claims.subject,
        "Audience": claims.audience,
        "Provider": f"arn:aws:iam::{account.id}:oidc-provider/{claims.provider}",
        "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
        "SourceIdentity": claims.source_identity,
    }
    return query_reply(NAMESPACE, OPERATION, result)


def _trusted(role: Role, claims: WebIdentity, session_name: str, account: str) -> bool:
    provider = f"arn:aws:iam::{account}:oidc-provider/{claims.provider}"
    context = {
        f"{claims.provider}:sub": claims.subject,
        f"{claims.provider}:aud": claims.audience,
        "sts:rolesessionname": session_name,
    }
    actions = [f"sts:{OPERATION}"]
    if claims.source_identity is not None:
        context["sts:sourceidentity"] = claims.source_identity
        actions.append("sts:SetSourceIdentity")
    asks = (
        Ask(
            action=action,
            resource=role.arn,
            context=context,
            principals=frozenset({f"Federated:{provider}"}),
        )
        for action in actions
    )
    return all(evaluate([role.trust], ask) is Verdict.ALLOWED for ask in asks)
