"""Every question there is, on a terminal: right, wrong, empty, end of file, Ctrl-C, and nobody there."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from sentinel_server.clock import SystemClock
from sentinel_server.mfa.totp import Totp
from sentinel_server.secret import Secret
from tests.fakes.aws_vault import write_item
from tests.fakes.deployment import Deployment, deployment
from tests.fakes.forks import Forks
from tests.fakes.questions import Question, Steps, answers, asked_in_source
from tests.fakes.terminal import Terminal
from tests.fakes.watched import Watched, watched

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX's")

KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
BY_FILE = {"SENTINEL_KEYRING_BACKEND": "file"}
OPENED = {**BY_FILE, "SENTINEL_KEYRING_PASSPHRASE": "open sesame"}
PAIR = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}
NOT_ASKED = ("and there is no terminal to ask on", 2)
LOCKED = ("there is no terminal to ask on", 6)
PHONE = "+491701234567"


@dataclass(slots=True)
class Scene:
    """A home of its own in a shared AWS, and what has been prepared in it."""

    home: Watched
    seeded: Deployment
    totp: Totp | None = None

    @property
    def dev(self) -> str:
        """The person key of the developer."""
        return f"iam:{self.seeded.aws.account_id}:dev"

    def run(self, *words: str, **env: str) -> None:
        """A command that must succeed."""
        done = self.home.run(*words, **env)
        assert done.code == 0, done.err

    def configure(self, text: str) -> None:
        """Add to AWS's configuration."""
        path = self.home.home / "aws" / "config"
        path.write_text(path.read_text() + text)

    def key(self) -> None:
        """A key in the keyring, under the passphrase `open sesame`."""
        self.run("keyring", "add", "ring", "--env", **OPENED, **PAIR)

    def seed(self) -> None:
        """The profile `coded` with a device, whose seed is in the keyring."""
        self.configure("[profile coded]\nmfa_serial = device\n")
        assert self.home.run("keyring", "add", "coded", "--mfa-seed", "--stdin", say=SEED, **OPENED).code == 0

    def factor(self) -> None:
        """An authenticator of the developer."""
        with self.home.typing("mfa", "enroll", **OPENED, AWS_PROFILE="base") as terminal:
            typed = self.shown_code(self.home, terminal)
            terminal.expect("shows now: ")
            terminal.line(typed[0])
            assert terminal.process.wait() == 0, terminal.shown

    def shown_code(self, _: Watched, terminal: Terminal) -> Steps:
        """What an authenticator shows that was given what stands on the terminal."""
        found = re.search(r"otpauth://totp/Sentinel:\S+?secret=([A-Z2-7]+)&", terminal.shown)
        if found is None:
            found = terminal.expect(r"otpauth://totp/Sentinel:\S+?secret=([A-Z2-7]+)&")
        self.totp = Totp(secret=Secret(found[1]))
        return (self.totp.code(self.totp.step(SystemClock().now())),)

    def next_code(self, *_: object) -> Steps:
        """What the developer's authenticator shows next."""
        assert self.totp is not None
        return (self.totp.code(self.totp.step(SystemClock().now()) + 1),)

    def sent_code(self, *_: object) -> Steps:
        """What was sent to a telephone last."""
        from moto.sns.models import sns_backends

        texts = sns_backends[self.seeded.aws.account_id]["us-east-1"].sms_messages.values()
        return (list(texts)[-1][1].rpartition(" ")[2],)

    def device_code(self, *_: object) -> Steps:
        """What the developer's MFA device shows."""
        return (self.seeded.aws.devices.code(f"arn:aws:iam::{self.seeded.aws.account_id}:mfa/dev"),)


def always(*steps: str) -> Callable[[Watched, Terminal], Steps]:
    return lambda _home, _terminal: steps


def confirmed(words: Sequence[str], asks: str, done: str) -> Question:
    """A question for a yes, whose command can do without by `--yes`."""
    no = ("sentinel: not confirmed, so nothing was changed", 1)
    return Question(
        words=tuple(words),
        asks=rf"sentinel: {asks} \[y/N\]: ",
        right=always("y"),
        done=done,
        again=((("perhaps",), "Error: invalid input"),),
        ends=((("",), *no), (("n",), *no)),
        nobody=("this needs a yes, and there is no terminal to ask on", 2),
    )


Made = tuple[Question, Mapping[str, str]]


def mfa_code(scene: Scene) -> Made:
    serial = scene.seeded.aws.add_mfa("dev").serial
    path = scene.home.home / "aws" / "config"
    path.write_text(path.read_text().replace("[profile dev]\n", f"[profile dev]\nmfa_serial = {serial}\n"))
    return (
        Question(
            words=("whoami", "--profile", "dev"),
            asks="MFA code of arn:aws:iam::[0-9]+:mfa/dev: ",
            right=scene.device_code,
            done="dev",
            again=((("",), "a?"), (("12345",), "six digits"), (("000000",), "did not accept that code")),
            nobody=("there is no terminal to ask for it", 3),
            left=("sentinel: no code was given", 3),
        ),
        {},
    )


def new_passphrase(_: Scene) -> Made:
    repeat = "Repeat for confirmation: "
    return (
        Question(
            words=("keyring", "add", "ring", "--env"),
            asks="New passphrase for the keyring: ",
            right=always("open sesame", repeat, "open sesame"),
            done="is kept for ring",
            again=((("",), "a?"), (("open sesame", repeat, "other"), "do not match")),
            nobody=LOCKED,
        ),
        {**BY_FILE, **PAIR},
    )


def passphrase(scene: Scene) -> Made:
    scene.key()
    return (
        Question(
            words=("keyring", "add", "other", "--env"),
            asks="Passphrase of the keyring: ",
            right=always("open sesame"),
            done="is kept for other",
            again=((("",), "a?"), (("wrong",), "that is not it")),
            nobody=LOCKED,
        ),
        {**BY_FILE, **PAIR},
    )


def key_id(_: Scene) -> Made:
    return (
        Question(
            words=("keyring", "add", "ring"),
            asks="Access key id for ring: ",
            right=always(KEY_ID, "Its secret access key: ", SECRET),
            done="is kept for ring",
            again=((("",), "a?"),),
            ends=((("akia", "Its secret", SECRET), "an access key id is 16 or more capital letters", 2),),
            nobody=NOT_ASKED,
        ),
        OPENED,
    )


def secret_key(_: Scene) -> Made:
    return (
        Question(
            words=("keyring", "add", "ring"),
            asks="Its secret access key: ",
            right=always(SECRET),
            done="is kept for ring",
            again=((("",), "a?"),),
            ends=((("two words and no key",), "a secret access key is at least 16 characters", 2),),
            nobody=NOT_ASKED,
            before=(("Access key id for ring: ", KEY_ID),),
        ),
        OPENED,
    )


def seed(scene: Scene) -> Made:
    scene.configure("[profile coded]\nmfa_serial = device\n")
    return (
        Question(
            words=("keyring", "add", "coded", "--mfa-seed"),
            asks="Seed of device: ",
            right=always(SEED),
            done="The seed of device is kept",
            again=((("",), "a?"),),
            ends=((("123456",), "that is no seed of an MFA device", 2),),
            nobody=NOT_ASKED,
        ),
        OPENED,
    )


def factor_code(scene: Scene) -> Made:
    scene.factor()
    return (
        Question(
            words=("mfa", "remove"),
            asks="Code that your authenticator shows: ",
            right=scene.next_code,
            done="Removed: the second factor of iam:",
            again=((("",), "a?"),),
            ends=((("123",), "the code is wrong", 3),),
            nobody=("a code of your authenticator is wanted, and there is no terminal to ask on", 3),
        ),
        {**OPENED, "AWS_PROFILE": "base"},
    )


def new_factor(scene: Scene) -> Made:
    return (
        Question(
            words=("mfa", "enroll"),
            asks="Code that it shows now: ",
            right=scene.shown_code,
            done="Enrolled: totp for iam:",
            again=((("",), "a?"), (("000000x",), "that is not it")),
            nobody=("a second factor is enrolled at a terminal, and there is none here", 2),
        ),
        {**OPENED, "AWS_PROFILE": "base"},
    )


def new_telephone(scene: Scene) -> Made:
    return (
        Question(
            words=("mfa", "enroll", "--phone", PHONE),
            asks="Code that was sent to …567: ",
            right=scene.sent_code,
            done="Enrolled: sms for iam:",
            again=((("",), "a?"), (("000000x",), "that is not it")),
            nobody=("a second factor is enrolled at a terminal, and there is none here", 2),
        ),
        {**OPENED, "AWS_PROFILE": "base", "SENTINEL_MFA_SMS_REGION": "us-east-1"},
    )


def aws_vault(scene: Scene) -> Made:
    vault = scene.home.record.parent / "vault"
    write_item(vault, "moved", KEY_ID, SECRET, "vault passphrase")
    return (
        Question(
            words=("import", "aws-vault", "--from", "file", "--dir", str(vault)),
            asks="Passphrase of aws-vault's files: ",
            right=always("vault passphrase"),
            done="1 imported",
            again=((("",), "a?"), (("wrong",), "that opens none of them")),
            nobody=NOT_ASKED,
        ),
        OPENED,
    )


def factor_away(scene: Scene) -> Made:
    scene.factor()
    words = ("mfa", "remove", "--person", scene.dev)
    asks = rf"take the second factor of {scene.dev} away\?"
    return confirmed(words, asks, "Removed: the second factor of iam:"), OPENED


def key_set(scene: Scene) -> Made:
    home = scene.home.home
    env = {"SENTINEL_SIGNING_KEYS": str(home / "keys.json")}
    for name in ("team.key", "root.key"):
        scene.run("policy", "keys", "generate", str(home / name))
    scene.run("policy", "keys", "add", "--public-key", str(home / "team.key.pub"), **env)
    words = ("policy", "keys", "sign", "--sign-with", str(home / "root.key"))
    return confirmed(words, r"sign this as serial 1\?", "as serial 1 by "), env


def pushed(scene: Scene) -> Made:
    new = scene.home.record.parent / "new.yaml"
    new.write_text('version: "1"\nrules:\n  - {name: all, effect: allow, match: any}\n')
    return confirmed(
        ("policy", "push", "prod", str(new)), r"put this into \S+prod\.yaml\?", r"version \d"
    ), {}


def key_away(scene: Scene) -> Made:
    scene.key()
    asks = r"forget the key of ring\? It cannot be read from AWS again"
    return confirmed(("keyring", "remove", "ring"), asks, "The key of ring is forgotten"), OPENED


def seed_away(scene: Scene) -> Made:
    scene.seed()
    words = ("keyring", "remove", "coded", "--mfa-seed")
    asks = r"forget the seed of device\? It cannot be read from AWS again"
    return confirmed(words, asks, "The seed of device is forgotten"), OPENED


def tables(scene: Scene) -> Made:
    words = ("init", "sessions", "--region", scene.seeded.aws.region, "--table", "asked-for")
    return confirmed(words, r"do this to dynamodb://\S+\?", "asked-for"), {}


def block(_: Scene) -> Made:
    words = ("server-revoke", "--profile", "unused", "--reason", "a drill")
    asks = r"block profile:unused at every door until it is lifted, and revoke its live sessions in \S+\?"
    return confirmed(words, asks, "Blocked"), {}


def unblock(scene: Scene) -> Made:
    scene.run("server-revoke", "--profile", "unused", "--reason", "a drill", "--yes")
    asks = r"lift the block profile:unused in \S+\?"
    return confirmed(("server-unblock", "profile:unused"), asks, "Lifted: profile:unused"), {}


def unstamped(_: Scene) -> Made:
    """A policy is written in any case; what a yes is for is one line in it."""
    without = "so the policy is without allow_unstamped"
    return (
        Question(
            words=("init", "local", "--profile", "base", "--force"),
            asks=r"sentinel: accept that\? \[y/N\]: ",
            right=always("y"),
            done="next: sentinel exec --server --profile base",
            again=((("perhaps",), "Error: invalid input"),),
            ends=((("",), without, 0), (("n",), without, 0)),
            nobody=(without, 0),
            changes=True,
        ),
        {},
    )


def profile(_: Scene) -> Made:
    return (
        Question(
            words=("export",),
            asks=r"Number, or part of a name \[security\]: ",
            right=always("dev"),
            done="export AWS_ACCESS_KEY_ID=ASIA",
            again=((("nothing like it",), "no profile has that in its name, account or role"),),
            ends=((("",), "sentinel: no policy .*security", 6),),
            nobody=("no profile is named; there are: ", 2),
            left=("sentinel: no profile was chosen", 2),
        ),
        {},
    )


WIZARD = (
    *("init", "wizard", "--user", "dev", "--no-server", "--no-approvals", "--no-breakglass", "--no-signing"),
    *("--no-tables", "--no-ssm"),
)
WRITE, REPLACE = r"sentinel: write this file\? \[y/N\]: ", r"sentinel: replace \S+prod\.yaml\? \[y/N\]: "


def wizard(_: Scene) -> Made:
    """Every other question of the wizard is asked by the same line; its own tests have them."""
    return Question(
        words=(*WIZARD, "--force"),
        asks="Profiles, by number or name: ",
        right=always("prod", WRITE, "y"),
        done="Next:",
        again=((("",), "\n"), (("nothing-like-it",), "fits no profiles")),
        nobody=("there is no terminal to ask on: --profile", 2),
    ), {}


def written(_: Scene) -> Made:
    words = (*WIZARD, "--profile", "prod", "--force")
    return confirmed(words, r"write this file\?", "Next:"), {}


def replaced(_: Scene) -> Made:
    stays = "prod.yaml stays as it is"
    return Question(
        words=(*WIZARD, "--profile", "prod"),
        asks=REPLACE,
        right=always("y", WRITE, "y"),
        done="Next:",
        again=((("perhaps",), "Error: invalid input"),),
        ends=((("",), stays, 0), (("n",), stays, 0)),
        nobody=("is there already and says something else", 1),
    ), {}


QUESTIONS: Mapping[str, Callable[[Scene], Made]] = {
    "cli/prompt.py: MFA code of …": mfa_code,
    "cli/prompt.py: New passphrase for the keyring": new_passphrase,
    "cli/prompt.py: Passphrase of the keyring": passphrase,
    "cli/keyrings/add.py: access key id for …": key_id,
    "cli/keyrings/add.py: its secret access key": secret_key,
    "cli/keyrings/add.py: seed of …": seed,
    "cli/proving.py: code that …": factor_code,
    "cli/factors/enroll.py: code that it shows now": new_factor,
    "cli/factors/enroll.py: code that was sent to …": new_telephone,
    "cli/imports/aws_vault.py: passphrase of aws-vault's files": aws_vault,
    "cli/factors/remove.py: take the second factor of … away?": factor_away,
    "cli/picking.py: Number, or part of a name…: ": profile,
    "cli/policies/roots.py: sign this as serial …?": key_set,
    "cli/policies/pushing.py: put this into …?": pushed,
    "cli/keyrings/remove.py: forget the key of …? It cannot be read from AWS again": key_away,
    "cli/keyrings/remove.py: forget the seed of …? It cannot be read from AWS again": seed_away,
    "cli/provision.py: do this to …?": tables,
    "cli/commands/init.py: sentinel: accept that?": unstamped,
    "cli/setup/asking.py: <words>": wizard,
    "cli/setup/writing.py: write …?": written,
    "cli/setup/writing.py: sentinel: replace …?": replaced,
    "cli/commands/revoke.py: block … at every door …, and revoke its live sessions in …?": block,
    "cli/commands/blocks.py: lift the block … in …?": unblock,
}
"""Every question of the source, and how to come to it."""


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployment(tmp_path_factory.mktemp("seeded"), shared=False) as made:
        yield made


@pytest.fixture
def scene(forks: Forks, seeded: Deployment, tmp_path: Path) -> Scene:
    return Scene(watched(forks, seeded, tmp_path), seeded)


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_answer_to_a_question_comes_to_what_it_should(scene: Scene, name: str) -> None:
    question, env = QUESTIONS[name](scene)
    answered = {each[0][0] for each in question.again} | {each[0][0] for each in question.ends}
    assert "" in answered, "what nothing comes to is not said"
    answers(question, scene.home, dict(env))


def test_there_is_no_question_that_is_not_put_to_the_test() -> None:
    """Who adds a question adds a line to the table above."""
    assert asked_in_source() == set(QUESTIONS)
