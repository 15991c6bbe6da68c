"""A shutdown cuts nothing in two."""

import asyncio

from bot.lifecycle.gate import Gate


async def test_who_is_inside_may_finish() -> None:
    """Closing waits for a call under way and the writing down of its result."""
    gate, answered = Gate(), asyncio.Event()
    done: list[str] = []

    async def call() -> None:
        async with gate:
            await answered.wait()
            done.append("written down")

    calling = asyncio.create_task(call())
    await asyncio.sleep(0)
    closing = asyncio.create_task(gate.close(5))
    await asyncio.sleep(0)
    answered.set()

    assert await closing
    assert done == ["written down"]
    await calling


async def test_who_comes_later_waits_for_the_next_start() -> None:
    """Behind a closed gate nothing begins, and nothing fails."""
    gate = Gate()
    await gate.close(0)
    late = asyncio.create_task(gate.__aenter__())
    await asyncio.sleep(0.01)

    assert not late.done()
    late.cancel()
    await asyncio.gather(late, return_exceptions=True)


async def test_who_takes_too_long_is_cut_off() -> None:
    """The shutdown has a limit: whatever hangs is looked up at the next start."""
    gate = Gate()
    async with gate:
        assert not await gate.close(0.01)
