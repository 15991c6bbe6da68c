"""Explain the slash command: all of it in short, or one verb in detail."""

from bot.domain.verbs import VERBS
from bot.slack.messages.mrkdwn import Message, code, escape, said


def help_message(command: str, verb_name: str | None = None) -> Message:
    """Explain every verb, or the given one, which must exist."""
    if verb_name is None:
        lines = [f"{code(f'{command} {verb.usage}')} {verb.summary}." for verb in VERBS.values()]
        lines.append(f"{code(command)} on its own opens a form.")
        verb = VERBS["create"]
    else:
        verb = VERBS[verb_name]
        lines = [f"{code(f'{command} {verb.usage}')} {verb.summary}.", escape(verb.details)]
    example = f"For example: {code(f'{command} {verb.example}')}"
    return said("\n".join(filter(None, (*lines, example))))
