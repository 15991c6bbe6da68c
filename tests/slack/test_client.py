"""Calls of Slack, answered by anything at all, and answers to addresses of anybody's choice."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.demo.slack import faults as slack_faults
from bot.demo.slack.api import SlackServer
from bot.demo.slack.faults import RESPONSE_URL, Fault
from bot.demo.slack.workspace import Workspace
from bot.domain.workspaces import Workspaces
from bot.runtime.clock import Clock
from bot.slack.transport.identity import identify
from bot.slack.transport.slack_errors import FAILURES, UNREADABLE, error_code
from bot.slack.transport.web_client import SlackClient
from tests.stepped_clock import SteppedClock

ANA, OPS = "U0ANA", "C0OPS"


@pytest.fixture
async def workspace() -> AsyncIterator[Workspace]:
    workspace = Workspace(Clock(), bot_token="xoxb", app_token="xapp", signing_secret="secret")
    workspace.add_user(ANA, "ana")
    workspace.add_channel(OPS, "ops", [ANA])
    async with SlackServer(workspace):
        yield workspace


@pytest.fixture
async def client(workspace: Workspace) -> AsyncIterator[SlackClient]:
    timeout = aiohttp.ClientTimeout(total=1)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield SlackClient("xoxb", f"{workspace.base_url}/api/", session=session)


@pytest.mark.parametrize("garbage", slack_faults.GARBAGE, ids=range(len(slack_faults.GARBAGE)))
async def test_what_is_not_slacks_json_is_an_error(
    workspace: Workspace, client: SlackClient, garbage: Fault
) -> None:
    """Like a 5xx, with a code that says nothing of what was answered."""
    calls: list[Callable[[], Awaitable[Any]]] = [
        client.auth_test,
        lambda: client.chat_postMessage(channel=OPS, text="hello"),
        lambda: client.users_info(user=ANA),
        lambda: client.usergroups_users_list(usergroup="S0DBA"),
        lambda: client.apps_connections_open(app_token="xapp"),
    ]
    methods = ["auth.test", "chat.postMessage", "users.info", "usergroups.users.list"]
    workspace.faults.always(garbage, *methods, "apps.connections.open")
    for call in calls:
        with pytest.raises(FAILURES) as raised:
            await call()
        assert error_code(raised.value) in (UNREADABLE, f"http_{garbage.status}")


async def test_an_answer_that_lacks_what_it_promises_is_none(
    workspace: Workspace, client: SlackClient
) -> None:
    """A message without a ts could never be edited."""
    for body in ({"ok": True, "channel": OPS}, {"ok": True, "channel": OPS, "ts": 5}):
        workspace.faults.next("chat.postMessage", slack_faults.garbled(json.dumps(body).encode()))
        with pytest.raises(FAILURES):
            await client.chat_postMessage(channel=OPS, text="hello")


async def test_the_start_waits_until_slack_says_who_the_bot_is(
    workspace: Workspace, client: SlackClient
) -> None:
    """Whatever stands between them meanwhile."""
    workspace.faults.next("auth.test", *slack_faults.GARBAGE)
    clock = SteppedClock()
    identifying = asyncio.create_task(identify(client, clock, Workspaces()))
    while not identifying.done():
        clock.advance(seconds=30)
        await asyncio.sleep(0.001)

    assert (await identifying).team_id == workspace.identity.team_id


async def _served(answer: Any) -> tuple[web.AppRunner, str]:
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


@pytest.mark.parametrize("kind", ["dripping", "huge", "packed", "no gzip"])
async def test_an_answer_that_never_ends_is_given_up(kind: str) -> None:
    """By time and by size, as it is unpacked."""

    async def answer(request: web.Request) -> web.StreamResponse:
        headers = {"Content-Encoding": "gzip"} if kind in ("packed", "no gzip") else {}
        response = web.StreamResponse(headers={"Content-Type": "application/json"} | headers)
        await response.prepare(request)
        if kind == "packed":
            await response.write(gzip.compress(b" " * 64 * 1024**2))
        while kind in ("dripping", "huge"):
            await response.write(b" " * (1 if kind == "dripping" else 1024**2))
            await asyncio.sleep(0.05 if kind == "dripping" else 0)
        await response.write(b"no gzip")
        return response

    runner, url = await _served(answer)
    timeout = aiohttp.ClientTimeout(total=1)
    async with aiohttp.ClientSession(timeout=timeout) as session, asyncio.timeout(20):
        client = SlackClient("xoxb", f"{url}/api/", session=session)
        with pytest.raises(FAILURES):
            await client.auth_test()
    await runner.cleanup()


STRANGE = [
    "http://169.254.169.254/latest/meta-data/",
    "https://hooks.slack.com.evil.example/commands/1",
    "https://hooks.slack.com@evil.example/commands/1",
    "https://hooks.slack.com:443@evil.example/",
    "https://hooks.slack.com\\@evil.example/",
    "https://hooks.slack.com\t.evil.example/",
    "https://evil.example/https://hooks.slack.com/",
    "http://hooks.slack.com/commands/1",
    "//hooks.slack.com/commands/1",
    "file:///etc/passwd",
    "https://hooks。slack.com/",
    "",
    None,
    7,
    ["https://hooks.slack.com/"],
]


@pytest.mark.parametrize("url", STRANGE)
async def test_no_answer_goes_to_an_address_that_is_not_slacks(
    client: SlackClient, url: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it came from: a request, or the database."""

    async def post(*_: Any) -> int:
        raise AssertionError("it was sent")

    monkeypatch.setattr(SlackClient, "_post", post)

    assert await client.respond(url, {"text": "hello"}) is False


async def test_another_port_of_the_same_machine_is_not_slacks(client: SlackClient) -> None:
    """There may be another service."""
    heard = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.Response()

    runner, url = await _served(answer)
    assert await client.respond(f"{url}/commands/1", {"text": "hello"}) is False
    await runner.cleanup()

    assert heard == []


def test_slacks_own_hosts_are_known() -> None:
    """Commercial and government Slack, and that of SLACK_API_URL."""
    client = SlackClient("xoxb", "https://slack.example:8443/api/")
    taken = [
        "https://hooks.slack.com/commands/T1/2/abc",
        "https://hooks.slack-gov.com/actions/T1/2/abc",
        "https://slack.example:8443/commands/1",
    ]

    assert all(client._is_slacks(url) for url in taken)  # noqa: SLF001, sending them is not for tests
    assert not client._is_slacks("http://slack.example:8443/commands/1")  # noqa: SLF001, as above


async def test_no_redirect_is_followed(workspace: Workspace, client: SlackClient) -> None:
    """Neither of a call nor of an answer: it could lead anywhere."""
    heard = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(request.path)
        return web.Response(
            status=307, headers={"Location": f"{workspace.base_url}/api/auth.test"}
        )

    runner, url = await _served(answer)
    strayed = SlackClient("xoxb", f"{url}/api/", session=client.session)
    assert await strayed.respond(f"{url}/commands/1", {"text": "hello"}) is False
    with pytest.raises(FAILURES):
        await strayed.auth_test()
    await runner.cleanup()

    assert heard == ["/commands/1", "/api/auth.test"]
    assert workspace.calls == []


async def test_an_answer_that_slack_does_not_take_is_said_in_plain_words(
    workspace: Workspace, client: SlackClient
) -> None:
    """Also where nobody thought of what is wrong with it."""
    url = workspace.base_url + workspace.response_urls.issue(ANA, OPS)
    message = {"text": "All is well.", "blocks": [{"type": "no such block"}]}
    assert await client.respond(url, message)
    assert await client.tell(ANA, message)

    (ephemeral,) = workspace.ephemerals(ANA)
    direct = workspace.messages(f"D{ANA[1:]}")
    assert workspace.read(ephemeral) == "All is well."
    assert [workspace.read(one) for one in direct] == ["All is well."]


async def test_an_answer_that_came_too_late_is_not_forced(
    workspace: Workspace, client: SlackClient
) -> None:
    """The address is used up: whoever calls finds another way."""
    workspace.faults.always(Fault(status=404), RESPONSE_URL)
    url = workspace.base_url + workspace.response_urls.issue(ANA, OPS)

    assert await client.respond(url, {"text": "hello"}) is False
    assert len(workspace.calls) == 1
