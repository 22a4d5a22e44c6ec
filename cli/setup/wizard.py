"""`sentinel init wizard`: from the profiles that are there to a policy, step by step or all at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from cli.options import flags_of, output_option, own_option, region_option, yes_option

if TYPE_CHECKING:
    from cli.setup.answers import Answers, Question
    from sentinel_server.credentials.overview import Overview
    from sentinel_server.identity.principal import Principal
    from sentinel_server.settings.resolve import Settings


@click.command()
@own_option(
    "WIZARD", "--profile", "profiles", multiple=True, metavar="NAME", help="To be set up; repeatable."
)
@own_option("WIZARD", "--user", metavar="USER", help="Who may use them: a name or an ARN; you if not given.")
@own_option(
    "WIZARD", "--allow-unstamped/--no-allow-unstamped", "unstamped", default=None, help="Without roles, too."
)
@own_option("WIZARD", "--server/--no-server", default=None, help="Serve live shells only.")
@own_option("WIZARD", "--approvals/--no-approvals", default=None, help="Somebody else has to agree first.")
@own_option("WIZARD", "--approver", "approvers", multiple=True, metavar="USER", help="Who; repeatable.")
@own_option("WIZARD", "--breakglass/--no-breakglass", default=None, help="Emergencies are possible.")
@own_option("WIZARD", "--signing/--no-signing", default=None, help="Policies are signed.")
@own_option("WIZARD", "--tables/--no-tables", default=None, help="Sessions and the like in DynamoDB.")
@own_option("WIZARD", "--ssm/--no-ssm", default=None, help="Policies in SSM Parameter Store.")
@own_option("WIZARD", "--restart", is_flag=True, help="Forget earlier answers.")
@own_option("WIZARD", "--force", is_flag=True, help="Replace policies that are there.")
@output_option("human", "json")
@yes_option
@region_option
def wizard(restart: bool, force: bool, output: str, yes: bool, region: str | None, **given: Any) -> None:
    """Set everything up, step by step.

    Finds profiles, asks what is wanted, and at the end writes policies and config.yaml, all or nothing. Every
    question has an option; --yes takes what is usual for the rest. When it is interrupted, answers are kept
    and the next run goes on with them. Prints what to attach in IAM and what to run next.
    """
    from cli.context import settings_from
    from cli.output import note
    from cli.prompt import somebody_there
    from cli.setup.result import finish
    from cli.setup.writing import Kept
    from sentinel_server import wiring
    from sentinel_server.credentials.overview import overview

    settings = settings_from(flags_of({"region": region}))
    known = wiring.profiles(settings)
    choices = [overview(known, name) for name in known.names()]
    ask, kept = somebody_there() and not yes, Kept(settings.directories.state)
    answers = _given(_earlier(kept, restart=restart or not ask), settings, region, given)
    try:
        answers, principal = _completed(answers, settings, choices, kept if ask else None, yes=yes)
        finish(answers, settings, choices, principal, output=output, force=force, yes=yes)
    except click.Abort:
        if ask and kept.answers() is not None:
            note("your answers are kept; go on with: sentinel init wizard")
        raise
    kept.forget()


def _earlier(kept: Any, *, restart: bool) -> Answers:
    from cli.output import note
    from cli.setup.answers import Answers

    earlier: Answers | None = None if restart else kept.answers()
    if earlier is None:
        return Answers()
    note("going on with what you answered before (--restart begins anew)")
    return earlier


def _given(answers: Answers, settings: Settings, region: str | None, given: dict[str, Any]) -> Answers:
    """With what options and variables say, and what is configured already. Raises BadInput."""
    from cli.setup.answers import told
    from sentinel_server.settings.locations import DynamoDbLocation, SsmPolicies

    if isinstance(settings.store, DynamoDbLocation):
        where = settings.store.region or answers.region
        answers = replace(answers, tables=True, region=where, settled=("tables",))
    if isinstance(settings.policies, SsmPolicies):
        where = settings.policies.region or answers.region
        answers = replace(answers, ssm=True, region=where, settled=(*answers.settled, "ssm"))
    for name, value in {**given, "region": region}.items():
        if value not in (None, ()):
            answers = told(answers, name, value)
    return answers


def _completed(
    answers: Answers, settings: Settings, choices: list[Overview], kept: Any, *, yes: bool
) -> tuple[Answers, Principal | None]:
    """Every answer, and who AWS says is asking. Raises BadInput, click.Abort."""
    from cli.setup.asking import ask_all, noting_roles, require_all, take_usual

    answers = noting_roles(answers, choices)
    who = _Asker(settings)

    def usual(each: Question, now: Answers) -> str | None:
        if each.name == "user":
            return who.usual(now)
        return _region(now, settings, choices) if each.name == "region" else None

    if kept is not None:
        answers = ask_all(answers, choices, usual, kept.keep)
    elif yes:
        answers = take_usual(answers, usual)
    else:
        if answers.user is None and answers.profiles:
            answers = replace(answers, user=who.usual(answers))
        require_all(answers)
    return answers, who.principal(answers)


def _region(answers: Answers, settings: Settings, choices: list[Overview]) -> str | None:
    names = answers.profiles or ()
    found = next((each.region for each in choices if each.name in names and each.region), None)
    environ = settings.environ
    return settings.region or found or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")


class _Asker:
    """Asks AWS once who the base credentials of the first profile belong to."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._asked = False
        self._found: Principal | None = None

    def usual(self, answers: Answers) -> str | None:
        """How policies name whoever asks; None when AWS does not tell."""
        from cli.starter import user_entry

        found = self.principal(answers)
        return None if found is None else user_entry(found)

    def principal(self, answers: Answers) -> Principal | None:
        """Who it is; None, and said so, when AWS does not tell."""
        from cli.context import run
        from cli.output import note
        from sentinel_server import wiring
        from sentinel_server.errors import SentinelError

        if not self._asked and answers.profiles:
            self._asked = True
            try:
                self._found = run(wiring.whoami(self._settings, answers.profiles[0]), "asking STS")
            except SentinelError as error:
                note(f"AWS did not say who you are: {error.message}")
        return self._found
