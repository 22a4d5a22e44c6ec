"""Whether a caller may do something, from everything AWS would look at.

A session may do what its role's policies allow and its session policies allow; any explicit deny wins. To
set a source identity both the caller's policies and the role's trust policy must allow it. AWS lets a trust
policy that names a user of its own account stand alone; the sandbox wants both sides there too, as AWS does
everywhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sentinel_server.clock import whole_seconds
from sentinel_server.sandbox.conditions import Context
from sentinel_server.sandbox.iam import Ask, Policy, Verdict, evaluate
from sentinel_server.sandbox.principals import Kind, Principal


def why_not(identity: Iterable[Policy], principal: Principal, ask: Ask) -> str | None:
    """None when the caller's own policies permit `ask`; else the reason in AWS's words."""
    said = evaluate(identity, ask)
    session = evaluate(principal.session_policies, ask)
    if Verdict.DENIED in (said, session):
        kind = "an identity-based policy" if said is Verdict.DENIED else "a session policy"
        return f"with an explicit deny in {kind}"
    if said is not Verdict.ALLOWED:
        return f"because no identity-based policy allows the {ask.action} action"
    if principal.session_policies and session is not Verdict.ALLOWED:
        return f"because no session policy allows the {ask.action} action"
    return None


def caller_context(principal: Principal, now: datetime, region: str) -> dict[str, str | tuple[str, ...]]:
    """The condition keys that describe the caller and the moment."""
    context: dict[str, str | tuple[str, ...]] = {
        "aws:currenttime": whole_seconds(now),
        "aws:epochtime": str(int(now.timestamp())),
        "aws:principalarn": principal.role_arn or principal.arn,
        "aws:principalaccount": principal.account,
        "aws:requestedregion": region,
        "aws:securetransport": "true",
        "aws:userid": principal.user_id,
    }
    if principal.kind is Kind.USER:
        context["aws:username"] = principal.name
    if principal.temporary:
        context["aws:multifactorauthpresent"] = str(principal.mfa).lower()
    if principal.source_identity:
        context["aws:sourceidentity"] = principal.source_identity
    return context | {f"aws:principaltag/{key.lower()}": value for key, value in principal.tags}


def ask_for(action: str, resource: str | None, principal: Principal, context: Context) -> Ask:
    """An `Ask` by this caller."""
    return Ask(action=action, resource=resource, context=context, principals=principal.names)
