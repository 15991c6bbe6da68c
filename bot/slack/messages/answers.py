"""Answers that only the asker sees; the longer ones have files of their own."""

from slack_sdk.models.blocks import ActionsBlock, ButtonElement

from bot.application.policy_queries import PolicyView
from bot.domain.clicks import Click, ClickResult
from bot.domain.commands import CommandError, Typed
from bot.domain.decisions import AskVerdict
from bot.domain.errors import (
    AmbiguousInstance,
    CannotPost,
    NameTaken,
    RdsError,
    ReadReplica,
    UnknownInstance,
    UserError,
)
from bot.domain.fields import LONGEST_DESCRIPTION, LONGEST_INSTANCE, LONGEST_NAME, Problem
from bot.domain.folding import fold
from bot.domain.requests import BackupRequest
from bot.domain.states import Retention
from bot.slack.messages.help import help_message
from bot.slack.messages.ids import FIX, TypedCommand
from bot.slack.messages.mrkdwn import (
    LONGEST_TEXT,
    LONGEST_WORD,
    Message,
    code,
    mention,
    plain,
    said,
    spoken,
)
from bot.slack.messages.policies import policy_answer, policy_overview, verdict_words
from bot.slack.messages.reasons import reason, told
from bot.slack.messages.request_lines import one_request, pending_message, status_message
from bot.slack.messages.tables import backups_table, instances_table, made_table
from bot.slack.messages.trail import audit_answer
from bot.slack.messages.verdicts import UNKNOWN, WORDS
from bot.slack.messages.words import ask_again, kept, nothing, upper, what, wish

__all__ = [
    "accepted",
    "audit_answer",
    "backups_table",
    "click_answer",
    "fixable",
    "form_not_opened",
    "help_message",
    "in_plain_text",
    "instances_table",
    "kept_answer",
    "late_refusal",
    "made_table",
    "not_posted",
    "objection",
    "one_request",
    "other_command",
    "outdated_button",
    "outdated_form",
    "pending_message",
    "policy_answer",
    "policy_overview",
    "put_off",
    "refusal",
    "status_message",
    "takes_time",
    "unexpected",
    "unknown_request",
    "without_keys",
]

IN_THE_TEXT = UnknownInstance, AmbiguousInstance, ReadReplica, NameTaken


def accepted(request: BackupRequest, command: str) -> Message:
    """The ack of a command that is on disk; the same one delivered twice gets it again."""
    until = f", {kept(request)}" if request.keep else ""
    return said(
        f"Asked: {wish(request)}{until}. "
        "I check it with RDS, then its card comes up in the channel, or I tell you why not. "
        f"Nothing has started yet. {code(command + ' status ' + request.name)} tells how it is."
    )


def refusal(
    error: UserError | RdsError, command: str, nothing: str = "Nothing was started."
) -> Message:
    """What is wrong, and what to send instead."""
    if isinstance(error, CommandError):
        lines = [_bullet(problem) for problem in error.problems]
        todo = f"{code(command + ' help')} shows how."
        if error.corrected:
            todo = f"Send this: {code(error.corrected, LONGEST_TEXT + LONGEST_WORD)}"
        return said("\n".join(["This doesn't work yet:", *lines, todo]))
    if isinstance(error, IN_THE_TEXT):
        return said(f"This doesn't work yet:\n• {' '.join(reason(error))}")
    return said(told(error, nothing))


def _bullet(problem: Problem) -> str:
    word = code(problem.word) if problem.word else ""
    tried = f"Try {code(problem.suggestion)}." if problem.suggestion else ""
    return "• " + " ".join(filter(None, (word, plain(problem.text), tried)))


def fixable(message: Message, typed: Typed) -> Message:
    """The same, with a button that opens a form with what was typed."""
    carried = TypedCommand(
        # Cut, it might be another instance's name.
        instance=fold(typed.instance) if len(typed.instance) <= LONGEST_INSTANCE else "",
        name=fold(typed.name)[:LONGEST_NAME],
        description=fold(typed.description)[:LONGEST_DESCRIPTION],
        keep=fold(typed.keep)[:LONGEST_NAME],
    )
    button = ButtonElement(text="Fix in a form", action_id=FIX, value=carried.build())
    return Message(message.text, (*message.blocks, ActionsBlock(elements=[button])))


def in_plain_text(error: UserError) -> str:
    """Why not, and what to do, to stand beside a field, where Slack reads no marks."""
    return spoken(" ".join(reason(error))).replace("&amp;", "&")


def objection(view: PolicyView) -> str:
    """Why this person may not ask for the instance; nothing if they may."""
    if view.decision.verdict in (AskVerdict.NEEDS_APPROVAL, AskVerdict.RUNS_AT_ONCE):
        return ""
    return verdict_words(view.decision.verdict, view.terms, view.able, "")


def kept_answer(request: BackupRequest | None, user_id: str) -> Message:
    """What somebody hears who pressed Keep it."""
    if request is None:
        return unknown_request()
    shown = code(request.name)
    match request.retention:
        case Retention.KEPT:
            who = "You keep" if request.kept_by == user_id else f"{_who(request.kept_by)} keeps"
            return said(f"{who} {shown}: it is not deleted by itself any more.")
        case Retention.DELETING:
            return said(f"Too late: {shown} is being deleted. This can't be undone.")
        case Retention.DELETED:
            return said(f"Too late: {shown} has been deleted. This can't be undone.")
        case _:
            return said(f"{shown} stays already: nothing was changed.")


def _who(user_id: str | None) -> str:
    return mention(user_id) if user_id else "Somebody"


def takes_time() -> Message:
    """The ack of what RDS has not answered yet."""
    return said("RDS takes its time. The answer comes here as soon as RDS gives it.")


def not_posted(error: CannotPost, request: BackupRequest, command: str) -> Message:
    """The request has no place to be approved in; the command saves typing it again."""
    refused = f"{upper(what(request))} was refused."
    return said(f"{refused} {told(error)} {ask_again(request, command)}")


def put_off(request: BackupRequest, command: str = "/backup") -> Message:
    """RDS was away when the request was to be looked up, and there is no card yet."""
    return said(
        f"RDS does not answer at the moment, so there is no card yet: {wish(request)}. Your "
        "request is kept, and the card comes up as soon as RDS answers. Nothing has started yet. "
        f"{code(f'{command} withdraw {request.name}')} takes it back."
    )


def without_keys(request: BackupRequest, command: str = "/backup") -> Message:
    """RDS refused the bot's keys when the request was to be looked up; there is no card yet."""
    return said(
        "RDS rejected the bot's access key, so I can't post the card yet. I've saved your request "
        f"to {wish(request)}, and I'll post its card once the bot's operator has renewed the key. "
        f"Nothing has started yet. To cancel: {code(f'{command} withdraw {request.name}')}"
    )


def late_refusal(error: UserError | RdsError, request: BackupRequest) -> Message:
    """What came of a request that had been accepted; by now they may have made others."""
    named = f"I couldn't {wish(request)}."
    return said(f"{named} {told(error, nothing(request))}")


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


def outdated_form() -> Message:
    """A form that this release does not open."""
    return said(
        "This form is from another version of the bot, so nothing was changed. "
        "Close it and open a new one."
    )


def other_command(came: str, command: str) -> Message:
    """A slash command that the app has in Slack, and the bot isn't set up for."""
    return said(
        f"{code(came)} isn't set up, so nothing was started. Try {code(command + ' help')}. "
        "If that doesn't work either, the bot's operator needs to set `BACKUP_BOT_COMMAND` "
        f"to {code(came)}."
    )
