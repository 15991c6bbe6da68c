"""What a Slack workspace consists of, and what travels between it and an app."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Identity:
    """The names by which an app, its bot and its team go."""

    team_id: str
    team_domain: str = "demo"
    app_id: str = "A0DEMO"
    bot_id: str = "B0BOT"
    bot_user_id: str = "U0BOT"
    verification_token: str = "deprecated-token"
    enterprise_id: str | None = None  # the organization that the team belongs to
    is_org_wide: bool = False  # the app is installed in the organization, with one token for all

    @property
    def installed_in(self) -> str | None:
        """The team that the token is for; none if it is for the organization."""
        return None if self.is_org_wide else self.team_id


@dataclass
class User:
    """A person or a bot; of another team if they are here through Slack Connect.

    `team_id` is where they are at the moment, if they belong to several teams.
    """

    id: str
    name: str
    team_id: str
    is_bot: bool = False
    deleted: bool = False
    enterprise_id: str | None = None  # their organization


@dataclass
class Channel:
    """A place to post to; a direct message is between two, and one may be the bot."""

    id: str
    name: str
    members: set[str]
    is_private: bool = False
    is_archived: bool = False
    is_im: bool = False

    @property
    def payload_name(self) -> str:
        """What Slack calls it in payloads."""
        if self.is_im:
            return "directmessage"
        return "privategroup" if self.is_private else self.name


@dataclass
class UserGroup:
    """A group that people mention as @handle."""

    id: str
    handle: str
    users: list[str]
    team_id: str


@dataclass(frozen=True)
class Content:
    """What a message says."""

    text: str
    blocks: list[Json]

    def buttons(self) -> Iterator[tuple[str, Json]]:
        """Each button with its block's id, from top to bottom."""
        for block in self.blocks:
            for element in [*block.get("elements", []), block.get("accessory", {})]:
                if element.get("type") == "button":
                    yield block["block_id"], element


@dataclass
class Message:
    """A message as it stands now; `edits` holds what it said before, the oldest first.

    `seen_by` is the only one who sees it, if it is ephemeral.
    """

    ts: str
    channel_id: str
    user_id: str
    content: Content
    thread_ts: str | None = None
    reply_broadcast: bool = False
    seen_by: str | None = None
    edits: list[Content] = field(default_factory=list)
    metadata: Json | None = None

    @property
    def text(self) -> str:
        """What notifications and screen readers get."""
        return self.content.text

    @property
    def blocks(self) -> list[Json]:
        """What the eye sees."""
        return self.content.blocks

    @property
    def is_reply(self) -> bool:
        """Whether it stands in a thread, under another message."""
        return self.thread_ts not in (None, self.ts)

    @property
    def buttons(self) -> list[str]:
        """The action ids that can be clicked now."""
        return [button.get("action_id", "") for _, button in self.content.buttons()]


@dataclass
class Call:
    """A call of the Web API or a post to a response_url, and what the app got for it.

    `error` is Slack's code, `http_500` or `dropped`; None also while it is under way.
    """

    method: str
    args: Json
    at: datetime
    ok: bool = False
    error: str | None = None
    status: int | None = None  # of HTTP; None while, or because, nothing was answered
    milliseconds: float = 0.0  # of real time


@dataclass
class Delivery:
    """A payload on its way to the app. `acked_after` is in real seconds, however late it came."""

    type: str
    payload: Json
    at: datetime
    sent: float = field(default_factory=time.perf_counter)
    acked_after: float | None = None
    response: Json = field(default_factory=dict)
    acked: asyncio.Event = field(default_factory=asyncio.Event)
    attempt: int = 0  # of an event: how often it was sent before
    retry_reason: str = ""

    @property
    def takes_answer(self) -> bool:
        """Whether the ack may say something."""
        answered = ("view_submission", "block_suggestion")
        return self.type == "slash_commands" or self.payload["type"] in answered

    def ack(self, response: Json) -> None:
        """Note the app's ack; only the first one counts."""
        if not self.acked.is_set():
            self.acked_after = time.perf_counter() - self.sent
            self.response = response
            self.acked.set()


@dataclass(frozen=True)
class Reply:
    """What a person gets for a command or a click: the ack's message, or Slack's error.

    `acked_after` is in real seconds; None if no ack came in time. `errors` stand beside the
    fields of a form that was not taken, by block id. `options` is what an external menu offers
    now: options, or groups of them.
    """

    acked_after: float | None
    message: Message | None
    error: str | None
    errors: dict[str, str] = field(default_factory=dict)
    options: list[Json] = field(default_factory=list)


class Refused(Exception):
    """Slack will not do it, and says so with its `error` code; `details` go into the answer."""

    def __init__(self, error: str, *, status: int = 200, **details: Any) -> None:
        super().__init__(error)
        self.error = error
        self.status = status
        self.details = details
