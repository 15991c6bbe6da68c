"""Delete the journal of requests that have ended."""

from collections.abc import Collection

from dbos import DBOS

from bot.workflow.journal import UNDER_WAY, request_of, workflows_of


async def forget(request_ids: Collection[str]) -> list[str]:
    """Delete these requests' workflows; return the requests of which none is left.

    A workflow that hasn't ended stays, and so does its request.
    """
    workflows = await workflows_of(request_ids)
    busy = {request_of(w) for w in workflows if w.status in UNDER_WAY}
    over = [w.workflow_id for w in workflows if request_of(w) not in busy]
    if over:
        await DBOS.delete_workflows_async(over)
    return [request_id for request_id in request_ids if request_id not in busy]
