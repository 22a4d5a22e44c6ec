"""Every setting there is: its name, its variable, its default, how its text is read, and what it is for."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from sentinel_server.errors import InvalidSetting
from sentinel_server.frozen import frozen
from sentinel_server.policy.durations import parse_duration
from sentinel_server.policy.schema import LEASES, Lease
from sentinel_server.settings.destinations import read_destinations, read_link_base
from sentinel_server.settings.locations import (
    parse_cloudwatch,
    parse_factors,
    parse_parameter,
    parse_policies,
    parse_side,
    parse_store,
    parse_table,
)

Read = Callable[[str], object]

SINKS = ("file", "stderr", "syslog", "cloudwatch")
"""Where the audit log can go."""


@frozen
class Setting:
    """One setting. `name` is its path in `config.yaml`."""

    name: str
    default: str | None
    read: Read
    meaning: str

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "SENTINEL_" + self.name.replace(".", "_").upper()


def read_lease(text: str) -> Lease:
    """A lease by name or as a duration of at least 60 s. Raises ValueError."""
    if text in LEASES:
        return LEASES[text]
    span = parse_duration(text)
    if span < timedelta(seconds=60):
        raise ValueError("a lease is standard, strict, full or a duration of at least 60s")
    return Lease(seconds=int(span.total_seconds()), word=text)


def read_flag(text: str) -> bool:
    """Exactly `true` or `false`: a guess here could switch a protection off. Raises ValueError."""
    if text not in ("true", "false"):
        raise ValueError("true or false is wanted")
    return text == "true"


def read_roots(text: str) -> tuple[bytes, ...]:
    """Public keys as base64 of their SubjectPublicKeyInfo, with commas between. Raises ValueError."""
    try:
        roots = tuple(base64.b64decode(part.strip(), validate=True) for part in text.split(","))
    except binascii.Error:
        roots = ()
    if not roots or not all(root.startswith(b"0") for root in roots):  # a DER sequence
        raise ValueError("public keys as `sentinel policy keys root` prints them are wanted")
    return roots


def _between(low: timedelta, high: timedelta) -> Callable[[str], timedelta]:
    def read(text: str) -> timedelta:
        span = parse_duration(text)
        if not low <= span <= high:
            raise ValueError(
                f"between {int(low.total_seconds())}s and {int(high.total_seconds())}s is wanted"
            )
        return span

    return read


def _number(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise ValueError(f"a whole number between {low} and {high} is wanted")
        return int(text)

    return read


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(_number(0, 2**32 - 2)(part.strip()) for part in text.split(",") if part.strip())


def _address(text: str) -> str:
    if text not in ("127.0.0.1", "169.254.170.2"):
        raise ValueError("127.0.0.1 or 169.254.170.2 is wanted: SDKs accept no other address over http")
    return text


def _required(text: str) -> bool:
    if text not in ("required", "optional"):
        raise ValueError("required or optional is wanted")
    return text == "required"


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, OverflowError) as error:
        raise ValueError(f"that is no regular expression: {error}") from None


_CLASS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", re.ASCII)


def read_backend(text: str) -> str:
    """What is to open a keyring: auto, os, file or the class of a backend. Raises ValueError."""
    if text not in ("auto", "os", "file") and not _CLASS.fullmatch(text):
        raise ValueError("auto, os, file or MODULE.CLASS of a keyring backend is wanted")
    return text


def _path_or_kms(text: str) -> Path | str:
    """A file, or the name of a KMS key."""
    return text.removeprefix("kms:") if text.startswith("kms:") and len(text) > 4 else _path(text)


def _sinks(text: str) -> tuple[str, ...]:
    sinks = tuple(part.strip() for part in text.split(","))
    unknown = next((sink for sink in sinks if sink not in SINKS), None)
    if unknown is not None or len(set(sinks)) < len(sinks):
        raise ValueError(f"some of {', '.join(SINKS)} are wanted, each once")
    if "file" not in sinks and sinks != ("stderr",):
        raise ValueError("syslog and cloudwatch are sent what the file has, so file must be among them")
    return sinks


def _stream(text: str) -> str:
    if not re.fullmatch(r"(?:[^:*{}]|\{(?:host|user|writer)\}){1,400}", text):
        raise ValueError("a name with {host}, {user} or {writer} in it, without : and *, is wanted")
    return text


def _path(text: str) -> Path:
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:
        raise ValueError("nobody has that home") from error
    if not path.is_absolute():
        raise ValueError("an absolute path is wanted")
    return path


_SECOND, _HOUR = timedelta(seconds=1), timedelta(hours=1)


def _settings(state: Path, config: Path) -> tuple[Setting, ...]:
    def one(name: str, default: str | None, read: Read, meaning: str) -> Setting:
        return Setting(name=name, default=default, read=read, meaning=meaning)

    return (
        one("region", None, str, "the AWS region of the child, SSM and DynamoDB; else the profile's own"),
        one("control_profile", None, str, "reads policies and stores instead of the base credentials"),
        one("policies", f"file://{config / 'policies'}", parse_policies, "where policies are"),
        one(
            "policy_parameter", None, parse_parameter, "one SSM parameter; beats a `policies` of equal origin"
        ),
        one("approvals", None, parse_side, "who may approve what; else beside the policies"),
        one("breakglass", None, parse_side, "who may break the glass; else beside the policies"),
        one("ratelimits", None, parse_side, "how often the glass may be broken; else beside the policies"),
        one("store", f"sqlite://{state / 'sentinel.db'}", parse_store, "where sessions and blocks are"),
        one(
            "session_table",
            None,
            parse_table,
            "a DynamoDB table, by name or ARN; beats a `store` of equal origin",
        ),
        one("request_table", None, parse_table, "a DynamoDB table of requests; else beside the sessions"),
        one(
            "breakglass_table",
            None,
            parse_table,
            "a DynamoDB table of emergencies; else beside the sessions",
        ),
        one("lease", None, read_lease, "how far a reported expiry reaches: standard, strict, full, 90s"),
        one("enforce_lease", "false", read_flag, "let AWS refuse after the lease, by a session policy"),
        one(
            "server_duration",
            None,
            _between(_SECOND * 60, _HOUR * 12),
            "how long STS sessions live in server mode (15m)",
        ),
        one("max_session", "12h", _between(_SECOND * 60, _HOUR * 24 * 7), "the end of a forgotten session"),
        one("policy_max_age", "30s", _between(_SECOND, _HOUR), "how old a policy may be in server mode"),
        one("rate_limit", "100", _number(0, 100_000), "fetches a second per connection; 0 is no limit"),
        one("server_port", "0", _number(0, 65535), "the port of the credential server; 0 chooses one"),
        one("listen", "127.0.0.1", _address, "the address of the credential server"),
        one("allow_uid", "", _numbers, "users, by number, who may fetch besides ourselves (containers)"),
        one("heartbeat", "60s", _between(_SECOND, _SECOND * 300), "how often a session shows that it lives"),
        one("lapse_after", "10m", _between(_SECOND, _SECOND * 600), "silence after which it is refused"),
        one("session_tags", "false", read_flag, "tag AWS sessions; trust policies must allow sts:TagSession"),
        one(
            "signing.keys", None, _path, "the public keys that policies must be signed with; none: no signing"
        ),
        one("signing.root", None, read_roots, "the public keys that the key set must be signed with"),
        one(
            "signing.required",
            None,
            read_flag,
            "refuse policies without a signature (true with signing.keys)",
        ),
        one("auto_login", "false", read_flag, "log in to Identity Center by browser when a login has lapsed"),
        one("open_browser", "true", read_flag, "open the page of a login; else only print it"),
    )


def _of_approvals() -> tuple[Setting, ...]:
    rows: tuple[tuple[str, str | None, Read, str], ...] = (
        ("signing", None, _required, "required or optional: approvals must be signed (required with keys)"),
        ("keys", None, _path, "the public keys of approvers, each with its owner"),
        ("key_file", None, _path, "your own key: signs your approvals"),
        ("kms_key", None, str, "your own KMS key: signs your approvals"),
        ("ticket_pattern", None, _pattern, "what a ticket must look like, as a whole; then one is needed"),
        ("max_pending", "5", _number(1, 100), "how many requests one person may have open"),
    )
    return tuple(
        Setting(name=f"approvals.{name}", default=default, read=read, meaning=meaning)
        for name, default, read, meaning in rows
    )


def _of_keyring(state: Path) -> tuple[Setting, ...]:
    opens = "what opens a new keyring: os, file (a passphrase), auto (os if there is one), or a class"
    rows: tuple[tuple[str, str | None, Read, str], ...] = (
        ("backend", "auto", read_backend, opens),
        ("file", str(state / "keyring" / "keys.json"), _path, "where the keyring is"),
        ("passphrase_command", None, str, "prints the passphrase of a keyring that has one"),
    )
    return tuple(
        Setting(name=f"keyring.{name}", default=default, read=read, meaning=meaning)
        for name, default, read, meaning in rows
    )


def _of_audit(state: Path) -> tuple[Setting, ...]:
    rows: tuple[tuple[str, str | None, Read, str], ...] = (
        ("directory", str(state / "audit"), _path, "where the audit log is written"),
        ("required", "true", read_flag, "issue nothing when the audit log cannot be written"),
        ("checkpoint_every", "256", _number(1, 100_000), "log lines between two sealed ones"),
        (
            "signing_key",
            None,
            _path_or_kms,
            "what signs the log: a key file, or kms: and a key",
        ),
        ("keys", None, _path, "the public keys that verify-logs checks signatures with"),
        ("file_mib", "16", _number(1, 1024), "MiB after which the log goes on in another file"),
        ("sinks", "file", _sinks, "where the log goes, of file, stderr, syslog and cloudwatch"),
        ("cloudwatch", None, parse_cloudwatch, "the log group that the log is sent to"),
        ("stream", "{host}/{writer}", _stream, "the name of a stream there, of {host}, {user} and {writer}"),
        ("syslog", "/dev/log", _path, "the socket of this machine's syslog"),
        ("max_lag", None, _between(_SECOND, _HOUR * 24), "issue nothing when sinks are so far behind"),
    )
    return tuple(
        Setting(name=f"audit.{name}", default=default, read=read, meaning=meaning)
        for name, default, read, meaning in rows
    )


def _of_notifications() -> tuple[Setting, ...]:
    rows: tuple[tuple[str, str | None, Read, str], ...] = (
        ("to", "", read_destinations, "who is told of requests and emergencies, one destination a line"),
        ("link_base", None, read_link_base, "what links in messages begin with"),
        ("allow_private", "false", read_flag, "let webhooks lead into private networks"),
        ("within", "5s", _between(_SECOND, _SECOND * 60), "how long a command tries to deliver at once"),
    )
    return tuple(
        Setting(name=f"notifications.{name}", default=default, read=read, meaning=meaning)
        for name, default, read, meaning in rows
    )


def _of_mfa() -> tuple[Setting, ...]:
    rows: tuple[tuple[str, str | None, Read, str], ...] = (
        ("secrets", "keyring", parse_factors, "where second factors are: keyring, or ssm:// and a path"),
        ("sms_region", None, str, "the region whose SNS sends codes by SMS; none: no codes by SMS"),
    )
    return tuple(
        Setting(name=f"mfa.{name}", default=default, read=read, meaning=meaning)
        for name, default, read, meaning in rows
    )


def settings_table(state: Path, config: Path) -> Mapping[str, Setting]:
    """All settings by name, with defaults under the given state and configuration directories."""
    every = (
        *_settings(state, config),
        *_of_approvals(),
        *_of_keyring(state),
        *_of_audit(state),
        *_of_notifications(),
        *_of_mfa(),
    )
    return {setting.name: setting for setting in every}


def read_value(setting: Setting, text: str, where: str) -> object:
    """What `text` means for `setting`. Raises InvalidSetting that says where it was found."""
    try:
        return setting.read(text)
    except ValueError as error:
        why, hint = f"{setting.name}: {text!r} ({where}): {error}", ""
    except InvalidSetting as error:
        why, hint = f"{error.message} ({where})", "" if error.hint == error.default_hint else error.hint
    raise InvalidSetting(why, hint=hint or _mend(setting, where))


def _mend(setting: Setting, where: str) -> str:
    """How to go on: not by looking at the settings, which cannot be read like this."""
    if where == setting.variable:
        return f"take it away: unset {where}; its forms are in docs/settings.md"
    if where in ("flag", "default"):
        return "its forms are in docs/settings.md"
    return f"mend that line, or take it away: sentinel config unset {setting.name}"
