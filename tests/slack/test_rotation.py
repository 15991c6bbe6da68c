"""A bot token that expires is renewed in time, by one replica, and never lost."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.demo.slack import faults
from bot.demo.slack.api import SlackServer
from bot.demo.slack.records import Json
from bot.demo.slack.workspace import Workspace
from bot.domain.errors import StoreUnavailable
from bot.domain.tokens import Credentials, TokenPair
from bot.slack.transport.rotation import Rotation
from bot.slack.transport.web_client import SlackClient
from bot.storage.engine import migrate, open_engine
from bot.storage.slack_tokens import SlackTokens
from bot.storage.store import Store
from tests.databases import Databases
from tests.stepped_clock import SteppedClock

EXCHANGE = "oauth.v2.access"


@dataclass
class Replica:
    """A client, and what renews its token."""

    client: SlackClient
    tokens: SlackTokens
    rotation: Rotation

    async def works(self) -> bool:
        return bool((await self.client.auth_test())["ok"])


@dataclass
class Desk:
    """Slack, and replicas on one database."""

    workspace: Workspace
    clock: SteppedClock
    first: Json
    session: aiohttp.ClientSession
    api_url: str
    database_url: str
    engines: list[AsyncEngine] = field(default_factory=list)

    def replica(self, refresh_token: str = "", clock: SteppedClock | None = None) -> Replica:
        self.engines.append(open_engine(self.database_url))
        tokens = SlackTokens(Store(self.engines[-1]))
        client = SlackClient("none yet", base_url=self.api_url, session=self.session)
        given = refresh_token or self.first["refresh_token"]
        slack = self.workspace.tokens
        known = slack.client_id, slack.client_secret
        credentials = Credentials(self.first["access_token"], given, *known)
        rotation = Rotation(client, tokens, credentials, clock or self.clock)
        return Replica(client, tokens, rotation)

    @property
    def exchanges(self) -> int:
        return sum(call.method == EXCHANGE for call in self.workspace.calls)


@pytest.fixture(params=["sqlite", "postgresql"])
async def desk(
    request: pytest.FixtureRequest, tmp_path: Path, databases: Databases
) -> AsyncIterator[Desk]:
    clock = SteppedClock()
    workspace = Workspace(clock, "xoxb-test", "xapp-test", "secret")
    url = f"sqlite:///{tmp_path}/bot.db"
    if request.param == "postgresql":
        url = databases.create()
    migrate(url)
    async with SlackServer(workspace) as server, aiohttp.ClientSession() as session:
        first = workspace.tokens.begin()
        desk = Desk(workspace, clock, first, session, server.api_url, url)
        yield desk
        for engine in desk.engines:
            await engine.dispose()


async def test_a_token_is_renewed_long_before_it_expires(desk: Desk) -> None:
    """The first one at once, because nobody knows how old it is."""
    bot = desk.replica()
    await bot.rotation.look()
    renewed = bot.client.token
    desk.clock.advance(hours=5, minutes=59)
    await bot.rotation.look()
    assert bot.client.token == renewed
    desk.clock.advance(minutes=2)
    await bot.rotation.look()

    assert bot.client.token != renewed
    assert desk.exchanges == 2
    assert await bot.works()


async def test_it_goes_on_for_days(desk: Desk) -> None:
    """Across restarts, too; the settings still hold the first pair."""
    for _ in range(12):
        bot = desk.replica()
        await bot.rotation.look()
        assert await bot.works()
        desk.clock.advance(hours=7)

    assert desk.exchanges == 12


async def test_two_replicas_renew_it_once(desk: Desk) -> None:
    """The other one uses the older token, which lives on, until it looks again."""
    one, other = desk.replica(), desk.replica()
    await asyncio.gather(one.rotation.look(), other.rotation.look())
    assert desk.exchanges == 1
    assert await one.works()
    assert await other.works()

    await asyncio.gather(one.rotation.look(), other.rotation.look())
    assert desk.exchanges == 1
    assert one.client.token == other.client.token


async def test_a_process_that_dies_with_slacks_answer_loses_nothing(desk: Desk) -> None:
    """The next one uses the same refresh token again, within Slack's grace."""
    dying = desk.replica()
    dying.rotation._save = _never  # type: ignore[assignment,method-assign]  # noqa: SLF001, it dies there
    with pytest.raises(AssertionError):
        await dying.rotation.look()
    bot = desk.replica()
    await bot.rotation.look()
    assert desk.exchanges == 1
    assert bot.client.token == desk.first["access_token"]
    assert await bot.works()

    desk.clock.advance(seconds=45)
    await bot.rotation.look()
    assert desk.exchanges == 2
    assert await bot.works()
    assert (await _stored(desk, bot)).access_token == bot.client.token


async def _never(*_: object) -> None:
    raise AssertionError("killed")


async def test_a_pair_that_the_database_does_not_take_is_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack gives it only once, and the grace may be shorter than the outage."""
    bot = desk.replica()
    with monkeypatch.context() as patch:
        patch.setattr(bot.tokens, "replace", _unavailable)
        await bot.rotation.look()
    assert await bot.works()  # with the first token
    desk.clock.advance(hours=1)
    await bot.rotation.look()

    assert desk.exchanges == 1
    assert await bot.works()
    assert (await _stored(desk, bot)).access_token == bot.client.token


async def _unavailable(*_: object) -> None:
    raise StoreUnavailable


async def _stored(desk: Desk, bot: Replica) -> TokenPair:
    given = desk.first["access_token"], desk.first["refresh_token"]
    return await bot.tokens.load(TokenPair(*given, desk.clock.now()))


async def test_while_slack_is_away_the_token_is_still_used(desk: Desk) -> None:
    """It is tried again at each look, for hours."""
    desk.workspace.faults.next(EXCHANGE, faults.ERROR, faults.DROPPED)
    bot = desk.replica()
    for _ in range(3):
        await bot.rotation.look()
        assert await bot.works()
        desk.clock.advance(seconds=31)

    assert desk.exchanges == 3
    assert bot.client.token != desk.first["access_token"]


async def test_a_new_refresh_token_in_the_settings_begins_anew(desk: Desk) -> None:
    """As after the app was installed again."""
    await desk.replica().rotation.look()
    again = desk.workspace.tokens.begin()
    bot = desk.replica(again["refresh_token"])
    await bot.rotation.look()

    assert desk.exchanges == 2
    assert await bot.works()


async def test_a_refresh_token_works_once(desk: Desk) -> None:
    """And for a short while after that; a bot token works for twelve hours."""
    client = desk.replica().client
    client.token = desk.first["access_token"]
    slack = desk.workspace.tokens
    used = {"grant_type": "refresh_token", "refresh_token": desk.first["refresh_token"]}
    used |= {"client_id": slack.client_id, "client_secret": slack.client_secret}
    await client.api_call(EXCHANGE, data=used)
    await client.auth_test()
    desk.clock.advance(seconds=61)
    with pytest.raises(SlackApiError, match="invalid_refresh_token"):
        await client.api_call(EXCHANGE, data=used)
    desk.clock.advance(hours=12)
    with pytest.raises(SlackApiError, match="token_expired"):
        await client.auth_test()
