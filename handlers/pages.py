"""Pages of lists, as commands show them and buttons turn them."""

from bot.application.origin import Origin
from bot.domain.errors import RdsUnreachable
from bot.slack.messages import answers
from bot.slack.messages.mrkdwn import Message
from handlers.services import Services

ENOUGH = 60.0  # seconds for RDS; the ack doesn't wait that long


async def backups_page(
    services: Services, instance: str | None, origin: Origin, *, every: bool, number: int = 0
) -> Message:
    """Return a page of an instance's backups, or of those that this bot made."""
    teams = services.seen_by(origin)
    if instance is None:
        return answers.made_table(await services.inventory.made(number, teams), services.command)
    try:
        view = await services.inventory.backups(
            instance, teams, every=every, number=number, timeout_seconds=ENOUGH
        )
    except TimeoutError:
        raise RdsUnreachable("slow") from None
    return answers.backups_table(view, services.command)


async def instances_page(
    services: Services, like: str | None, origin: Origin, *, number: int = 0
) -> Message:
    """Return a page of the instances."""
    view = await services.inventory.instances(like, origin, number=number, timeout_seconds=ENOUGH)
    return answers.instances_table(view, services.command)
