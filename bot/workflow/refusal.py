"""End a request that cannot be started."""

from bot.domain.audit import AuditAction
from bot.domain.errors import RdsRefused, UserError
from bot.domain.requests import BackupRequest, Refusal
from bot.domain.states import RequestState
from bot.workflow.context import StepContext


async def refuse(
    context: StepContext, request: BackupRequest, error: UserError | RdsRefused
) -> RequestState:
    """Keep the reason, and end it there."""
    refusal = Refusal.of(error)
    moved = await context.move(
        request,
        RequestState.REFUSED,
        AuditAction.REFUSED,
        _why(error, refusal.code),
        refusal=refusal,
        finished_at=context.clock.now(),
        rds_request_id=getattr(error, "request_id", None),
    )
    return moved.state


def _why(error: UserError | RdsRefused, code: str) -> dict[str, str]:
    if not isinstance(error, RdsRefused):
        return {"reason": code}
    return {"reason": error.reason.value} | error.for_support
