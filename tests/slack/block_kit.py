"""What Slack, and a reader, would hold against a message."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from bot.demo.slack.block_rules import message_problems, view_problems
from bot.slack.messages.mrkdwn import Message

MANY = 10_000
TOKEN = re.compile(r"<[^>]*>?|>")
OURS = re.compile(
    r"<@U0(ANA|BEN|CYD)>|<!subteam\^S0DBA>|<#C0(OPS|DB)>"
    r"|<!date\^\d+\^\{date_short_pretty\} at \{time\}\|[-0-9]{10} [0-9:]{5} UTC>"
    r"|<https://acme\.example/[A-Za-z0-9/]+\|(View card|the card|the other one)>"
)


def check(message: Message) -> None:
    """Fail unless Slack takes the message, and nothing in it is markup that is not ours."""
    sent = message.as_slack()
    _check(sent["text"], json.dumps(sent["blocks"], ensure_ascii=False))


def check_view(view: dict[str, Any]) -> None:
    """Fail unless Slack opens the form, and nothing in it is markup that is not ours."""
    _check_view(json.dumps(view))


# What many examples have in common is checked once.


@lru_cache(MANY)
def _check(said: str, blocks: str) -> None:
    sent = json.loads(blocks)
    assert message_problems(said, sent) == []
    check_parsed(sent)
    assert len(blocks) < 15_000
    for text in (said, *mrkdwn(sent)):
        check_text(text)


@lru_cache(MANY)
def _check_view(sent: str) -> None:
    view = json.loads(sent)
    assert view_problems(view) == []
    check_parsed(view["blocks"])
    assert View(**view).to_dict() == view
    for text in mrkdwn(view["blocks"]):
        check_text(text)


def check_parsed(blocks: list[dict[str, Any]]) -> None:
    """Fail if Slack's own library reads anything else out of a block than what stands there."""
    for block in blocks:
        _check_parsed(json.dumps(block))


@lru_cache(MANY)
def _check_parsed(sent: str) -> None:
    block = json.loads(sent)
    if parsed := Block.parse(block):  # None for the newest kinds, which it doesn't know
        assert parsed.to_dict() == block


def check_text(text: str) -> None:
    """Fail if somebody is called, or a code span left open, by what others wrote."""
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
