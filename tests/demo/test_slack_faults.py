"""What slack_sdk meets when something goes wrong on the way to the simulated Slack and back."""

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler
from slack_sdk.http_retry.builtin_interval_calculators import FixedValueRetryIntervalCalculator
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.slack import faults
from bot.demo.slack.api import SlackServer
from bot.demo.slack.workspace import Workspace
from tests.demo.slack_people import (
    OPS,
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


async def test_faults_with_an_answer(workspace: Workspace, slack: AsyncWebClient) -> None:
    """The next calls meet the faults in turn, without being carried out; then all is well."""
    workspace.faults.next(
        "chat.postMessage", faults.throttled(7), faults.refused("fatal_error"), faults.ERROR
    )
    for _ in range(3):
        with pytest.raises(SlackApiError):
            await slack.chat_postMessage(channel=OPS, text="x")
    await slack.chat_postMessage(channel=OPS, text="at last")

    errors = [call.error for call in workspace.calls]
    assert errors == ["ratelimited", "fatal_error", "http_500", None]
    assert [message.text for message in workspace.messages(OPS)] == ["at last"]


@pytest.mark.parametrize(
    ("fault", "posted"), [(faults.DROPPED, 0), (faults.LOST_ANSWER, 1)], ids=["before", "after"]
)
async def test_a_connection_breaks(
    workspace: Workspace, slack: AsyncWebClient, fault: faults.Fault, posted: int
) -> None:
    """The client sees the same, whether the message was posted or not."""
    workspace.faults.next("chat.postMessage", fault)
    with pytest.raises(aiohttp.ClientError):
        await slack.chat_postMessage(channel=OPS, text="x")

    assert len(workspace.messages(OPS)) == posted


async def test_the_default_retry_doubles_a_post(
    workspace: Workspace, slack: AsyncWebClient
) -> None:
    """slack_sdk's own retry sends a post again whose answer was lost: this is why we don't."""
    at_once = FixedValueRetryIntervalCalculator(fixed_internal=0)
    slack.retry_handlers = [AsyncConnectionErrorRetryHandler(interval_calculator=at_once)]
    workspace.faults.next("chat.postMessage", faults.LOST_ANSWER)
    await slack.chat_postMessage(channel=OPS, text="x")

    assert len(workspace.messages(OPS)) == 2


async def test_a_slow_answer(workspace: Workspace, slack: AsyncWebClient) -> None:
    """It is right, and late."""
    workspace.faults.always(faults.slow(0.03), "auth.test")
    began = time.perf_counter()
    await slack.auth_test()

    assert time.perf_counter() - began >= 0.03


async def test_leaving_is_quick(workspace: Workspace) -> None:
    """The server does not wait for answers that are still held back."""
    workspace.faults.always(faults.slow(30), "auth.test")
    async with (
        aiohttp.ClientSession() as session,
        asyncio.TaskGroup() as tasks,
        SlackServer(workspace) as server,
    ):
        held = tasks.create_task(answered(session, f"{server.api_url}auth.test"))
        await workspace.until(lambda: workspace.calls)
        began = time.perf_counter()

    assert time.perf_counter() - began < 1
    assert held.result() is True


async def answered(session: aiohttp.ClientSession, url: str) -> bool:
    """Whether an answer came before the server was gone."""
    async with session.post(url) as answer:
        return answer.status == 200
