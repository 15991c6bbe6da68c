"""What Slack, and a reader, would hold against a message."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

from bot.slack.mrkdwn import Message

SCHEMAS = Path(__file__).parents[2] / "bot" / "demo" / "slack" / "schemas"
BLOCK = Draft7Validator(json.loads((SCHEMAS / "slack-block-kit.schema.json").read_text()))
TOKEN = re.compile(r"<[^>]*>?|>")
OURS = re.compile(
    r"<@U0(ANA|BEN|CYD)>|<!subteam\^S0DBA>|<#C0OPS>"
    r"|<!date\^\d+\^\{date_short_pretty\} at \{time\}\|[-0-9]{10} [0-9:]{5} UTC>"
)


def check(message: Message) -> None:
    """Fail unless Slack takes the message, and nothing in it is markup that is not ours."""
    sent = message.as_slack()
    for block in sent["blocks"]:
        BLOCK.validate(block)
    assert 0 < len(sent["text"]) < 4000
    assert 0 < len(sent["blocks"]) <= 50
    ids = [block["block_id"] for block in sent["blocks"] if "block_id" in block]
    assert len(set(ids)) == len(ids)
    for text in (sent["text"], *mrkdwn(sent["blocks"])):
        foreign = [token for token in TOKEN.findall(text) if not OURS.fullmatch(token)]
        assert foreign == []
        assert not re.search("&(?!amp;|lt;|gt;)", text)
        assert all(line.count("`") % 2 == 0 for line in text.split("\n"))


def mrkdwn(value: Any) -> Iterator[str]:
    """Every mrkdwn text in it, each of them verbatim."""
    if isinstance(value, list):
        for item in value:
            yield from mrkdwn(item)
    elif isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            assert value["verbatim"] is True
            yield value["text"]
        for item in value.values():
            yield from mrkdwn(item)


def seen(message: Message) -> str:
    """What stands in the message's first block."""
    return next(mrkdwn(message.as_slack()["blocks"]))
