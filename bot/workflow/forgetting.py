"""Delete the journal of requests that have ended."""

from collections.abc import Collection

from dbos import DBOS, WorkflowStatus

from bot.workflow.reconciling import UNDER_WAY, request_of
from bot.workflow.workflow import workflow_id_of

SEVERAL = 4  # workflows of a request that are looked for together; most have one


async def forget(request_ids: Collection[str]) -> list[str]:
    """Delete these requests' workflows; return the requests of which none is left.

    A workflow that hasn't ended stays, and so does its request.
    """
    workflows = await _workflows(request_ids)
    busy = {request_of(w) for w in workflows if w.status in UNDER_WAY}
    over = [w.workflow_id for w in workflows if request_of(w) not in busy]
    if over:
        await DBOS.delete_workflows_async(over)
    return [request_id for request_id in request_ids if request_id not in busy]


async def _workflows(request_ids: Collection[str]) -> list[WorkflowStatus]:
    """Return all workflows of requests, by their exact ids: a prefix would scan the journal."""
    found: list[WorkflowStatus] = []
    attempt = 1
    while request_ids:
        attempts = range(attempt, attempt + SEVERAL)
        listed = await DBOS.list_workflows_async(
            workflow_ids=[workflow_id_of(r, n) for r in request_ids for n in attempts],
            load_input=False,
            load_output=False,
        )
        found += listed
        full = {w.workflow_id for w in listed}
        request_ids = [r for r in request_ids if workflow_id_of(r, attempts[-1]) in full]
        attempt += SEVERAL
    return found
