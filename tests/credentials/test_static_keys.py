"""The keys in the files are those that botocore would use, or none."""

from __future__ import annotations

import pytest

from sentinel_server.credentials.config_file import FileText
from sentinel_server.credentials.static_keys import static_keys
from sentinel_server.errors import InvalidSetting

KEYS = "aws_access_key_id = {0}K\naws_secret_access_key = {0}S\n"


def found(config: str, credentials: str = "", name: str = "p") -> tuple[str, str, str | None] | None:
    keys = static_keys(
        name, FileText(path="config", text=config), FileText(path="credentials", text=credentials)
    )
    if keys is None:
        return None
    token = keys.session_token
    return keys.access_key_id, keys.secret_access_key.reveal(), token.reveal() if token else None


def test_the_credentials_file_comes_before_the_config_file() -> None:
    both = "[profile p]\n" + KEYS.format("c"), "[p]\n" + KEYS.format("k")
    assert found(*both) == ("kK", "kS", None)
    assert found(both[0], "[p]\nregion = us-east-1\n") == ("cK", "cS", None)
    assert found("", "[profile p]\n" + KEYS.format("k")) is None
    assert found("[p]\n" + KEYS.format("c")) is None


@pytest.mark.parametrize("title", ["[profile p]", '[profile "p"]', "[profile\t'p']", "[profile   p]"])
def test_a_title_is_read_as_a_shell_would(title: str) -> None:
    assert found(f"{title}\n" + KEYS.format("c")) == ("cK", "cS", None)


@pytest.mark.parametrize("titles", [("default", "profile default"), ("profile default", "default")])
def test_of_two_sections_for_default_the_last_one_counts(titles: tuple[str, str]) -> None:
    """Also when it has no keys: those of the other are not botocore's."""
    first, second = (f"[{title}]\n" for title in titles)
    assert found(first + KEYS.format("1") + second + KEYS.format("2"), name="default") == ("2K", "2S", None)
    assert found(first + KEYS.format("1") + second + "region = us-east-1\n", name="default") is None


@pytest.mark.parametrize(
    ("token", "read"),
    [
        ("aws_session_token = T", "T"),
        ("aws_security_token = U\naws_session_token = T", "U"),
        ("aws_session_token =", None),
    ],
)
def test_a_token_is_found_under_either_name(token: str, read: str | None) -> None:
    assert found("", f"[p]\n{KEYS.format('k')}{token}\n") == ("kK", "kS", read)


def test_what_is_written_is_what_is_used() -> None:
    """No quotes, comments or references are taken out."""
    odd = '[p]\nAWS_ACCESS_KEY_ID = "K"\naws_secret_access_key = a%(b)s#c ; d\n'
    assert found("", odd) == ('"K"', "a%(b)s#c ; d", None)


@pytest.mark.parametrize(
    "half",
    [
        "aws_access_key_id = K",
        "aws_access_key_id = K\naws_secret_access_key =",
        "aws_access_key_id = K\naws_secret_access_key =\n  a = b",
        "aws_access_key_id =\n  a = b\naws_secret_access_key = S",
        "aws_access_key_id = K\naws_secret_access_key = S\naws_session_token =\n  a = b",
    ],
)
def test_half_a_key_is_said_to_be_one_and_not_quoted(half: str) -> None:
    whole = "[profile p]\n" + KEYS.format("c")
    with pytest.raises(InvalidSetting, match="profile 'p': credentials has an aws_access_key_id") as caught:
        found(whole, f"[p]\n{half}\n")
    assert "K" not in caught.value.message.replace("aws_access_key_id", "")
