"""The backups that the bot made and did not delete."""

from bot.application.made_backups import made_here
from bot.domain.requests import Kind
from bot.domain.states import RequestState, Retention
from tests.fakes import BILLING, ORDERS, UseCases


async def test_they_come_newest_first(cases: UseCases) -> None:
    """All of one name, of any instance or of one."""
    older = await cases.made(1, name="again")
    newer = await cases.made(2, name="again", instance=BILLING)
    await cases.made(3, name="other")

    assert await made_here(cases.store, "again") == [newer, older]
    assert await made_here(cases.store, "again", ORDERS.id) == [older]


async def test_a_failed_one_is_there_as_well(cases: UseCases) -> None:
    """RDS keeps it, and its name."""
    failed = await cases.made(1, state=RequestState.FAILED)

    assert await made_here(cases.store, "before-1") == [failed]


async def test_what_is_open_refused_or_lost_made_nothing(cases: UseCases) -> None:
    """Nor did a request for a deletion."""
    states = RequestState.RUNNING, RequestState.REFUSED, RequestState.LOST
    for number, state in enumerate(states):
        await cases.has(number, name="again", state=state)
    await cases.made(9, name="again", kind=Kind.DELETE)
    await cases.made(10, name="again", instance=None)

    assert await made_here(cases.store, "again") == []


async def test_what_the_bot_deleted_is_left_out(cases: UseCases) -> None:
    """On request, or when its time was up; another of the same name stays."""
    await cases.deleted(2, await cases.made(1, name="again"))
    await cases.made(3, name="again", retention=Retention.DELETED)
    kept = await cases.made(4, name="again", retention=Retention.KEPT)

    assert await made_here(cases.store, "again") == [kept]
