"""How to use the command, in short and a verb at a time."""

from bot.domain.fields import FORBIDDEN
from bot.slack.mrkdwn import Message, code, said

VERBS = {  # the verb → what follows it, what it does, and an example
    "create": (
        "create <instance> <name> [description]",
        "asks for a backup: I check it with RDS and put it up for approval",
        "create orders-prod before-migration-42 for the upgrade",
    ),
    "policy": (
        "policy [instance]",
        "says who may ask, who may approve, and by which rule",
        "policy orders-prod",
    ),
    "audit": (
        "audit <instance>",
        "shows who did what and when, to those who may read it",
        "audit orders-prod",
    ),
    "help": ("help [verb]", "tells more of one verb", "help create"),
}
MORE = {
    "create": (
        "• *instance*: its id, its name or an alias.\n"
        "• *name*: 4 to 64 letters, digits, `-` and `_`, a letter first, and not used before.\n"
        "• *description*: why, for whoever decides; at most 256 characters, "
        f"none of {code(' '.join(FORBIDDEN))}.\n"
        "The backup starts once it is approved; the thread of its card says how it goes."
    ),
    "policy": "Without an instance it shows every rule; the first that covers one decides.",
    "audit": "It shows the last 20 entries; `backup-bot audit export` where the bot runs has all.",
    "help": "",
}


def help_message(command: str, verb: str | None = None) -> Message:
    """All verbs, or one that exists."""
    if verb is None:
        lines = [f"{code(f'{command} {usage}')} {does}." for usage, does, _ in VERBS.values()]
        verb = "create"
    else:
        usage, does, _ = VERBS[verb]
        lines = [f"{code(f'{command} {usage}')} {does}.", MORE[verb]]
    example = f"For example: {code(f'{command} {VERBS[verb][2]}')}"
    return said("\n".join(filter(None, (*lines, example))))
