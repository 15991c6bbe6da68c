"""Every state, line, error and click: Slack takes the message, whatever people wrote in it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import errors as domain_errors
from bot.domain.clicks import Click, ClickResult
from bot.domain.commands import CommandError
from bot.domain.errors import BotError, CannotPost, RdsError, SlackUnreachable, UserError
from bot.domain.policy import Terms, Verdict
from bot.domain.progress import History
from bot.domain.requests import BackupRequest, Choice, Line, RequestState
from bot.slack import answers
from bot.slack.cards import request_card
from bot.slack.mrkdwn import Message
from bot.slack.replies import thread_line
from tests.slack.block_kit import check
from tests.slack.samples import DECIDED_AT, TERMS, asked, errors, in_every_state

HOSTILE = ["<!channel>", "<!here|x>", "<@U0EVE>", "`", "*", "~", "_", "&", "&lt;", "\n", "\u202e"]
POLICIES = [
    TERMS,
    Terms(),
    Terms(approvals=0, rule="rule 1 (dev-*, <!channel>)"),
    Terms(approvals=2, approvers=tuple(f"U0BEN,{n}" for n in range(99)), self_approval=True),
]


def texts() -> st.SearchStrategy[str]:
    """What people could write to do mischief, up to 3 000 characters of it."""
    mischief = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=9), max_size=40).map("".join)
    return mischief | st.sampled_from([char * (3000 // len(char)) for char in HOSTILE])


def messages_about(request: BackupRequest) -> list[Message]:
    cards = [request_card(request, now=DECIDED_AT, with_plan=plan) for plan in (True, False)]
    lines = [line for line in Line if line is not Line.ENDED or request.state.is_final]
    clicks = [Click(request.id, choice, "U0CYD", "T0TEAM") for choice in Choice]
    return [
        *cards,
        *(thread_line(request, line, now=DECIDED_AT) for line in lines),
        *(
            answers.click_answer(ClickResult(verdict, request), click)
            for verdict in Verdict
            for click in clicks
        ),
        answers.accepted(request, "/backup"),
        answers.not_posted(CannotPost("C0OPS", "is_archived"), request, "/backup"),
    ]


@pytest.mark.parametrize("history", [History(), None], ids=["first", "usual"])
@pytest.mark.parametrize("terms", POLICIES, ids=["group", "default", "none", "two of many"])
@pytest.mark.parametrize("state", RequestState)
def test_slack_takes_every_message(
    state: RequestState, terms: Terms, history: History | None
) -> None:
    """All that is said about a request in any state, under any policy, keeps Slack's rules."""
    known = {} if history is None else {"history": history}

    for message in messages_about(in_every_state(asked(), terms, **known)[state]):
        check(message)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(instance=texts(), name=texts(), description=texts(), state=st.sampled_from(RequestState))
def test_nothing_is_smuggled_into_a_message(
    instance: str, name: str, description: str, state: RequestState
) -> None:
    """No name and no description becomes a mention, a link or an open code span."""
    for message in messages_about(in_every_state(asked(instance, name, description))[state]):
        check(message)


@settings(max_examples=40, deadline=None)
@given(text=texts())
def test_every_error_has_its_words(text: str) -> None:
    """A refusal is drawn for each error, whatever stands in it."""
    for error in errors(text):
        check(answers.refusal(error, "/backup"))


def test_no_error_is_forgotten() -> None:
    """Each error that a person can meet is among those tried above."""
    tried = {type(error) for error in errors()}
    bases = {BotError, UserError, RdsError}
    silent = {SlackUnreachable, domain_errors.SettingsError}  # the log's and the operator's
    known = {
        error
        for error in vars(domain_errors).values()
        if isinstance(error, type) and issubclass(error, BotError)
    }

    assert tried == {*known, CommandError} - bases - silent


@pytest.mark.parametrize(
    "message",
    [answers.help_message("/backup"), answers.unexpected("ab12"), answers.outdated_button()],
)
def test_slack_takes_what_is_about_no_request(message: Message) -> None:
    """Help, a fault and an old button are answered too."""
    check(message)


def test_a_click_on_nothing_is_answered() -> None:
    """A request that the store does not know is said to be unknown."""
    result = ClickResult(Verdict.UNKNOWN_REQUEST, None)
    message = answers.click_answer(result, Click("?", Choice.APPROVE, "U0CYD", "T0TEAM"))

    check(message)
    assert "I don't know this request" in message.text
