"""How what people do reaches the app: over a socket or signed HTTP, and again if need be."""

import asyncio
from collections.abc import AsyncIterator

from bot.demo.slack import http_mode
from bot.demo.slack.interactions import Scene
from bot.demo.slack.records import Delivery, Json, Message, Reply
from bot.demo.slack.state import State

REASONS = {"operation_timeout": "timeout", "dispatch_failed": "error"}


class Dispatch(State):
    """Delivers payloads, and notes each in `deliveries`."""

    async def deliver(
        self, kind: str, payload: Json, *, twice: bool = False
    ) -> tuple[Delivery, str | None]:
        """Send it, perhaps in two copies at once; what came of the first one."""
        copies = [Delivery(kind, payload, self.clock.now()) for _ in range(1 + twice)]
        errors = await asyncio.gather(*map(self._send, copies))
        return copies[0], errors[0]

    async def deliver_action(self, payload: Json, *, twice: bool) -> Reply:
        """Send what a person did; its ack must be empty."""
        delivery, error = await self.deliver("interactive", payload, twice=twice)
        if delivery.response:
            self.violations.append(f"the ack of a click must be empty, not {delivery.response}")
        return Reply(delivery.acked_after, None, error)

    async def deliver_event(self, payload: Json, *, twice: bool) -> Reply:
        """Send an event until it is acked, no more than `event_retries` times again.

        With `twice` once more although it was acked, as if the ack had been lost.
        """
        attempts = [attempt async for attempt in self._attempts(payload, twice=twice)]
        return Reply(attempts[0].acked_after, None, None)

    def scene(self, user_id: str, channel_id: str, message: Message | None = None) -> Scene:
        """Who does something where, with a new response_url and trigger_id."""
        path = self.response_urls.issue(user_id, channel_id, message)
        return Scene(
            self.identity,
            self.users[user_id],
            self.channels[channel_id],
            response_url=f"{self.base_url}{path}",
            trigger_id=self.modals.trigger(user_id),
        )

    async def _attempts(self, payload: Json, *, twice: bool) -> AsyncIterator[Delivery]:
        reason = ""
        for attempt in range(1 + max(self.event_retries, twice)):
            delivery = Delivery("events_api", payload, self.clock.now())
            delivery.attempt, delivery.retry_reason = attempt, reason
            error = await self._send(delivery)
            yield delivery
            if error is None and attempt >= twice:
                return
            reason = REASONS[error or "operation_timeout"]

    async def _send(self, delivery: Delivery) -> str | None:
        self.deliveries.append(delivery)
        self.tell()
        if self.request_url is None:
            return await self.sockets.deliver(delivery, self.ack_within)
        return await http_mode.deliver(
            delivery, self.request_url, self.signing_secret, self.ack_within
        )
