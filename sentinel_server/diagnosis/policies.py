"""What a policy means for whoever asks: whether it can be believed, what lint says, which doors it opens."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from sentinel_server.diagnosis.model import Finding, Topic, ok, problem, warning
from sentinel_server.identity.principal import Principal
from sentinel_server.policy.evaluate import PolicyAsk, evaluate
from sentinel_server.policy.lint import Severity, lint_policy
from sentinel_server.policy.schema import Effect, LoadedPolicy, Mode, Origin

_SHOWN = 3


def policy_findings(
    loaded: LoadedPolicy, profile: str, principal: Principal | None, now: datetime, *, unstamped: bool
) -> list[Finding]:
    """What is to say of the policy of one profile. `unstamped` is one without a role to be stamped."""
    found = [_loaded(loaded), *_linted(loaded, profile, now)]
    if principal is not None:
        found.append(_doors(loaded, profile, principal, now, unstamped=unstamped))
    return found


def _loaded(loaded: LoadedPolicy) -> Finding:
    count = len(loaded.policy.rules)
    signed = f"signed by {loaded.signer}" if loaded.signer else "signatures are not asked for"
    version = f", version {loaded.version}" if loaded.version else ""
    rules = f"{count} rule{'' if count == 1 else 's'}"
    return ok(Topic.POLICY, f"{loaded.name}{version}: {rules}, {signed}")


def _linted(loaded: LoadedPolicy, profile: str, now: datetime) -> Iterable[Finding]:
    findings = [each for each in lint_policy(loaded.policy, now=now) if each.severity is not Severity.NOTE]
    mend = _lint_command(loaded, profile)
    for each in findings[:_SHOWN]:
        about = "" if each.rule is None else f"rule '{each.rule}': "
        judge = problem if each.severity is Severity.ERROR else warning
        yield judge(Topic.POLICY, f"{each.code.value} {about}{each.message}", each.why, mend)
    if more := findings[_SHOWN:]:
        counts = Counter(each.severity for each in more)
        said = ", ".join(f"{count} more {severity.value}s" for severity, count in counts.items())
        judge = problem if counts[Severity.ERROR] else warning
        yield judge(Topic.POLICY, f"lint has {said}", "", mend)


def _lint_command(loaded: LoadedPolicy, profile: str) -> str:
    if loaded.origin is Origin.FILE:
        return f"sentinel policy lint {shlex.quote(loaded.name)}"
    name = shlex.quote(profile)
    return f"sentinel policy pull {name} | sentinel policy lint -"


def _doors(
    loaded: LoadedPolicy, profile: str, principal: Principal, now: datetime, *, unstamped: bool
) -> Finding:
    explain = f"sentinel policy explain --profile {shlex.quote(profile)}"
    home = loaded.home_of(principal)
    decided = {
        mode: evaluate(
            loaded.policy,
            PolicyAsk(principal=principal, profile=profile, mode=mode, now=now, home_account=home),
        ).rule
        for mode in (Mode.SERVER, Mode.CLI, Mode.CREDENTIAL_PROCESS)
    }
    opened = {mode: rule for mode, rule in decided.items() if rule is not None and _opens(mode, rule.effect)}
    for rule in opened.values():
        if unstamped and not rule.allow_unstamped:
            why = "give it a role_arn, or say allow_unstamped: true in the rule; until then it is refused"
            what = f"{profile} has no role to stamp, and rule '{rule.name}' wants one"
            return problem(Topic.POLICY, what, why, explain)
    if opened:
        doors = ", ".join(mode.value for mode in opened)
        return ok(Topic.POLICY, f"it lets {principal.name} in now, by: {doors}")
    if any(rule is not None and rule.effect is Effect.REQUIRE_APPROVAL for rule in decided.values()):
        return ok(Topic.POLICY, f"it lets {principal.name} in when somebody else agrees")
    return warning(
        Topic.POLICY, f"it does not let {principal.name} in now", "no rule that matches allows it", explain
    )


def _opens(mode: Mode, effect: Effect) -> bool:
    """Whether nobody else has to agree at that door."""
    at_server = mode is Mode.SERVER and effect in (Effect.REQUIRE_SERVER, Effect.REQUIRE_SERVER_SESSION)
    return effect is Effect.ALLOW or at_server
