"""Answers that only one person sees; the longer ones have modules of their own."""

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
from bot.slack.messages.words import action, ask_again, kept, nothing

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
    "no_card",
    "not_posted",
    "objection",
    "one_request",
    "other_command",
    "outdated_button",
    "outdated_form",
    "pending_message",
    "policy_answer",
    "policy_overview",
    "posted_twice",
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
    """The request is stored. A command that Slack delivers twice gets the same answer twice."""
    until = f", {kept(request)}" if request.keep else ""
    return said(
        f"Got it: {action(request)}{until}. "
        "I'm checking with RDS, then I'll post its card in the channel or tell you what's wrong. "
        f"Nothing has started yet. Track it with {code(command + ' status ' + request.name)}."
    )


def refusal(
    error: UserError | RdsError,
    command: str,
    nothing: str = "Nothing was started.",
    verb: str = "",
) -> Message:
    """What is wrong and what to send instead; `verb` is the one whose help to show, if known."""
    if isinstance(error, CommandError):
        lines = [_bullet(problem) for problem in error.problems]
        todo = f"See {code(f'{command} help {verb}'.rstrip())}."
        if error.corrected:
            todo = f"Try: {code(error.corrected, LONGEST_TEXT + LONGEST_WORD)}"
        return said("\n".join(["Please fix this:", *lines, todo]))
    if isinstance(error, IN_THE_TEXT):
        return said(f"Please fix this:\n• {' '.join(reason(error))}")
    return said(told(error, nothing))


def _bullet(problem: Problem) -> str:
    word = code(problem.word) if problem.word else ""
    tried = f"Try {code(problem.suggestion)}." if problem.suggestion else ""
    return "• " + " ".join(filter(None, (word, plain(problem.text), tried)))


def fixable(message: Message, typed: Typed) -> Message:
    """The message with a button that opens a form, prefilled with what was typed."""
    carried = TypedCommand(
        # A shortened name could be another instance's.
        instance=fold(typed.instance) if len(typed.instance) <= LONGEST_INSTANCE else "",
        name=fold(typed.name)[:LONGEST_NAME],
        description=fold(typed.description)[:LONGEST_DESCRIPTION],
        keep=fold(typed.keep)[:LONGEST_NAME],
    )
    button = ButtonElement(text="Fix in a form", action_id=FIX, value=carried.build())
    return Message(message.text, (*message.blocks, ActionsBlock(elements=[button])))


def in_plain_text(error: UserError) -> str:
    """The reason and the next step, to be shown beside a field, which is plain text."""
    return spoken(" ".join(reason(error))).replace("&amp;", "&")


def objection(view: PolicyView) -> str:
    """Why this person can't request a backup of the instance; empty if they can."""
    if view.decision.verdict in (AskVerdict.NEEDS_APPROVAL, AskVerdict.RUNS_AT_ONCE):
        return ""
    return verdict_words(view.decision.verdict, view.terms, view.able, "")


def kept_answer(request: BackupRequest | None, user_id: str) -> Message:
    """The answer to Keep backup."""
    if request is None:
        return unknown_request()
    shown = code(request.name)
    match request.retention:
        case Retention.KEPT:
            if request.kept_by == user_id:
                return said(f"{shown} will be kept; it will no longer be deleted automatically.")
            who = mention(request.kept_by) if request.kept_by else "Someone"
            return said(f"{who} already kept {shown}; it will no longer be deleted automatically.")
        case Retention.DELETING:
            return said(f"Too late: {shown} is being deleted. This can't be undone.")
        case Retention.DELETED:
            return said(f"Too late: {shown} has been deleted. This can't be undone.")
        case _:
            return said(f"{shown} is already being kept. Nothing changed.")


def takes_time() -> Message:
    """The first answer where RDS takes longer than Slack waits."""
    return said("RDS is slow. I'll post the result here when I have it.")


def not_posted(error: CannotPost, request: BackupRequest, command: str) -> Message:
    """The card could not be posted; the command saves typing the request again."""
    refused = f"I couldn't {action(request)}. {told(error, nothing(request))}"
    return said(f"{refused} {ask_again(request, command)}")


def no_card(error: CannotPost, request: BackupRequest) -> Message:
    """The card couldn't be posted, but the request is carried out: nobody has to approve it."""
    return said(
        f"{reason(error).why} I'll still {action(request)} and tell you here how it ends. "
        f"To follow it in the channel next time, invite me there with {code('/invite')}."
    )


def posted_twice(link: str) -> Message:
    """Instead of a card that was posted twice: a link to the one that is kept current."""
    return said(f"This card was posted twice. Use <{link}|the other one>.")


def put_off(request: BackupRequest, command: str = "/backup") -> Message:
    """RDS didn't respond when the request was to be checked, so there is no card yet."""
    return said(
        "RDS isn't responding, so I can't post the card yet. I've saved your request to "
        f"{action(request)}, and I'll post its card once RDS responds. "
        f"Nothing has started yet. To cancel: {code(f'{command} withdraw {request.name}')}"
    )


def without_keys(request: BackupRequest, command: str = "/backup") -> Message:
    """RDS rejected the bot's key when the request was to be checked, so there is no card yet."""
    return said(
        "RDS rejected the bot's access key, so I can't post the card yet. I've saved your request "
        f"to {action(request)}, and I'll post its card once the bot's operator has renewed the "
        f"key. Nothing has started yet. To cancel: {code(f'{command} withdraw {request.name}')}"
    )


def late_refusal(error: UserError | RdsError, request: BackupRequest) -> Message:
    """A stored request was refused. It is named, since its requester may have made others."""
    return said(f"I couldn't {action(request)}. {told(error, nothing(request))}")


def unexpected(reference: str) -> Message:
    """A fault of the bot; `reference` is in the log beside the traceback."""
    return said(
        f"Something went wrong on my side (reference {code(reference)}). "
        "If nothing appears within a minute, try again. If it happens again, give the reference "
        "to the bot's operator."
    )


def click_answer(result: ClickResult, click: Click) -> Message:
    """What a click came to, for the person who clicked."""
    if result.request is None:
        return unknown_request()
    return said(WORDS[result.verdict](result.request, click))


def unknown_request() -> Message:
    """A button or form of a request that doesn't exist, or belongs to another workspace."""
    return said(UNKNOWN)


def form_not_opened() -> Message:
    """Slack didn't open the form, which it only does within three seconds."""
    return said("Slack didn't open the form, so nothing was changed. Press the button again.")


def outdated_button() -> Message:
    """A button that this release doesn't know."""
    return said(
        "This button is from another version of the bot, so nothing was changed. "
        "Use the buttons on a newer card, or the command."
    )


def outdated_form() -> Message:
    """A form that this release doesn't know."""
    return said(
        "This form is from another version of the bot, so nothing was changed. "
        "Close it and open a new one."
    )


def other_command(came: str, command: str) -> Message:
    """A slash command that the Slack app has, and that the bot isn't set up for."""
    return said(
        f"{code(came)} isn't set up, so nothing was started. Try {code(command + ' help')}. "
        "If that doesn't work either, the bot's operator needs to set `BACKUP_BOT_COMMAND` "
        f"to {code(came)}."
    )
