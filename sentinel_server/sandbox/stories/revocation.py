"""The first story: allowed, working, revoked from outside, refused with the reason, proven."""

from __future__ import annotations

import re

from sentinel_server.sandbox.stage import Program, Stage, expect


def play(stage: Stage) -> None:
    """All of it. Raises Findings at the first step that does not behave."""
    _refused_by_policy(stage)
    stage.step("a boto3 program under `sentinel exec --server --profile prod --lease strict`")
    with stage.program("prod") as child:
        _works(stage, child)
        session = _listed(stage)
        _revoked(stage, session)
        _cut_off(stage, child, session)
    stage.verified()


def _refused_by_policy(stage: Stage) -> None:
    stage.step("what policy does not allow: `sentinel credentials --profile admin`")
    done = stage.run("credentials", "--profile", "admin")
    expect(done.code == 3 and not done.out, "the admin profile was not refused", done)
    stage.tell(done.err.strip().splitlines()[0])


def _works(stage: Stage, child: Program) -> None:
    caller = child.line("caller ")
    expect(":assumed-role/prod/sentinel-u.dev-" in caller, f"unexpected caller {caller}")
    stage.tell(f"allowed: {caller.removeprefix('caller ')}")
    for _ in range(3):
        child.line("buckets reports")
    stage.tell("it keeps working; every signature was a fetch, and every fetch a decision")


def _listed(stage: Stage) -> str:
    stage.step("in another terminal: `sentinel server-sessions`")
    done = stage.done("the sessions could not be listed", "server-sessions", "--json")
    sessions = done.value["sessions"]
    expect(len(sessions) == 1, f"{len(sessions)} sessions are listed, not one", done)
    session = sessions[0]
    stage.tell(f"session {session['id']}: {session['user']} has {session['profile']}")
    return str(session["id"])


def _revoked(stage: Stage, session: str) -> None:
    reason = "INC-42 laptop stolen"
    stage.step(f"`sentinel server-revoke {session} --reason '{reason}'`")
    done = stage.done("the session could not be revoked", "server-revoke", session, "--reason", reason)
    stage.tell(done.said)


def _cut_off(stage: Stage, child: Program, session: str) -> None:
    stage.step("the boto3 program, at its next call")
    refusal = child.line("refused ")
    expect("INC-42" in refusal and session in refusal, f"the reason is missing: {refusal}")
    found = re.search(r'"message":"([^"]*)"', refusal)
    stage.tell(f"CredentialRetrievalError: {found[1] if found else refusal}")
    expect(child.wait() == 7, "the program's exit code did not come through")
    stage.tell("exit code 7: the program's own")
