"""Explain the slash command: all of it in short, or one verb in detail."""

from bot.domain.fields import FORBIDDEN
from bot.slack.messages.mrkdwn import Message, code, said

VERBS = {  # the verb → what follows it, what it does, and an example
    "create": (
        "create [instance] [name] [description] [--keep 14d]",
        "requests a backup: I check it with RDS and post it for approval",
        "create orders-prod before-migration-42 for the upgrade",
    ),
    "list": (
        "list [instance] [--all]",
        "lists backups made by this bot, or those of one instance",
        "list orders-prod",
    ),
    "status": (
        "status [backup]",
        "shows a request's status; without a name, yours and everything running",
        "status before-migration-42",
    ),
    "instances": (
        "instances [part of a name]",
        "lists instances, their last successful backup, and whether you can request one",
        "instances orders",
    ),
    "pending": ("pending", "lists what is waiting for approval, yours first", "pending"),
    "withdraw": (
        "withdraw <backup>",
        "withdraws your pending request",
        "withdraw before-migration-42",
    ),
    "delete": (
        "delete <backup> [instance]",
        "requests the permanent deletion of a manual backup",
        "delete before-migration-42",
    ),
    "policy": (
        "policy [instance]",
        "shows who can request and approve backups, and by which rule",
        "policy orders-prod",
    ),
    "audit": (
        "audit <instance>",
        "shows the audit log of an instance (auditors only)",
        "audit orders-prod",
    ),
    "help": ("help [verb]", "explains one command", "help create"),
}
MORE = {
    "create": (
        "• *instance*: its ID, its name or an alias. Without one, a form opens.\n"
        "• *name*: 4–64 letters, digits, `-` or `_`, starting with a letter. Must be unique in "  # noqa: RUF001, a range
        "RDS. Without one, I build it from the instance and the time.\n"
        "• *description*: the reason, shown to approvers. Up to 256 characters; "
        f"not allowed: {code(' '.join(FORBIDDEN))}.\n"
        "• *--keep*: delete it automatically after `14d`, `2w` or `36h`. I'll post a notice the "
        "day before; anyone can keep it. Without this, it's kept until someone deletes it.\n"
        "The backup starts once it is approved; follow it in the thread of its card."
    ),
    "list": (
        "With `--all` it also lists automated backups, and incremental ones unless the instance "
        "has more than 300 backups."
    ),
    "status": "Use the backup's name, or the request's ID if it has none.",
    "instances": "Read replicas aren't listed: back up their primaries instead.",
    "pending": "Decide with the buttons on the cards.",
    "withdraw": "A backup that has started can no longer be stopped.",
    "delete": (
        "You confirm by typing its name, and then it needs the same approval as a backup. "
        "Automated and running backups can't be deleted. The instance is needed only for a "
        "backup that I didn't make."
    ),
    "policy": "Without an instance it lists every rule; the first one that matches applies.",
    "audit": (
        "Shows the last 20 entries. `backup-bot audit export`, run where the bot runs, writes all."
    ),
    "help": "",
}


def help_message(command: str, verb: str | None = None) -> Message:
    """Explain every verb, or the given one, which must exist."""
    if verb is None:
        lines = [f"{code(f'{command} {usage}')} {does}." for usage, does, _ in VERBS.values()]
        lines.append(f"{code(command)} on its own opens a form.")
        verb = "create"
    else:
        usage, does, _ = VERBS[verb]
        lines = [f"{code(f'{command} {usage}')} {does}.", MORE[verb]]
    example = f"For example: {code(f'{command} {VERBS[verb][2]}')}"
    return said("\n".join(filter(None, (*lines, example))))
