"""Slack's Web API and response URLs: anything but Slack's own JSON is an error like another."""

import json
import re
from collections.abc import Mapping
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from yarl import URL

from bot.slack.transport.clipping import clipped, cut
from bot.slack.transport.slack_errors import FINAL, OK, UNREADABLE, Final, error_code

log = structlog.get_logger(__name__)

LONGEST_ANSWER = 4 * 1024**2  # bytes, unpacked
LONGEST_PLAIN = 1000  # characters of a last plain answer
# What a 4xx of a response URL means, where it isn't the message that Slack doesn't like.
NOT_THE_MESSAGE = {404, 410, 429}
HOOKS = "https://hooks.slack.com/", "https://hooks.slack-gov.com/"
# What a caller goes on with; an answer without it is none.
PROMISED: dict[str, dict[str, type]] = {
    "auth.test": {"user_id": str},
    "oauth.v2.access": {"access_token": str, "refresh_token": str, "expires_in": int},
    "apps.connections.open": {"url": str},
    "chat.postMessage": {"channel": str, "ts": str},
    "chat.scheduleMessage": {"channel": str, "scheduled_message_id": str},
    "chat.getPermalink": {"permalink": str},
    "users.info": {"user": dict},
    "usergroups.users.list": {"users": list},
}
_CODE = re.compile(r"[A-Za-z0-9_.:-]{1,80}", re.ASCII)


class SlackClient(AsyncWebClient):
    """Raises one of `slack_errors.FAILURES` for each call that Slack didn't confirm.

    It needs a session, which bounds the time of a call; it repeats nothing and follows no
    redirect. What is too long for Slack is clipped on the way out.
    """

    async def api_call(self, api_method: str, **how: Any) -> AsyncSlackResponse:
        if isinstance(how.get("json"), dict):
            how["json"] = clipped(how["json"])
        return await super().api_call(api_method, **how)

    async def _request(
        self, *, http_verb: str, api_url: str, req_args: dict[str, Any]
    ) -> dict[str, Any]:
        """Make a call; all of the SDK's calls go through this method."""
        async with self._connections.request(
            http_verb, api_url, **req_args, allow_redirects=False
        ) as answer:
            data = _data(api_url.rpartition("/")[2], answer.status, await _read(answer))
            return {"data": data, "headers": answer.headers, "status_code": answer.status}

    async def respond(self, url: object, message: Mapping[str, Any]) -> bool:
        """Post to the response_url of a command or a click; return whether Slack accepted it.

        A message that Slack rejects is sent again as plain text. Raises FAILURES.
        """
        if not self._is_slacks(url):
            log.warning("response_url_refused")
            return False
        status = await self._post(str(url), clipped(dict(message)))
        if 400 <= status < 500 and status not in NOT_THE_MESSAGE:  # noqa: PLR2004, HTTP's classes
            status = await self._post(str(url), plain(message))
        return status == OK

    async def tell(self, user_id: str, message: Mapping[str, Any]) -> bool:
        """Send a direct message; without blocks if Slack rejects them. Raises FAILURES."""
        said = {"text": message.get("text", ""), "blocks": message.get("blocks")}
        try:
            await self.chat_postMessage(channel=user_id, **said)
        except SlackApiError as error:
            if FINAL.get(error_code(error)) is not Final.CONTENT:
                raise
            await self.chat_postMessage(channel=user_id, text=plain(said)["text"])
        return True

    def _is_slacks(self, url: object) -> bool:
        """Whether the address is on Slack's own host; a forged payload could name another."""
        own = f"{URL(self.base_url).origin()}/"
        return isinstance(url, str) and url.isascii() and url.startswith((*HOOKS, own))

    async def _post(self, url: str, message: dict[str, Any]) -> int:
        async with self._connections.post(url, json=message, allow_redirects=False) as answer:
            return answer.status

    @property
    def _connections(self) -> aiohttp.ClientSession:
        assert self.session is not None  # noqa: S101, every client is built with one
        return self.session


def plain(message: Mapping[str, Any]) -> dict[str, Any]:
    """The same in a few plain words: no blocks, and short."""
    text = cut(str(message.get("text") or "Slack couldn't show my answer."), LONGEST_PLAIN)
    kept = {key: message[key] for key in ("response_type", "thread_ts") if key in message}
    return {**kept, "text": text, "replace_original": False}


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """The body; nothing of one that is longer than any of Slack's."""
    body = bytearray()
    async for chunk in answer.content.iter_chunked(2**16):
        body += chunk
        if len(body) > LONGEST_ANSWER:
            return b""
    return bytes(body)


def _data(method: str, status: int, body: bytes) -> dict[str, Any]:
    """Slack's answer, or one of our own that says what was wrong with it."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        data = None
    if isinstance(data, dict):
        if data.get("ok") is False and _CODE.fullmatch(str(data.get("error", ""))):
            return data
        if data.get("ok") is True and status == OK and _is_whole(method, data):
            return data
    return {"ok": False, "error": UNREADABLE if status == OK else f"http_{status}"}


def _is_whole(method: str, data: dict[str, Any]) -> bool:
    return all(
        isinstance(data.get(field), kind)
        and data[field] != ""
        and (kind is not list or all(isinstance(item, str) for item in data[field]))
        for field, kind in PROMISED.get(method, {}).items()
    )
