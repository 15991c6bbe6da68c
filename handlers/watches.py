"""Answers about what is watched, and how well it is protected."""

from bot.application.origin import Origin
from bot.domain.commands import ShowPosture, ShowWatches, UnwatchInstances, WatchInstances
from bot.slack.messages import postures, watches
from bot.slack.messages.mrkdwn import Message
from handlers.pages import ENOUGH
from handlers.services import Services

Watching = WatchInstances | UnwatchInstances | ShowWatches | ShowPosture


async def watching(services: Services, command: Watching, origin: Origin) -> Message:
    """Begin or end a watch, list them, or show how well instances are protected."""
    found, name = services.watches, services.command
    match command:
        case WatchInstances():
            return watches.watch_added(await found.add(command, origin, ENOUGH), name)
        case UnwatchInstances():
            return watches.watch_removed(await found.remove(command, origin), name)
        case ShowWatches():
            if command.test is None:
                return watches.watches_message(await found.of_channel(origin), name)
            return watches.watch_test(await found.test(command.test, ENOUGH), name)
        case ShowPosture():
            if command.instance is None:
                return postures.postures_message(await found.postures(origin.channel_id), name)
            shown = await found.posture(command.instance, ENOUGH)
            return postures.posture_message(shown, found.now(), name)
