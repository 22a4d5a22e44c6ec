"""Keys that stand in the AWS files themselves. Nothing else of ours reads their secrets."""

from __future__ import annotations

from sentinel_server.credentials.config_file import FileText, Section, parse_sections, titled
from sentinel_server.credentials.model import AwsCredentials
from sentinel_server.errors import InvalidSetting
from sentinel_server.secret import Secret


def static_keys(profile: str, config: FileText | None, credentials: FileText | None) -> AwsCredentials | None:
    """The keys of a profile: the credentials file's, else the config file's, as botocore looks for them.

    None when neither names an access key. Raises InvalidSetting for half a key and for what is no INI file.
    """
    for file, kind in ((credentials, None), (config, "profile")):
        section = _section(profile, file, kind) if file is not None else None
        if file is not None and section is not None and section.get("aws_access_key_id"):
            return _keys(profile, section, file.path)
    return None


def _section(profile: str, file: FileText, kind: str | None) -> Section | None:
    """The section of a profile: named by itself in the credentials file, after `profile` in the other.

    Of `[default]` and `[profile default]`, the last one, as in botocore.
    """
    found = None
    for title, section in parse_sections(file).items():
        name = title if kind is None or title == "default" else titled(title, kind)
        if name == profile:
            found = section
    return found


def _keys(profile: str, section: Section, path: str) -> AwsCredentials:
    key, secret = section["aws_access_key_id"], section.get("aws_secret_access_key")
    token = section.get("aws_security_token") or section.get("aws_session_token")
    if not (isinstance(key, str) and isinstance(secret, str) and secret and not isinstance(token, dict)):
        raise InvalidSetting(
            f"getting credentials from profile {profile!r}: {path} has an aws_access_key_id for it and no "
            "aws_secret_access_key",
            hint="edit the AWS configuration",
        )
    return AwsCredentials(
        access_key_id=key,
        secret_access_key=Secret(secret),
        session_token=Secret(str(token)) if token else None,
    )
