"""Bolt, as this bot sets it up: one token, one shared session, and a count of listeners."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.listener.async_listener_completion_handler import AsyncListenerCompletionHandler
from slack_bolt.listener.async_listener_start_handler import AsyncListenerStartHandler
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.runtime.in_flight import InFlight
from bot.runtime.metrics import ACK_SECONDS
from bot.slack.messages.mrkdwn import Message
from bot.slack.transport.clipping import clipped
from bot.slack.transport.payloads import problem_with
from bot.slack.transport.slack_errors import FAILURES, error_code
from bot.slack.transport.web_client import SlackClient

log = structlog.get_logger(__name__)

TRIES = 2  # to hand Slack one answer


class _Enter(AsyncListenerStartHandler):
    """Counts listeners: Bolt forgets them after their ack, and a shutdown would cut them off."""

    def __init__(self, listeners: InFlight) -> None:
        self._listeners = listeners

    async def handle(self, request: AsyncBoltRequest, response: BoltResponse | None) -> None:  # noqa: ARG002, the signature is Bolt's
        self._listeners.enter()


class _Leave(AsyncListenerCompletionHandler):
    def __init__(self, listeners: InFlight) -> None:
        self._listeners = listeners

    async def handle(self, request: AsyncBoltRequest, response: BoltResponse | None) -> None:  # noqa: ARG002, the signature is Bolt's
        self._listeners.leave()


class _Ack(AsyncAck):
    """An ack that Slack takes, and that knows how long Slack waited for it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Bolt has no annotation there
        self._came = time.perf_counter()
        self.given: asyncio.Future[BoltResponse] = asyncio.get_running_loop().create_future()

    async def __call__(self, *args: Any, **kwargs: Any) -> BoltResponse:
        response = await super().__call__(*args, **clipped(kwargs))
        ACK_SECONDS.observe(time.perf_counter() - self._came)
        if not self.given.done():
            self.given.set_result(response)
        return response


class Respond:
    """Answers a person where they acted, or else in a direct message."""

    def __init__(self, client: SlackClient, response_url: object, user_id: str | None) -> None:
        self._client = client
        self._response_url = response_url
        self._user_id = user_id

    async def __call__(self, **message: Any) -> bool:
        """Return whether Slack accepted it. Raises FAILURES."""
        if self._response_url and await self._respond(message):
            return True
        if self._user_id and message.get("text"):
            return await self._client.tell(self._user_id, message)
        return False

    async def _respond(self, message: dict[str, Any]) -> bool:
        for _ in range(TRIES):
            try:
                if await self._client.respond(self._response_url, message):
                    return True
            except FAILURES as error:
                log.warning("answer_not_taken", error=error_code(error))
        return False


async def tell_privately(respond: Respond, message: Message) -> None:
    """Show a message to this person only; if Slack doesn't accept it, log that."""
    try:
        await respond(response_type="ephemeral", replace_original=False, **message.as_slack())
    except FAILURES as error:
        log.warning("answer_not_taken", error=error_code(error))


class _Equip(AsyncMiddleware):
    """Gives listeners the bot's client and answers; a function as middleware costs more time."""

    def __init__(self, client: SlackClient) -> None:
        self._client = client

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,  # noqa: ARG002, the signature is Bolt's
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002, the same
    ) -> BoltResponse | None:
        # Bolt's own would follow a request to any address, and take any answer of Slack's.
        context = req.context
        context["client"] = self._client
        context["respond"] = Respond(self._client, context.response_url, context.user_id)
        return await next()


class _App(AsyncApp):
    """Bolt, given only payloads that its listeners can read; anything else is refused as 400."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._dispatching: set[asyncio.Task[BoltResponse]] = set()

    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        """Return the ack as soon as a listener gives it: Bolt waits until the listener ends."""
        if problem := problem_with(req.body):
            log.warning("request_malformed", problem=problem)
            return BoltResponse(status=400)
        ack = _Ack()
        req.context["ack"] = ack
        dispatching = asyncio.create_task(super().async_dispatch(req))
        self._dispatching.add(dispatching)
        dispatching.add_done_callback(self._dispatching.discard)
        await asyncio.wait({dispatching, ack.given}, return_when=asyncio.FIRST_COMPLETED)
        return ack.given.result() if ack.given.done() else dispatching.result()


def bolt_app(client: SlackClient, identity: AuthorizeResult, listeners: InFlight) -> AsyncApp:
    """Return an app with one token. Its identity is known, so no request costs an `auth.test`.

    It doesn't check signatures: HttpFront does, and sockets need none. `listeners` counts the
    running listeners.
    """

    async def authorize() -> AuthorizeResult:
        return identity

    # Bolt warns that `authorize` takes precedence over SLACK_BOT_TOKEN, as it should here.
    logger = logging.getLogger("slack_bolt")
    logger.setLevel(logging.ERROR)
    app = _App(
        name="backup-bot",  # without one, Bolt inspects the whole stack, for 70 ms
        client=client,
        authorize=authorize,
        request_verification_enabled=False,
        # Bolt would poll for the ack, and after 3 s act as if there were no listener.
        process_before_response=True,
        raise_error_for_unhandled_request=True,
        logger=logger,
    )
    app.middleware(_Equip(client))
    app.listener_runner.listener_start_handler = _Enter(listeners)
    app.listener_runner.listener_completion_handler = _Leave(listeners)
    return app
