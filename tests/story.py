"""The real bot in the offline world: people type and click, and read what stands in Slack."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from bot.app import running
from bot.config import settings
from bot.demo.clock import FastClock
from bot.demo.slack.records import Message, Reply
from bot.demo.world import ANA, BEN, OPS, OfflineWorld
from bot.slack.messages.ids import (
    APPROVE,
    ASK_AGAIN,
    BREAK_GLASS,
    DESCRIPTION,
    NAME,
    REASON,
    REJECT,
    WITHDRAW,
)
from tests.stepped_clock import SteppedClock

SPEED = 600  # ten minutes a second
DEADLINE = 10.0  # seconds of real time for something to be said

CONFIG = """
[approval]
approvers = ["S0DBA"]
[[rule]]
instances = ["dev-*"]
approvals = 0
[aliases]
orders = "orders-prod"
"""


class Story:
    """What happens, in the words of those who make it happen."""

    def __init__(
        self, world: OfflineWorld, environ: dict[str, str], clock: SteppedClock | FastClock
    ):
        self.workspace = world.workspace
        self.region = world.region
        self.environ = environ
        self.clock = clock

    @asynccontextmanager
    async def bot(self) -> AsyncIterator[None]:
        """The bot runs for as long as the block lasts."""
        async with running(settings.load(self.environ, http=False), clock=self.clock):
            yield

    async def types(self, text: str, *, who: str = ANA, twice: bool = False) -> Reply:
        """Somebody types `/backup …`."""
        return await self.workspace.command(who, OPS, "/backup", text, deliver_twice=twice)

    async def asks(self, text: str = "create orders before-42", *, who: str = ANA) -> Message:
        """Somebody asks, and the card is up."""
        cards = len(self.cards)
        reply = await self.types(text, who=who)
        assert reply.error is None
        await self.workspace.until(
            lambda: len(self.cards) > cards and self.cards[-1].buttons, DEADLINE
        )
        return self.cards[-1]

    async def approves(self, card: Message, *, who: str = BEN, stale: bool = False) -> str:
        """Somebody clicks Approve; what only they read."""
        return await self._clicks(card, APPROVE, who, stale=stale)

    async def withdraws(self, card: Message, *, who: str = ANA, stale: bool = False) -> str:
        """Somebody clicks Withdraw; what only they read."""
        return await self._clicks(card, WITHDRAW, who, stale=stale)

    async def rejects(
        self, card: Message, *, who: str = BEN, why: str = "not tonight", stale: bool = False
    ) -> str:
        """Somebody clicks Reject and says why, if they are asked; what only they read."""
        return await self._fills_in(card, REJECT, who, {REASON: why}, stale=stale)

    async def breaks_glass(
        self, card: Message, *, who: str = ANA, why: str = "the disk is dying", stale: bool = False
    ) -> str:
        """Somebody starts it without approval, if they may; what only they read."""
        return await self._fills_in(card, BREAK_GLASS, who, {REASON: why}, stale=stale)

    async def asks_again(
        self, card: Message, *, who: str = ANA, name: str | None = None, why: str | None = None
    ) -> str:
        """Somebody clicks Request again and sends the form, as is or changed; what they read."""
        changed = {NAME: name, DESCRIPTION: why}
        values = {field: text for field, text in changed.items() if text is not None}
        return await self._fills_in(card, ASK_AGAIN, who, values)

    async def _clicks(self, card: Message, action: str, who: str, *, stale: bool) -> str:
        heard = len(self.workspace.ephemerals(who))
        reply = await self.workspace.click(who, card.ts, action, stale=stale)
        assert reply.error is None
        await self.workspace.until(lambda: len(self.workspace.ephemerals(who)) > heard, DEADLINE)
        return self.heard(who)

    async def _fills_in(
        self, card: Message, action: str, who: str, values: dict[str, str], *, stale: bool = False
    ) -> str:
        """Click, and send the form that opens; if none does, what was said instead."""
        heard = len(self.workspace.ephemerals(who))
        reply = await self.workspace.click(who, card.ts, action, stale=stale)
        assert reply.error is None
        await self.workspace.until(
            lambda: self.workspace.modal(who) or len(self.workspace.ephemerals(who)) > heard,
            DEADLINE,
        )
        if self.workspace.modal(who) is None:
            return self.heard(who)
        reply = await self.workspace.submit(who, values)
        assert reply.error is None
        text = self.form(who)
        if not reply.errors:
            await self.workspace.close_modal(who)
        return text

    def form(self, who: str) -> str:
        """The form that is open before this person, as they read it."""
        view = self.workspace.modal(who)
        assert view is not None
        return self.workspace.read_view(view)

    def heard(self, who: str) -> str:
        """The last thing that only this person sees."""
        return self.workspace.read(self.workspace.ephemerals(who)[-1])

    async def hears(self, words: str, *, who: str = ANA) -> str:
        """Wait until this person alone is told something with these words."""
        await self.workspace.until(
            lambda: any(words in self.workspace.read(m) for m in self.workspace.ephemerals(who)),
            DEADLINE,
        )
        return self.heard(who)

    @property
    def cards(self) -> list[Message]:
        """All cards in the channel."""
        return [m for m in self.workspace.messages(OPS) if not m.is_reply]

    def thread(self, card: Message) -> list[str]:
        """What stands under a card."""
        return [self.workspace.read(line) for line in self.workspace.thread(OPS, card.ts)]

    async def until_said(
        self, card: Message, words: str, *, timeout_seconds: float = DEADLINE
    ) -> str:
        """Wait for a line in a card's thread."""
        found = await self.workspace.until(
            lambda: [line for line in self.thread(card) if words in line], timeout_seconds
        )
        return found[0]

    @property
    def creates(self) -> int:
        """How many creates RDS has seen."""
        return sum(call.method == "POST" for call in self.region.calls)

    def made(self, name: str) -> int:
        """How many backups of this name RDS has."""
        return sum(backup.name == name for backup in self.region.backups)


Opens = Callable[..., AbstractAsyncContextManager[Story]]


def beginning(line: str) -> str:
    """Return what a thread line says first, without the IDs and figures that follow."""
    return re.split(r": | as backup `|\. RDS: ", line)[0]
