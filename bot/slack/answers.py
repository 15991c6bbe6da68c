"""Answers that only the asker sees; the longer ones have files of their own."""

from bot.domain.clicks import Click, ClickResult
from bot.domain.commands import CommandError
from bot.domain.errors import (
    AmbiguousInstance,
    CannotPost,
    NameTaken,
    RdsError,
    ReadReplica,
    UnknownInstance,
    UserError,
)
from bot.domain.fields import Problem
from bot.domain.requests import BackupRequest
from bot.slack.help import help_message
from bot.slack.mrkdwn import LONGEST_TEXT, LONGEST_WORD, Message, code, name, plain, said
from bot.slack.policies import policy_answer, policy_overview
from bot.slack.reasons import reason, told
from bot.slack.trail import audit_answer
from bot.slack.verdicts import UNKNOWN, WORDS
from bot.slack.words import ask_again

__all__ = [
    "accepted",
    "audit_answer",
    "click_answer",
    "form_not_opened",
    "help_message",
    "not_posted",
    "outdated_button",
    "policy_answer",
    "policy_overview",
    "put_off",
    "refusal",
    "unexpected",
    "unknown_request",
]

IN_THE_TEXT = UnknownInstance, AmbiguousInstance, ReadReplica, NameTaken


def accepted(request: BackupRequest, command: str) -> Message:
    """The ack of a command that is on disk; the same one delivered twice gets it again."""
    return said(
        f"Asked: back up {name(request.instance_name)} as {code(request.name)}. "
        "I check it with RDS, then its card comes up in the channel, or I tell you why not. "
        f"Nothing has started yet. {code(command + ' help')} tells more."
    )


def refusal(error: UserError | RdsError, command: str) -> Message:
    """What is wrong, and what to send instead."""
    if isinstance(error, CommandError):
        lines = [_bullet(problem) for problem in error.problems]
        todo = f"{code(command + ' help')} shows how."
        if error.corrected:
            todo = f"Send this: {code(error.corrected, LONGEST_TEXT + LONGEST_WORD)}"
        return said("\n".join(["This doesn't work yet:", *lines, todo]))
    if isinstance(error, IN_THE_TEXT):
        return said(f"This doesn't work yet:\n• {' '.join(reason(error))}")
    return said(told(error))


def _bullet(problem: Problem) -> str:
    word = code(problem.word) if problem.word else ""
    tried = f"Try {code(problem.suggestion)}." if problem.suggestion else ""
    return "• " + " ".join(filter(None, (word, plain(problem.text), tried)))


def not_posted(error: CannotPost, request: BackupRequest, command: str) -> Message:
    """The request has no place to be approved in; the command saves typing it again."""
    what = f"The backup of {name(request.instance_name)} was refused."
    return said(f"{what} {told(error)} {ask_again(request, command)}")


def put_off(request: BackupRequest) -> Message:
    """RDS was away when the request was to be looked up, and there is no card yet."""
    return said(
        f"RDS does not answer at the moment, so there is no card yet: back up "
        f"{name(request.instance_name)} as {code(request.name)}. Your request is kept, and the "
        "card comes up as soon as RDS answers. Nothing has started yet."
    )


def unexpected(reference: str) -> Message:
    """Something that has no words; `reference` stands in the log."""
    return said(
        f"Something broke on my side, and I can't say what (reference {code(reference)}). "
        "If the channel shows no sign of it within a minute, send it again; if it breaks again, "
        "give the reference to whoever runs the bot."
    )


def click_answer(result: ClickResult, click: Click) -> Message:
    """What a click came to, for the one who clicked."""
    if result.request is None:
        return unknown_request()
    return said(WORDS[result.verdict](result.request, click))


def unknown_request() -> Message:
    """A button or a form about nothing that the store knows, or that this workspace asked."""
    return said(UNKNOWN)


def form_not_opened() -> Message:
    """Slack wants a form within three seconds, and did not open this one."""
    return said("Slack did not open the form, so nothing was changed. Press the button again.")


def outdated_button() -> Message:
    """A button that this release does not draw."""
    return said(
        "This button is from another version of the bot, and did nothing. "
        "Use the buttons of a newer card, or the command."
    )
