"""The manifest, held against the code and against Slack's limits."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.config.settings import Environment
from bot.demo.playground.screen import APP
from bot.demo.slack.faults import LOST_ANSWER
from bot.demo.world import BEN, OPS
from bot.domain.verbs import usage_hint
from bot.slack.messages.ids import BACK_UP, BACK_UP_FROM_HERE
from tests.story import Opens

ROOT = Path(__file__).parents[1]


@pytest.fixture
def manifest() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yml").read_text("utf-8"))
    return document


def test_the_command_is_the_one_that_the_bot_listens_to(manifest: dict[str, Any]) -> None:
    """One command, under its default name, and every verb stands in its hint."""
    (command,) = manifest["features"]["slash_commands"]

    assert command["command"] == Environment.model_fields["command"].default
    assert command["usage_hint"] == usage_hint()


def test_mentions_arrive_as_ids(manifest: dict[str, Any]) -> None:
    """The grammar expects what `should_escape` makes of mentions and links."""
    (command,) = manifest["features"]["slash_commands"]

    assert command["should_escape"] is True


def test_buttons_and_sockets_are_on(manifest: dict[str, Any]) -> None:
    """Without interactivity no click arrives, without Socket Mode nothing does."""
    settings = manifest["settings"]

    assert settings["interactivity"] == {"is_enabled": True}
    assert settings["socket_mode_enabled"] is True
    assert settings["token_rotation_enabled"] is False
    assert settings["event_subscriptions"] == {
        "bot_events": ["app_home_opened", "app_uninstalled", "tokens_revoked"]
    }
    assert manifest["features"]["app_home"]["home_tab_enabled"] is True


def test_the_shortcuts_are_those_that_the_bot_listens_to(manifest: dict[str, Any]) -> None:
    """One from anywhere, one from a message, within Slack's lengths."""
    found = {(item["type"], item["callback_id"]) for item in manifest["features"]["shortcuts"]}

    assert found == {("global", BACK_UP), ("message", BACK_UP_FROM_HERE)}
    for shortcut in manifest["features"]["shortcuts"]:
        assert len(shortcut["name"]) <= 24
        assert len(shortcut["description"]) <= 150


async def test_every_scope_is_used_and_no_other_is_needed(
    manifest: dict[str, Any], opens: Opens
) -> None:
    """Invited to the channel, the bot does its whole job with just the scopes it must have."""
    scopes = manifest["oauth_config"]["scopes"]
    async with opens() as story, story.bot():
        workspace = story.workspace
        workspace.scopes = set(scopes["bot"])
        workspace.channels[OPS].members.add(workspace.identity.bot_user_id)
        card = await story.asks()
        await story.approves(card, who=BEN)
        await story.until_said(card, "is complete")

        assert workspace.scopes_used == workspace.scopes


async def test_an_optional_scope_replaces_an_invitation(
    manifest: dict[str, Any], opens: Opens
) -> None:
    """In a public channel that the bot isn't in, this scope lets it write."""
    scopes = manifest["oauth_config"]["scopes"]
    async with opens() as story, story.bot():
        story.workspace.scopes = {*scopes["bot"], *scopes["bot_optional"]}
        await story.asks()

        assert "chat:write.public" in story.workspace.scopes_used


@pytest.mark.parametrize("is_private", [False, True])
async def test_optional_scopes_find_a_message_whose_answer_was_lost(
    manifest: dict[str, Any], opens: Opens, *, is_private: bool
) -> None:
    """The channel's kind decides which scope it takes; there is one card."""
    scopes = manifest["oauth_config"]["scopes"]
    async with opens() as story, story.bot():
        workspace = story.workspace
        workspace.scopes = {*scopes["bot"], *scopes["bot_optional"]}
        workspace.channels[OPS].members.add(workspace.identity.bot_user_id)
        workspace.channels[OPS].is_private = is_private
        workspace.faults.next("chat.postMessage", LOST_ANSWER)
        wanted = "groups:history" if is_private else "channels:history"
        card = await story.asks()
        await workspace.until(lambda: wanted in workspace.scopes_used)
        await story.approves(card)
        await story.until_said(card, "is complete")

        assert story.cards == [card]


def test_slack_accepts_its_lengths(manifest: dict[str, Any]) -> None:
    """Slack's limits for a manifest (docs.slack.dev, app manifest reference)."""
    shown = manifest["display_information"]
    (command,) = manifest["features"]["slash_commands"]

    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert 175 <= len(shown["long_description"]) <= 4000
    assert len(command["command"]) <= 32
    assert len(command["description"]) <= 2000
    assert len(command["usage_hint"]) <= 1000
    assert set(manifest) == {
        "_metadata",
        "display_information",
        "features",
        "oauth_config",
        "settings",
    }


def test_the_playground_offers_what_the_manifest_does(manifest: dict[str, Any]) -> None:
    """Its command and shortcuts have the words that they would have in Slack."""
    (command,) = manifest["features"]["slash_commands"]
    names = {item["type"]: item["name"] for item in manifest["features"]["shortcuts"]}

    assert command["command"] == APP["command"]
    assert command["description"] == APP["description"]
    assert command["usage_hint"] == APP["hint"]
    assert names == {"global": APP["shortcut"], "message": APP["message_shortcut"]}
