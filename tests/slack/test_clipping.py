"""Whatever the bot says, it is no longer than Slack takes; and Slack's own library reads it."""

import copy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from bot.demo.slack.block_rules import message_problems, view_problems
from bot.slack.transport.clipping import MOST_OPTIONS, clipped, cut

LONG = st.integers(0, 5000).map(lambda count: "word `code` &amp; <@U0BEN> " * (count // 25 + 1))
PLAIN = LONG.map(lambda text: {"type": "plain_text", "text": text})
MRKDWN = LONG.map(lambda text: {"type": "mrkdwn", "text": text, "verbatim": True})
BUTTON = st.builds(
    lambda text, value: {"type": "button", "text": text, "value": value, "action_id": "a"},
    PLAIN,
    LONG,
)


def _buttons(one: dict[str, Any], count: int) -> dict[str, Any]:
    elements = [{**one, "action_id": f"a{number}"} for number in range(count)]
    return {"type": "actions", "elements": elements}


MESSAGE_BLOCKS = st.one_of(
    st.builds(lambda text: {"type": "section", "text": text}, MRKDWN),
    st.builds(
        lambda fields: {"type": "section", "fields": fields},
        st.lists(MRKDWN, min_size=1, max_size=15),
    ),
    st.builds(lambda text: {"type": "header", "text": text}, PLAIN),
    st.builds(
        lambda texts: {"type": "context", "elements": texts},
        st.lists(MRKDWN, min_size=1, max_size=15),
    ),
    st.builds(_buttons, BUTTON, st.integers(1, 40)),
)
INPUTS = st.builds(
    lambda label, hint, placeholder: {
        "type": "input",
        "label": label,
        "hint": hint,
        "element": {
            "type": "static_select",
            "action_id": "s",
            "placeholder": placeholder,
            "options": [
                {"text": label, "value": str(number)} for number in range(MOST_OPTIONS + 20)
            ],
        },
    },
    PLAIN,
    PLAIN,
    PLAIN,
)
quick = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(LONG, st.lists(MESSAGE_BLOCKS, min_size=1, max_size=60))
def test_any_message_is_cut_to_what_slack_takes(text: str, blocks: list[dict[str, Any]]) -> None:
    """And none of its code spans, mentions and entities is left half."""
    message = {"channel": "C0OPS", "text": text, "blocks": blocks}
    before = copy.deepcopy(message)
    sent = clipped(message)

    assert message_problems(sent["text"], sent["blocks"]) == []
    assert message == before
    assert all(Block.parse(block) for block in sent["blocks"])


@quick
@given(PLAIN, st.lists(st.one_of(MESSAGE_BLOCKS, INPUTS), min_size=1, max_size=110))
def test_any_form_is_cut_to_what_slack_takes(
    title: dict[str, Any], blocks: list[dict[str, Any]]
) -> None:
    """Its title, its buttons, its fields."""
    view = {"type": "modal", "title": title, "submit": title, "close": title, "blocks": blocks}

    assert view_problems(clipped({"view": view})["view"]) == []


@quick
@given(st.text(max_size=300), st.integers(10, 200))
def test_nothing_is_cut_that_fits(text: str, longest: int) -> None:
    """The rest is as long as it may be at the most."""
    short = cut(text, longest)

    assert len(short) <= longest
    assert short == text or len(text) > longest


def test_no_mark_is_left_half() -> None:
    """An entity, a mention, a code span."""
    assert cut("12345678 &amp; more", 14) == "12345678 …"
    assert cut("12345678 <@U0BEN> more", 16) == "12345678 …"
    assert cut("1234 `code of some length`", 14) == "1234 `code o`…"
