"""Carries messages to Slack: renders each as its topic is now, and posts or edits it."""

from typing import Any

from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.console import Console
from bot.domain.digests import Digest
from bot.domain.errors import CannotPost, SlackUnreachable
from bot.domain.incident_lines import BROADCAST, IncidentLine
from bot.domain.incidents import Incident
from bot.domain.outbox import OutboxMessage, Shape
from bot.domain.policy import Policy
from bot.domain.requests import BackupRequest
from bot.domain.thread_lines import (
    CARD,
    FINISHED,
    NO_CARD,
    NO_KEYS,
    POINTER,
    PUT_OFF,
    WANTED,
    ThreadLine,
)
from bot.domain.topics import Topic
from bot.outbox.ports import Gone, NotShown, Posted
from bot.runtime.clock import Clock
from bot.slack.messages.answers import late_refusal, no_card, not_posted, put_off, without_keys
from bot.slack.messages.cards import plain_card, request_card
from bot.slack.messages.digests import digest_message
from bot.slack.messages.incidents import incident_message, incident_reply
from bot.slack.messages.mrkdwn import Message
from bot.slack.messages.replies import finished, is_broadcast, pointer, thread_line, wanted
from bot.slack.transport.history import History, metadata
from bot.slack.transport.slack_errors import (
    FAILURES,
    FINAL,
    Final,
    error_code,
    is_in_doubt,
    is_outage,
    retry_after,
)
from bot.slack.transport.web_client import SlackClient, plain

BY_RESPONSE_URL = (ThreadLine.ENDED, PUT_OFF, NO_KEYS, NO_CARD)  # as long as there was no card
WITH_LINK = {POINTER: pointer, FINISHED: finished, WANTED: wanted}  # to the card
AS_WRITTEN: dict[str, Any] = {"parse": "none", "link_names": False}


class Courier:
    """See `outbox/ports.py`. Cards of waiting requests show the terms of today's `policy`."""

    def __init__(
        self,
        client: SlackClient,
        clock: Clock,
        policy: Policy,
        *,
        command: str,
        console: Console,
    ) -> None:
        self._client = client
        self._clock = clock
        self._policy = policy
        self._command = command
        self._console = console
        self._history = History(client, clock)

    async def deliver(self, message: OutboxMessage, topic: Topic) -> Posted:
        """Post or edit the message. Raises NotShown, Gone, CannotPost, and SlackUnreachable."""
        try:
            return await self._deliver(message, topic)
        except FAILURES as error:
            code = error_code(error)
            match FINAL.get(code):
                case Final.CONTENT:
                    raise NotShown(code) from error
                case Final.TARGET:
                    raise Gone(code) from error
                case Final.PLACE if not await self._responded(message, topic):
                    raise CannotPost(message.destination, code) from error
                case Final.PLACE:
                    return Posted(topic.requester, "")
                case None:
                    raise SlackUnreachable(
                        code,
                        in_doubt=is_in_doubt(error),
                        is_outage=is_outage(error),
                        retry_after=retry_after(error),
                    ) from error

    async def _deliver(self, message: OutboxMessage, topic: Topic) -> Posted:
        if message.channel_id and message.ts:
            said = self._shaped(self._card(message, topic), message)
            said.setdefault("blocks", [])  # or Slack keeps those that were there
            await self._client.chat_update(
                channel=message.channel_id, ts=message.ts, **AS_WRITTEN, **said
            )
            return Posted(message.channel_id, message.ts)
        thread_ts = _thread(message, topic)
        if message.in_doubt and (found := await self._history.find(message, thread_ts)):
            return found
        in_answer = message.card_channel_id is None and message.line in BY_RESPONSE_URL
        if in_answer and await self._responded(message, topic):
            return Posted(topic.requester, "")
        return await self._post(message, topic, thread_ts)

    async def _post(self, message: OutboxMessage, topic: Topic, thread_ts: str | None) -> Posted:
        said = self._shaped(await self._content(message, topic), message)
        if "metadata" not in (message.last_error or ""):
            said["metadata"] = metadata(message)
        if thread_ts:
            said["thread_ts"] = thread_ts
        if thread_ts:
            said["reply_broadcast"] = _is_broadcast(message, topic)
        sent: AsyncSlackResponse = await self._client.chat_postMessage(
            channel=message.destination,
            unfurl_links=False,
            unfurl_media=False,
            **AS_WRITTEN,
            **said,
        )
        return Posted(sent["channel"], sent["ts"])

    async def _responded(self, message: OutboxMessage, topic: Topic) -> bool:
        """Whether Slack took an answer to the command itself; it does for half an hour."""
        if not isinstance(topic, BackupRequest) or not topic.response_url:
            return False
        if message.destination != topic.requester or message.line in (CARD, POINTER):
            return False
        said = (await self._content(message, topic)).as_slack()
        try:
            return await self._client.respond(
                topic.response_url, {"response_type": "ephemeral", **said}
            )
        except FAILURES as error:
            raise SlackUnreachable(error_code(error)) from error

    async def _content(self, message: OutboxMessage, topic: Topic) -> Message:
        if message.line == CARD:
            return self._card(message, topic)
        if isinstance(topic, Incident):
            return incident_reply(topic, IncidentLine(message.line), now=self._clock.now())
        if not isinstance(topic, BackupRequest):
            raise NotShown(message.line)
        if message.line not in WITH_LINK:
            return self._line(message, topic)
        link = await self._client.chat_getPermalink(
            channel=message.card_channel_id or "", message_ts=message.card_ts or ""
        )
        return WITH_LINK[message.line](topic, link["permalink"])

    def _line(self, message: OutboxMessage, request: BackupRequest) -> Message:
        line, command = message.line, self._command
        if line == PUT_OFF:
            return put_off(request, command)
        if line == NO_KEYS:
            return without_keys(request, command)
        if line == NO_CARD:
            return no_card(CannotPost(request.card_channel_id, message.subject), request)
        if line == ThreadLine.ENDED and request.refusal and message.card_ts is None:
            error = request.refusal.error
            if isinstance(error, CannotPost):
                return not_posted(error, request, command)
            return late_refusal(error, request)
        return thread_line(
            request,
            ThreadLine(line),
            now=self._clock.now(),
            command=command,
            subject=message.subject,
            call=message.call,
        )

    def _card(self, message: OutboxMessage, topic: Topic) -> Message:
        now = self._clock.now()
        if isinstance(topic, Incident):
            return incident_message(topic, now=now)
        if isinstance(topic, Digest):
            return digest_message(topic, command=self._command)
        if not isinstance(topic, BackupRequest):
            raise NotShown(message.line)
        request = topic.under(self._policy)
        if message.shape >= Shape.BUTTONS:
            return plain_card(request, now=now, command=self._command)
        with_plan = message.shape == Shape.WHOLE
        return request_card(
            request,
            now=now,
            with_plan=with_plan,
            command=self._command,
            console=self._console,
        )

    def _shaped(self, content: Message, message: OutboxMessage) -> dict[str, Any]:
        said = content.as_slack()
        return said if message.shape != Shape.WORDS else {"text": plain(said)["text"]}


def _is_broadcast(message: OutboxMessage, topic: Topic) -> bool:
    """Return whether the channel sees a reply, too."""
    if isinstance(topic, BackupRequest) and message.line in set(ThreadLine):
        return is_broadcast(topic, ThreadLine(message.line), message.call)
    return isinstance(topic, Incident) and message.line in BROADCAST


def _thread(message: OutboxMessage, topic: Topic) -> str | None:
    """Return the ts of the message to reply to, if any."""
    if message.line == POINTER and isinstance(topic, BackupRequest):
        return topic.thread_ts
    in_channel = message.line != CARD and message.destination == topic.card_channel_id
    return message.card_ts if in_channel else None
