"""The addresses that come with a command or a click, and take up to five answers to it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex

from bot.demo.slack.history import History
from bot.demo.slack.records import Json, Message, Refused
from bot.runtime.clock import Clock

USES = 5
LIFETIME = timedelta(minutes=30)


@dataclass
class ResponseUrl:
    """Whom it answers, and where; `message` is the one that was clicked."""

    user_id: str
    channel_id: str
    message: Message | None
    expires: datetime
    uses_left: int = USES


class ResponseUrls:
    """Answers go past membership and archiving, as in Slack, and bear the bot's name."""

    def __init__(
        self, clock: Clock, history: History, bot_user_id: str, limit: Callable[[str], None]
    ) -> None:
        self._clock = clock
        self._history = history
        self._bot_user_id = bot_user_id
        self._limit = limit
        self._urls: dict[str, ResponseUrl] = {}

    def issue(self, user_id: str, channel_id: str, message: Message | None = None) -> str:
        """A new address, as its path."""
        kind = "actions" if message else "commands"
        path = f"/{kind}/{token_hex(8)}"
        expires = self._clock.now() + LIFETIME
        self._urls[path] = ResponseUrl(user_id, channel_id, message, expires)
        return path

    def post(self, path: str, body: Json) -> None:
        """Do what the app wants. Raises Refused; a refused answer's use is not spent."""
        url = self._urls.get(path)
        if url is None or self._clock.now() >= url.expires:
            raise Refused("expired_url", status=404)
        if not url.uses_left:
            raise Refused("used_url", status=404)
        self._limit(url.channel_id)
        try:
            self._answer(url, body)
        except Refused as refused:
            raise Refused(refused.error, status=400, **refused.details) from refused
        url.uses_left -= 1

    def _answer(self, url: ResponseUrl, body: Json) -> None:
        original = url.message
        if body.get("delete_original"):
            if original is None or original not in self._history.messages:
                raise Refused("message_not_found")
            self._history.delete(original)
        elif body.get("replace_original") and original:
            if original not in self._history.messages:
                raise Refused("message_not_found")
            said = self._history.content(body.get("text", ""), body.get("blocks"), original)
            self._history.edit(original, said)
        else:
            self.say(url.user_id, url.channel_id, body)

    def say(self, user_id: str, channel_id: str, body: Json) -> Message:
        """Post an answer, as an ack may hold it too: ephemeral, unless it is `in_channel`."""
        said = self._history.content(body.get("text", ""), body.get("blocks"))
        thread_ts = body.get("thread_ts")
        self._history.check_thread(channel_id, thread_ts)
        is_public = body.get("response_type") == "in_channel"
        return self._history.post(
            channel_id,
            self._bot_user_id,
            said,
            thread_ts=thread_ts,
            seen_by=None if is_public else user_id,
        )
