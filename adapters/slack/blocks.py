"""The blocks that messages, the app's home and its forms are made of."""

from adapters.slack.reading import Json

BUTTON_VALUE = 2000  # characters
SECTION = 3000  # characters of one section's text


def escaped(text: str) -> str:
    """Words as Slack takes them: they ping nobody and are no link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain_text(text: str) -> Json:
    """Words that are shown as they are."""
    return {"type": "plain_text", "text": text}


def header(text: str) -> Json:
    """A heading."""
    return {"type": "header", "text": plain_text(text)}


def section(mrkdwn: str) -> Json:
    """A paragraph; Slack makes nothing of it that is not marked as such."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn, "verbatim": True}}


def said(text: str) -> Json:
    """A paragraph of words, at most as long as it may be."""
    return section(_cut(escaped(text), SECTION))


def context(mrkdwn: str) -> Json:
    """A line in small grey letters."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": mrkdwn, "verbatim": True}]}


def actions(*elements: Json) -> Json:
    """A row of buttons."""
    return {"type": "actions", "elements": list(elements)}


def button(label: str, value: str, action: str, *, style: str = "", confirm: Json | None = None) -> Json:
    """A button; with `confirm`, Slack asks before it is pressed. `style`: danger or primary."""
    shown: dict[str, object] = {"type": "button", "text": plain_text(label), "action_id": action, "value": value}
    return {**shown, **({"style": style} if style else {}), **({"confirm": confirm} if confirm else {})}


def _cut(text: str, most: int) -> str:
    """Not within what stands for one character."""
    if len(text) <= most:
        return text
    head, amp, tail = text[:most].rpartition("&")
    return head if amp and ";" not in tail and len(tail) < 5 else text[:most]
