"""How to use the command, in short and a verb at a time."""

from bot.domain.fields import FORBIDDEN
from bot.slack.messages.mrkdwn import Message, code, said

VERBS = {  # the verb → what follows it, what it does, and an example
    "create": (
        "create [instance] [name] [description] [--keep 14d]",
        "asks for a backup: I check it with RDS and put it up for approval",
        "create orders-prod before-migration-42 for the upgrade",
    ),
    "list": (
        "list [instance] [--all]",
        "shows the backups there are: those that I made, or those of an instance",
        "list orders-prod",
    ),
    "status": (
        "status [backup]",
        "says how a request stands; alone, yours and all that run",
        "status before-migration-42",
    ),
    "instances": (
        "instances [part of a name]",
        "shows instances, their last good backup, and whether you may ask",
        "instances orders",
    ),
    "pending": ("pending", "shows what waits for approval, yours to decide first", "pending"),
    "withdraw": (
        "withdraw <backup>",
        "takes back a request of yours that still waits",
        "withdraw before-migration-42",
    ),
    "delete": (
        "delete <backup> [instance]",
        "asks to delete a manual backup for good",
        "delete before-migration-42",
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
        "• *instance*: its id, its name or an alias. Without one a form opens.\n"
        "• *name*: 4 to 64 letters, digits, `-` and `_`, a letter first, and not used before. "
        "Without one I make it of the instance and the time.\n"
        "• *description*: why, for whoever decides; at most 256 characters, "
        f"none of {code(' '.join(FORBIDDEN))}.\n"
        "• *--keep*: delete it by itself after so long: `14d`, `2w`, `36h`. I say so a day "
        "before, and anybody can keep it then. Without it, it stays until somebody deletes it.\n"
        "The backup starts once it is approved; the thread of its card says how it goes."
    ),
    "list": (
        "With --all it shows automated backups too, and incremental ones unless the instance "
        "has more than 300 backups."
    ),
    "status": "A backup goes by its name; a request without one by the id that I gave it.",
    "instances": "Read replicas are left out: RDS backs up their primaries.",
    "pending": "The buttons to decide with stand on the cards.",
    "withdraw": "What has started cannot be stopped any more.",
    "delete": (
        "You type its name once more, and then it goes through the same approval as a backup. "
        "Automated backups, and those that still run, cannot be deleted. The instance is needed "
        "only for a backup that I did not make."
    ),
    "policy": "Without an instance it shows every rule; the first that covers one decides.",
    "audit": "It shows the last 20 entries; `backup-bot audit export` where the bot runs has all.",
    "help": "",
}


def help_message(command: str, verb: str | None = None) -> Message:
    """All verbs, or one that exists."""
    if verb is None:
        lines = [f"{code(f'{command} {usage}')} {does}." for usage, does, _ in VERBS.values()]
        lines.append(f"{code(command)} alone opens a form.")
        verb = "create"
    else:
        usage, does, _ = VERBS[verb]
        lines = [f"{code(f'{command} {usage}')} {does}.", MORE[verb]]
    example = f"For example: {code(f'{command} {VERBS[verb][2]}')}"
    return said("\n".join(filter(None, (*lines, example))))
