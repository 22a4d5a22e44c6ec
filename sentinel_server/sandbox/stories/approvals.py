"""Access by somebody else's yes: refused, requested, approved from another identity, served, taken back."""

from __future__ import annotations

import re

from sentinel_server.sandbox.stage import Stage, expect

PROFILE = "payments"
_WHY = "rotate the signing keys, CHG-7"


def play(stage: Stage) -> None:
    """All of it. Raises Findings at the first step that does not behave."""
    _refused(stage)
    request = _requested(stage)
    _not_by_oneself(stage, request)
    _approved(stage, request)
    stage.step(f"a boto3 program under `sentinel exec --server --profile {PROFILE} --lease strict`")
    with stage.program(PROFILE) as child:
        caller = child.line("caller ")
        expect(f":assumed-role/{PROFILE}/sentinel-u.dev-" in caller, f"unexpected caller {caller}")
        child.line("buckets reports")
        stage.tell(f"served: {caller.removeprefix('caller ')}")
        _taken_back(stage, request)
        stage.step("the boto3 program, at its next call")
        refusal = child.line("refused ")
        expect(request in refusal, f"the request is missing: {refusal}")
        found = re.search(r'"message":"([^"]*)"', refusal)
        stage.tell(f"CredentialRetrievalError: {found[1] if found else refusal}")
        expect(child.wait() == 7, "the program's exit code did not come through")
    stage.verified()


def _refused(stage: Stage) -> None:
    stage.step(f"what wants an approval: `sentinel credentials --profile {PROFILE}`")
    done = stage.run("credentials", "--profile", PROFILE)
    expect(done.code == 4 and not done.out, f"the {PROFILE} profile was not refused", done)
    stage.tell(done.err.strip().splitlines()[0])


def _requested(stage: Stage) -> str:
    stage.step(f"`sentinel request --profile {PROFILE} --duration 30m --justification '{_WHY}'`")
    words = ("--profile", PROFILE, "--duration", "30m", "--justification", _WHY, "--output", "json")
    done = stage.done("nothing could be requested", "request", *words)
    request = str(done.value["request_id"])
    stage.tell(f"request {request} is {done.value['status']}")
    return request


def _not_by_oneself(stage: Stage, request: str) -> None:
    stage.step(f"the developer: `sentinel approve {request} --aws-profile base`")
    done = stage.run("approve", request, "--aws-profile", "base")
    expect(done.code == 3, "the requester approved their own request", done)
    stage.tell(done.err.strip().splitlines()[0])


def _approved(stage: Stage, request: str) -> None:
    stage.step(f"the security engineer: `sentinel approve {request} --comment 'seen CHG-7'`")
    done = stage.security("it could not be approved", "approve", request, "--comment", "seen CHG-7")
    stage.tell(done.said)


def _taken_back(stage: Stage, request: str) -> None:
    stage.step(f"the security engineer: `sentinel revoke-approval {request} --comment 'wrong ticket'`")
    done = stage.security("it could not be revoked", "revoke-approval", request, "--comment", "wrong ticket")
    stage.tell(done.said)
