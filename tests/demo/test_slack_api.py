"""The simulated Web API, as the real slack_sdk meets it."""

from collections.abc import AsyncIterator

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack.api import SlackServer
from bot.demo.slack.limits import PostLimit
from bot.demo.slack.workspace import Workspace
from tests.demo.slack_people import (
    ANA,
    BEN,
    CARD,
    DBAS,
    LAB,
    OLD,
    OPS,
    SECRET,
    ZOE,
    advance,
    error_of,
    small_workspace,
    web_client,
)


@pytest.fixture
def workspace() -> Workspace:
    return small_workspace()


@pytest.fixture
async def slack(workspace: Workspace) -> AsyncIterator[AsyncWebClient]:
    async with (
        SlackServer(workspace) as server,
        web_client(workspace, server.api_url) as client,
    ):
        yield client


async def test_auth_test(workspace: Workspace, slack: AsyncWebClient) -> None:
    """The bot learns who it is, and which scopes it has."""
    answer = await slack.auth_test()

    assert answer["user_id"] == workspace.identity.bot_user_id
    assert "chat:write" in answer.headers["x-oauth-scopes"]


async def test_tokens_and_methods(workspace: Workspace, slack: AsyncWebClient) -> None:
    """A wrong token, the wrong kind of token, none, and an unknown method are told apart."""
    app_token = workspace.app_token

    assert await error_of(slack.auth_test(token="xoxb-other")) == "invalid_auth"
    assert await error_of(slack.auth_test(token="")) == "not_authed"
    assert await error_of(slack.auth_test(token=app_token)) == "not_allowed_token_type"
    assert await error_of(slack.apps_connections_open(app_token="xoxb-test")) == (
        "not_allowed_token_type"
    )
    assert await error_of(slack.api_call("rocket.launch")) == "unknown_method"


async def test_a_post_a_reply_and_an_edit(workspace: Workspace, slack: AsyncWebClient) -> None:
    """A message stands in its channel, its replies under it, and what it said before is kept."""
    card = await slack.chat_postMessage(channel=OPS, text="Back up?", blocks=CARD)
    await slack.chat_postMessage(channel=OPS, text="quiet", thread_ts=card["ts"])
    await slack.chat_postMessage(
        channel=OPS, text="loud", thread_ts=card["ts"], reply_broadcast=True
    )
    await slack.chat_update(channel=OPS, ts=card["ts"], text="Approved soon")
    assert workspace.messages(OPS)[0].buttons == ["approve"]  # without blocks they stay
    await slack.chat_update(channel=OPS, ts=card["ts"], text="Approved", blocks=[])

    message, broadcast = workspace.messages(OPS)
    assert (message.text, message.blocks, message.buttons) == ("Approved", [], [])
    edits = [(edit.text, len(edit.blocks)) for edit in message.edits]
    assert edits == [("Back up?", 2), ("Approved soon", 2)]
    assert [reply.text for reply in workspace.thread(OPS, card["ts"])] == ["quiet", "loud"]
    assert broadcast.text == "loud"
    assert workspace.violations == []
    assert workspace.render(OPS) == (
        "#ops\n[14:00] backup-bot:\n  Approved\n"
        "    [14:00] backup-bot:\n      quiet\n"
        "    [14:00] backup-bot (reply, also sent to the channel):\n      loud\n"
        "[14:00] backup-bot (reply, also sent to the channel):\n  loud"
    )


async def test_a_form_is_as_good_as_json(workspace: Workspace, slack: AsyncWebClient) -> None:
    """Blocks inside a form are JSON, booleans are words."""
    blocks = '[{"type": "divider"}]'
    first = await slack.api_call("chat.postMessage", data={"channel": OPS, "text": "a"})
    form = {"channel": OPS, "text": "b", "blocks": blocks, "thread_ts": first["ts"]}
    await slack.api_call("chat.postMessage", data={**form, "reply_broadcast": "true"})

    assert workspace.messages(OPS)[1].blocks[0]["type"] == "divider"


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        ("C0NONE", "channel_not_found"),
        ("ops", "channel_not_found"),
        (SECRET, "channel_not_found"),
        (LAB, "not_in_channel"),
        (OLD, "is_archived"),
        (ZOE, "channel_not_found"),
    ],
)
async def test_where_the_bot_may_not_post(
    workspace: Workspace, slack: AsyncWebClient, channel: str, error: str
) -> None:
    """Each place that is closed to the bot says why."""
    workspace.scopes.remove("chat:write.public")

    assert await error_of(slack.chat_postMessage(channel=channel, text="hello")) == error


async def test_scopes(workspace: Workspace, slack: AsyncWebClient) -> None:
    """What a scope allows is refused without it, and noted when it is used."""
    await slack.chat_postMessage(channel=LAB, text="hello")

    workspace.scopes.discard("users:read")
    assert await error_of(slack.users_info(user=ANA)) == "missing_scope"
    assert workspace.scopes_used == {"chat:write", "chat:write.public"}


async def test_direct_messages(workspace: Workspace, slack: AsyncWebClient) -> None:
    """A user's id leads to their direct message, which only its own id can edit."""
    sent = await slack.chat_postMessage(channel=ANA, text="psst")

    assert sent["channel"] == "D0ANA"
    assert await error_of(slack.chat_update(channel=ANA, ts=sent["ts"], text="x")) == (
        "channel_not_found"
    )
    assert workspace.render("D0ANA").startswith("@ana\n")
    workspace.scopes.add("im:write")
    opened = await slack.conversations_open(users=ANA)
    assert opened["channel"]["id"] == "D0ANA"


async def test_what_cannot_be_edited(workspace: Workspace, slack: AsyncWebClient) -> None:
    """Neither what others wrote, nor what is gone, nor what is ephemeral."""
    theirs = workspace.say(ANA, OPS, "hello")
    gone = await slack.chat_postMessage(channel=OPS, text="gone")
    workspace.delete(workspace.messages(OPS)[1])
    seen = await slack.chat_postEphemeral(channel=OPS, user=ANA, text="only you")

    async def edit(ts: str) -> str:
        return await error_of(slack.chat_update(channel=OPS, ts=ts, text="x"))

    assert await edit(theirs.ts) == "cant_update_message"
    assert await edit(gone["ts"]) == "message_not_found"
    assert await edit(seen["message_ts"]) == "message_not_found"


async def test_threads(workspace: Workspace, slack: AsyncWebClient) -> None:
    """Replies go under a message that exists and is not a reply itself."""
    parent = await slack.chat_postMessage(channel=OPS, text="parent")
    reply = await slack.chat_postMessage(channel=OPS, text="reply", thread_ts=parent["ts"])

    async def reply_to(ts: str) -> str:
        return await error_of(slack.chat_postMessage(channel=OPS, text="x", thread_ts=ts))

    assert await reply_to("1.000001") == "thread_not_found"
    assert await reply_to(reply["ts"]) == "cannot_reply_to_message"
    assert len(workspace.messages(OPS)) == 1


async def test_ephemerals(workspace: Workspace, slack: AsyncWebClient) -> None:
    """Only the one it is for sees it, and only in a channel that they are in."""
    await slack.chat_postEphemeral(channel=OPS, user=ANA, text="only you")

    (message,) = workspace.ephemerals(ANA)
    assert (message.text, message.channel_id) == ("only you", OPS)
    assert (workspace.messages(OPS), workspace.ephemerals(BEN)) == ([], [])
    assert "only ana sees this" in workspace.render(OPS)
    assert await error_of(slack.chat_postEphemeral(channel=LAB, user=BEN, text="x")) == (
        "user_not_in_channel"
    )


async def test_a_block_that_the_workspace_does_not_have(
    workspace: Workspace, slack: AsyncWebClient
) -> None:
    """It is refused like bad form, but the app did nothing wrong."""
    segment = {"label": "orders", "value": 1}
    pie = {"type": "pie", "segments": [segment]}
    blocks = [{"type": "data_visualization", "title": "Share", "chart": pie}]
    workspace.history.unsupported.add("data_visualization")
    refused = slack.chat_postMessage(channel=OPS, text="x", blocks=blocks)
    assert await error_of(refused) == "invalid_blocks"
    assert workspace.violations == []

    workspace.history.unsupported.clear()
    await slack.chat_postMessage(channel=OPS, text="x", blocks=blocks)
    (message,) = workspace.messages(OPS)
    assert "pie chart: Share" in workspace.read(message)


async def test_bad_form(workspace: Workspace, slack: AsyncWebClient) -> None:
    """What has no good form is refused, says where, and is on record."""
    bad = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]
    with pytest.raises(SlackApiError) as raised:
        await slack.chat_postMessage(channel=OPS, text="x", blocks=bad)

    details = raised.value.response["response_metadata"]["messages"]
    assert raised.value.response["error"] == "invalid_blocks"
    assert details == workspace.violations
    assert "[json-pointer:/blocks/0/text/text]" in details[0]
    # Not chat_postMessage: it warns by itself about a missing text.
    empty = slack.api_call("chat.postMessage", json={"channel": OPS, "text": ""})
    assert await error_of(empty) == "no_text"
    assert await error_of(slack.chat_postMessage(channel=OPS, text="x" * 4000)) == "msg_too_long"
    assert (len(workspace.violations), workspace.messages(OPS)) == (3, [])


async def test_broadcast_mentions_are_on_record(
    workspace: Workspace, slack: AsyncWebClient
) -> None:
    """Slack takes them; a test can forbid them."""
    await slack.chat_postMessage(channel=OPS, text="<!channel> wake up")

    assert workspace.broadcast_mentions == ["<!channel> wake up"]


async def test_people_and_groups(workspace: Workspace, slack: AsyncWebClient) -> None:
    """Members of a group, all groups, and who somebody is."""
    workspace.scopes.add("users:read")

    assert (await slack.usergroups_users_list(usergroup=DBAS))["users"] == [BEN]
    assert (await slack.usergroups_list())["usergroups"][0]["handle"] == "dba"
    assert (await slack.users_info(user=ZOE))["user"]["deleted"] is True
    assert await error_of(slack.users_info(user="U0X")) == "user_not_found"
    assert await error_of(slack.usergroups_users_list(usergroup="S0X")) == "no_such_subteam"


async def test_permalink(slack: AsyncWebClient) -> None:
    """A message has an address, and nothing else has."""
    sent = await slack.chat_postMessage(channel=OPS, text="here")
    link = await slack.chat_getPermalink(channel=OPS, message_ts=sent["ts"])

    assert link["permalink"].endswith(f"/{OPS}/p{sent['ts'].replace('.', '')}")
    assert await error_of(slack.chat_getPermalink(channel=OPS, message_ts="1.000001")) == (
        "message_not_found"
    )


async def test_too_many_messages(workspace: Workspace, slack: AsyncWebClient) -> None:
    """After a burst one message a second is taken in a channel; others have their own count."""
    workspace.post_limit = PostLimit(workspace.clock, burst=2)
    for text in ("one", "two"):
        await slack.chat_postMessage(channel=OPS, text=text)
    with pytest.raises(SlackApiError) as raised:
        await slack.chat_postMessage(channel=OPS, text="three")
    await slack.chat_postMessage(channel=LAB, text="elsewhere")
    advance(workspace, seconds=1)
    await slack.chat_postMessage(channel=OPS, text="three")

    assert raised.value.response["error"] == "ratelimited"
    assert raised.value.response.status_code == 429
    assert raised.value.response.headers["Retry-After"] == "1"
    assert [message.text for message in workspace.messages(OPS)] == ["one", "two", "three"]
