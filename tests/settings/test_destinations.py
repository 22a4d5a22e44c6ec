"""Who is told: what a line may say, and that no secret is ever quoted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel_server.errors import InvalidSetting
from sentinel_server.notifications.event import EventType
from sentinel_server.settings.destinations import Channel, SecretRef, read_destinations, read_link_base

TOPIC = "arn:aws:sns:eu-central-1:111122223333:emergencies"


def test_a_line_is_a_destination() -> None:
    page, chat, siem = read_destinations(
        f"""
        page  sns      {TOPIC}  events=breakglass.opened,breakglass.escalated
        chat  slack    file:///etc/sentinel/slack-url
        siem  webhook  https://siem.example.com/x  key=ssm:/sentinel/webhook-key
        """
    )
    assert (page.channel, page.where, page.key) == (Channel.SNS, TOPIC, None)
    assert page.events == {
        EventType.BREAKGLASS_OPENED,
        EventType.BREAKGLASS_ESCALATED,
        EventType.TEST,
    }
    assert (chat.channel, str(chat.where)) == (Channel.SLACK, "file:///etc/sentinel/slack-url")
    assert chat.events == frozenset(EventType)
    assert (siem.where, siem.key) == (
        "https://siem.example.com/x",
        SecretRef(kind="ssm", name="/sentinel/webhook-key"),
    )
    assert str(siem.key) == "ssm:/sentinel/webhook-key"


def test_a_variable_may_have_them_between_semicolons() -> None:
    found = read_destinations(f"a sns {TOPIC}; b slack env:SLACK_URL;")
    assert [each.name for each in found] == ["a", "b"]
    assert read_destinations(" \n ") == ()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("chat", "destination 1: it has one word, and a name, a kind and a place are wanted"),
        ("chat slack", "destination 1: it has 2 words"),
        ("chat slack env:SLACK; Chat! slack env:S3CRET", "destination 2: its name, the first word, may have"),
        ("chat smoke env:S3CRET", "sns, slack or webhook"),
        ("chat slack https://hooks.slack.com/services/S3CRET", "never written here"),
        ("chat slack S3CRET", "never written here"),
        ("chat slack file://relative/S3CRET", "never written here"),
        ("chat slack env:SENTINEL_S3CRET", "never written here"),
        ("chat slack ssm:S3CRET", "never written here"),
        ("hook webhook https://h.example.com/S3CRET", "needs key="),
        ("hook webhook https://h.example.com/S3CRET key=S3CRET", "never written here"),
        ("hook webhook ftp://h.example.com/S3CRET key=env:K", "never written here"),
        (f"page sns {TOPIC} key=env:S3CRET", "nothing else has one"),
        ("page sns S3CRET", "the ARN of an SNS topic"),
        (f"page sns {TOPIC} events=request.made", "no event is called 'request.made'"),
        (f"page sns {TOPIC} events=", "may follow"),
        (f"page sns {TOPIC} S3CRET", "may follow"),
        (f"page sns {TOPIC} token=S3CRET", "may follow"),
        (f"page sns {TOPIC} events=* events=*", "each once"),
        (f"page sns {TOPIC};page slack env:U", "two destinations are called 'page'"),
    ],
)
def test_a_line_that_cannot_be_meant_is_refused_without_quoting_a_secret(line: str, why: str) -> None:
    with pytest.raises(InvalidSetting, match=why) as caught:
        read_destinations(line)
    assert "S3CRET" not in caught.value.message


@given(st.text(max_size=120))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        read_destinations(text)
    except InvalidSetting as error:
        assert error.hint  # noqa: PT017  # a text may well be good


@pytest.mark.parametrize("text", ["https://c.example.com", "https://c.example.com:8443/sentinel/"])
def test_a_link_base_has_no_slash_at_its_end(text: str) -> None:
    assert read_link_base(text) == text.rstrip("/")


@pytest.mark.parametrize(
    "text", ["", "c.example.com", "http://c.example.com", "https://c/x?y=", "javascript:x"]
)
def test_a_link_base_is_https(text: str) -> None:
    with pytest.raises(ValueError, match="https"):
        read_link_base(text)
