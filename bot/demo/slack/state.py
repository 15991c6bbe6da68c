"""All that a simulated workspace holds, and how a test or a reader looks at it."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from bot.demo.slack.conversation import as_text
from bot.demo.slack.directory import Directory
from bot.demo.slack.faults import Faults
from bot.demo.slack.history import History
from bot.demo.slack.homes import Homes
from bot.demo.slack.limits import PostLimit
from bot.demo.slack.modals import Modals
from bot.demo.slack.records import Call, Delivery, Identity, Json, Message
from bot.demo.slack.response_urls import ResponseUrls
from bot.demo.slack.socket_mode import Sockets
from bot.demo.slack.tokens import Tokens
from bot.demo.slack.transcript import read, read_view
from bot.demo.slack.views import View
from bot.runtime.clock import Clock

GRANTED = frozenset(
    {"commands", "chat:write", "chat:write.public", "usergroups:read", "users:read"}
)

_T = TypeVar("_T")


class State(Directory):
    """A team with one app, its messages, and a ledger of all that passed between the two.

    Settings: `scopes` (granted to the bot), `post_limit` (None: no limit), `request_url` (deliver
    there over HTTP, not to sockets), `ack_within` (real seconds), `faults`, `sockets`,
    `should_escape` (commands, as the manifest says), `event_retries` (of an event without ack;
    Slack's minutes in between are left out), `homes.is_enabled` (the home tab).
    To be read: `calls`, `deliveries`, `scopes_used`, `violations`, `broadcast_mentions`.
    """

    def __init__(
        self,
        clock: Clock,
        bot_token: str,
        app_token: str,
        signing_secret: str,
        team_id: str = "T0DEMO",
    ) -> None:
        super().__init__(Identity(team_id))
        self.clock = clock
        self.bot_token = bot_token
        self.app_token = app_token
        self.signing_secret = signing_secret
        self.config_token = "xoxe.xoxp-1-demo"
        self.manifest: Json = {}  # what the app's settings say; nothing here acts on it
        self.is_installed = True
        self.tokens = Tokens(clock)
        self.scopes = set(GRANTED)
        self.post_limit: PostLimit | None = None
        self.request_url: str | None = None
        self.ack_within = 3.0
        self.should_escape = True
        self.event_retries = 3
        self.base_url = ""  # the server's, once it serves
        self.faults = Faults()
        self.calls: list[Call] = []
        self.deliveries: list[Delivery] = []
        self.scopes_used: set[str] = set()
        self.scheduled: dict[str, str] = {}  # message id → channel id
        self._change = asyncio.Event()
        self.sockets = Sockets(self.identity.app_id, self.tell)
        self.history = History(clock, self.tell)
        self.modals = Modals(self.history.violations, self.tell)
        self.homes = Homes(self.users, self.history.violations, self.tell)
        self.response_urls = ResponseUrls(
            clock, self.history, self.identity.bot_user_id, self.take_post
        )

    @property
    def violations(self) -> list[str]:
        """What Slack refused for its form; empty as long as the app is in order."""
        return self.history.violations

    @property
    def broadcast_mentions(self) -> list[str]:
        """The texts that notified a whole channel."""
        return self.history.broadcast_mentions

    def messages(self, channel_id: str) -> list[Message]:
        """What stands in the channel itself: messages, and replies sent there as well."""
        visible = self.history.visible(channel_id)
        return [message for message in visible if not message.is_reply or message.reply_broadcast]

    def thread(self, channel_id: str, ts: str) -> list[Message]:
        """The replies to a message, without itself."""
        visible = self.history.visible(channel_id)
        return [message for message in visible if message.is_reply and message.thread_ts == ts]

    def ephemerals(self, user_id: str) -> list[Message]:
        """What only this person sees, in all channels."""
        return [message for message in self.history.messages if message.seen_by == user_id]

    def read(self, message: Message) -> str:
        """A message as plain text."""
        return "\n".join(read(message.blocks, message.text, self.names))

    def read_view(self, view: View) -> str:
        """A modal or a home tab as plain text, with what was entered."""
        return "\n".join(read_view(view.shown, view.errors, self.names))

    def render(self, channel_id: str) -> str:
        """The channel with its threads, and what single people see in it, as plain text."""
        channel = self.channels[channel_id]
        title = f"@{channel.name}" if channel.is_im else f"#{channel.name}"
        messages = [item for item in self.history.messages if item.channel_id == channel_id]
        return as_text(title, messages, self.names)

    async def until(
        self,
        predicate: Callable[[], _T],
        timeout: float = 5.0,  # noqa: ASYNC109, a test says how long it is patient
    ) -> _T:
        """Return the predicate's first true value; it is asked at every change of the workspace.

        After `timeout` real seconds: AssertionError, with all channels as text.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        while not (value := predicate()):
            try:
                async with asyncio.timeout_at(deadline):
                    await self._change.wait()
            except TimeoutError:
                seen = "\n\n".join(map(self.render, self.channels))
                problem = f"Still not so after {timeout} s. Slack shows:\n{seen}"
                raise AssertionError(problem) from None
        return value

    async def changed(self) -> None:
        """Return at the next change."""
        await self._change.wait()

    def tell(self) -> None:
        """Wake everybody who waits for a change."""
        self._change.set()
        self._change = asyncio.Event()

    def take_post(self, channel_id: str) -> None:
        """Raise Refused (429) if the channel gets too many messages, and there is a limit."""
        if self.post_limit:
            self.post_limit.take(channel_id)
