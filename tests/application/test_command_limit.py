"""How many commands one person may send."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from slack_bolt.async_app import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext

from bot.application.command_limit import LIMIT, RateLimit
from bot.application.origin import Origin
from bot.domain.commands import Typed
from bot.domain.errors import TooManyCommands
from bot.slack.messages.answers import refusal
from handlers import Services, commands
from handlers.forms import send_form
from tests.stepped_clock import SteppedClock

ANA, BEN = "U0ANA", "U0BEN"


def send(limit: RateLimit, times: int = LIMIT) -> None:
    for _ in range(times):
        limit.check(ANA)


def test_who_sends_too_many_hears_when_to_go_on() -> None:
    """To the second, and then it is so."""
    clock = SteppedClock()
    limit = RateLimit(clock)
    send(limit, 1)
    clock.advance(seconds=48)
    send(limit, LIMIT - 1)
    with pytest.raises(TooManyCommands) as refused:
        limit.check(ANA)

    words = refusal(refused.value, "/backup").text
    assert words == f"You've sent {LIMIT} commands in the last minute. Try again in 12 s."
    clock.advance(seconds=12)
    limit.check(ANA)


def test_what_was_refused_does_not_count() -> None:
    """Whoever keeps trying gets in as soon as somebody who waited."""
    clock = SteppedClock()
    limit = RateLimit(clock)
    send(limit)
    for _ in range(1000):
        with pytest.raises(TooManyCommands):
            limit.check(ANA)
    clock.advance(seconds=60)

    send(limit)


def test_others_are_not_concerned() -> None:
    """Each person has a limit of their own."""
    limit = RateLimit(SteppedClock())
    send(limit)

    limit.check(BEN)


def test_a_crowd_is_forgotten() -> None:
    """Memory does not grow with the people who ever sent anything."""
    limit = RateLimit(SteppedClock())
    for number in range(20_000):
        limit.check(f"U{number}")

    assert len(limit._sent) == 10_000  # noqa: SLF001, nothing else shows it


async def test_a_command_over_the_limit_touches_nothing() -> None:
    """Neither RDS nor Slack nor the database, nor does anybody read what it says."""
    limit = RateLimit(SteppedClock())
    send(limit)
    services = cast(Services, SimpleNamespace(rate_limit=limit))
    command = {"user_id": ANA, "channel_id": "C0OPS", "text": "create orders " * 3000}
    nothing: Any = None

    with pytest.raises(TooManyCommands):
        await commands.backup(services, nothing, nothing, nothing, command, AsyncBoltContext())


async def test_a_form_over_the_limit_keeps_what_was_typed() -> None:
    """The answer stands beside a field."""
    limit = RateLimit(SteppedClock())
    send(limit)
    services = cast(Services, SimpleNamespace(rate_limit=limit, command="/backup"))
    asked = Origin(ANA, "T0DEMO", "C0OPS", "view-1", None)
    acks: list[dict[str, Any]] = []

    async def ack(**answer: Any) -> None:
        acks.append(answer)

    await send_form(services, cast(AsyncAck, ack), {}, Typed("orders"), asked, {"name": "name"})

    assert acks == [
        {
            "response_action": "errors",
            "errors": {"name": "You've sent 600 commands in the last minute. Try again in 60 s."},
        }
    ]
