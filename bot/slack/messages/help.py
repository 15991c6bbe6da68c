"""How to use the command, in short and one verb at a time."""

from bot.domain.verbs import VERBS
from bot.slack.messages.mrkdwn import Message, code, escape, said


def help_message(command: str, verb_name: str | None = None) -> Message:
    """All verbs, or one that exists."""
    if verb_name is None:
        lines = [f"{code(f'{command} {verb.usage}')} {verb.summary}." for verb in VERBS.values()]
        lines.append(f"{code(command)} alone opens a form.")
        verb = VERBS["create"]
    else:
        verb = VERBS[verb_name]
        lines = [f"{code(f'{command} {verb.usage}')} {verb.summary}.", escape(verb.details)]
    example = f"For example: {code(f'{command} {verb.example}')}"
    return said("\n".join(filter(None, (*lines, example))))
