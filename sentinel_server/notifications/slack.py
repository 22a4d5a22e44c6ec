"""A message as Slack and what is compatible with it show it: `text` for the list, `blocks` for the channel.

Whatever a person has typed is shown as plain text on one line, so that nobody can format, link or address
anything through a justification.
https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

import unicodedata

from sentinel_server.canonical import Json, canonical
from sentinel_server.notifications.message import Message, headline

_FIELD_LIMIT, _HEADLINE_LIMIT, _STEP_LIMIT = 380, 280, 120
"""Characters that are shown; escaped they are five times as many at most, and Slack takes 2000 to 3000."""

_SHOWN = {
    "person": "Who",
    "profile": "Profile",
    "reason_code": "Reason",
    "justification": "Why",
    "ticket": "Ticket",
    "duration_seconds": "For",
    "status": "Status",
    "ends_at": "Until",
    "comment": "Comment",
}


def slack_body(message: Message) -> bytes:
    """The JSON for an incoming webhook."""
    title = escaped(headline(message), _HEADLINE_LIMIT)
    blocks: list[Json] = [{"type": "section", "text": _plain(title)}]
    fields: list[Json] = [_plain(f"{label}: {text}") for label, text in _told(message)]
    if fields:
        blocks.append({"type": "section", "fields": fields})
    if steps := _steps(message):
        blocks.append({"type": "section", "text": _plain(steps)})
    blocks.append({"type": "context", "elements": [_plain(_source(message))]})
    return canonical({"text": title, "blocks": blocks})


def escaped(text: str, limit: int = _FIELD_LIMIT) -> str:
    """The text on one line, without control and invisible characters, cut, with `&`, `<` and `>` escaped.

    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    seen = "".join(" " if char.isspace() else char for char in text)
    seen = "".join(char for char in seen if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co"))
    line = " ".join(seen.split())
    cut = line if len(line) <= limit else line[: limit - 1] + "…"
    return cut.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _told(message: Message) -> list[tuple[str, str]]:
    told = []
    for name, label in _SHOWN.items():
        text = message.text(name)
        if name == "duration_seconds" and text.isdigit():
            text = f"{int(text) // 60} min"
        if text:
            told.append((label, escaped(text)))
    return told


def _steps(message: Message) -> str:
    steps = message.fields.get("next")
    if not isinstance(steps, list):
        return ""
    lines = [
        f"{escaped(str(step['for']), 20)}: {escaped(str(step['command']), _STEP_LIMIT)}" for step in steps
    ]
    return "\n".join(lines)


def _source(message: Message) -> str:
    links = message.fields.get("links")
    link = str(links.get("self", "")) if isinstance(links, dict) else ""
    return escaped(f"sentinel {message.type.value} {message.text('id')} {link}")


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text, "emoji": False}
