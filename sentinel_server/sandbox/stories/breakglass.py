"""An emergency: denied, opened by one person alone, served, closed early, refused, reviewed by another."""

from __future__ import annotations

import re

from sentinel_server.sandbox.stage import Stage, expect

PROFILE = "admin"
_WHY = "the payment queue is stuck and nobody who may is awake"


def play(stage: Stage) -> None:
    """All of it. Raises Findings at the first step that does not behave."""
    stage.step(f"what policy denies: `sentinel credentials --profile {PROFILE}`")
    done = stage.run("credentials", "--profile", PROFILE)
    expect(done.code == 3 and not done.out, f"the {PROFILE} profile was not refused", done)
    stage.tell(done.err.strip().splitlines()[0])
    event = _opened(stage)
    _only_one(stage)
    stage.step(f"a boto3 program under `sentinel exec --server --profile {PROFILE} --lease strict`")
    with stage.program(PROFILE) as child:
        caller = child.line("caller ")
        expect(f":assumed-role/{PROFILE}/sentinel-u.dev-" in caller, f"unexpected caller {caller}")
        child.line("buckets reports")
        stage.tell(f"served: {caller.removeprefix('caller ')}")
        _closed(stage, event)
        stage.step("the boto3 program, at its next call")
        refusal = child.line("refused ")
        found = re.search(r'"message":"([^"]*)"', refusal)
        stage.tell(f"CredentialRetrievalError: {found[1] if found else refusal}")
        expect(child.wait() == 7, "the program's exit code did not come through")
    _reviewed(stage, event)
    stage.verified()


def _words() -> tuple[str, ...]:
    return ("--profile", PROFILE, "--reason-code", "incident", "--justification", _WHY, "--output", "json")


def _opened(stage: Stage) -> str:
    stage.step(f"`sentinel breakglass --profile {PROFILE} --reason-code incident --justification '{_WHY}'`")
    done = stage.done("the glass could not be broken", "breakglass", *_words())
    event = str(done.value["event_id"])
    stage.tell(f"emergency {event} is {done.value['status']}")
    return event


def _only_one(stage: Stage) -> None:
    stage.step("the same again")
    done = stage.run("breakglass", *_words())
    expect(done.code != 0 and not done.out, "a second emergency was opened", done)
    stage.tell(done.err.strip().splitlines()[0])


def _closed(stage: Stage, event: str) -> None:
    stage.step(f"the security engineer: `sentinel breakglass-close {event} --reason 'queue runs again'`")
    done = stage.security("it could not be closed", "breakglass-close", event, "--reason", "queue runs again")
    stage.tell(done.said)


def _reviewed(stage: Stage, event: str) -> None:
    comment = "the queue was stuck indeed"
    stage.step(
        f"the security engineer: `sentinel breakglass-review {event} --justified --comment '{comment}'`"
    )
    words = (event, "--justified", "--comment", comment)
    done = stage.security("it could not be reviewed", "breakglass-review", *words)
    stage.tell(done.said)
