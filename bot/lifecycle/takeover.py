"""What a replica that died had under way goes on in another."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

import structlog
from dbos import DBOS

from bot.clock import Clock
from bot.lifecycle.workflow import Lifecycle
from bot.metrics import RECOVERIES

log = structlog.get_logger(__name__)

EVERY = 5.0  # seconds between two looks for the dead


class Replica(Protocol):
    def the_dead(self) -> AbstractAsyncContextManager[list[str]]: ...


async def take_over(replica: Replica, lifecycle: Lifecycle, clock: Clock) -> None:
    """Look for the dead, ever and again, and let the living carry on what they left.

    DBOS itself recovers only what the same executor id left (measured with 3.4).
    """
    while True:
        async with replica.the_dead() as dead:
            for replica_id in dead:
                await _resume(replica_id)
        if dead:
            await lifecycle.begin_asked()  # what was on disk, and had no workflow yet
        await clock.sleep(EVERY)


async def _resume(replica_id: str) -> None:
    left = await DBOS.list_workflows_async(
        status=["PENDING"], executor_id=replica_id, load_input=False, load_output=False
    )
    for workflow in left:
        await DBOS.resume_workflow_async(workflow.workflow_id)
    RECOVERIES.inc(len(left))
    if left:
        log.warning("work_taken_over", replica=replica_id, requests=len(left))
