"""Every state, line, error and click: Slack takes the message, whatever people wrote in it."""

from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import errors as domain_errors
from bot.domain.clicks import Click, ClickResult
from bot.domain.commands import CommandError
from bot.domain.decisions import AskVerdict, Decision, Verdict
from bot.domain.errors import BotError, CannotPost, RdsError, SlackUnreachable, UserError
from bot.domain.policy import Policy, Rule, Terms
from bot.domain.progress import History
from bot.domain.requests import BackupRequest, Choice, Refusal
from bot.domain.states import RequestState, Retention
from bot.domain.thread_lines import ThreadLine
from bot.domain.verbs import VERBS
from bot.slack.messages import answers, views
from bot.slack.messages.cards import request_card
from bot.slack.messages.mrkdwn import Message
from bot.slack.messages.replies import thread_line
from tests.slack.block_kit import check, check_view
from tests.slack.samples import (
    DECIDED_AT,
    FULL_STORAGE,
    HISTORY,
    TERMS,
    asked,
    deletion_in_every_state,
    errors,
    expiring,
    in_every_state,
    trail,
)

HOSTILE = ["<!channel>", "<!here|x>", "<@U0EVE>", "`", "*", "~", "_", "&", "&lt;", "\n", "\u202e"]
CROWD = tuple(f"U0BEN,{n}" for n in range(99))  # no ids: shown as they are
POLICIES = {
    "group": TERMS,
    "default": Terms(),
    "none": Terms(approvals=0, rule="rule 1 (dev-*, <!channel>)"),
    "two of many": Terms(approvals=2, approvers=CROWD, self_approval=True, break_glass=CROWD),
    "silent": TERMS.model_copy(update={"notify": (), "break_glass": ("U0CYD",)}),
    "one called": TERMS.model_copy(update={"notify": ("U0BEN",), "break_glass": ("U0ANA",)}),
}


def texts() -> st.SearchStrategy[str]:
    """What people could write to do mischief, up to 3 000 characters of it."""
    mischief = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=9), max_size=40).map("".join)
    return mischief | st.sampled_from([char * (3000 // len(char)) for char in HOSTILE])


def messages_about(request: BackupRequest) -> list[Message]:
    cards = [request_card(request, now=DECIDED_AT, with_plan=plan) for plan in (True, False)]
    lines = [line for line in ThreadLine if line is not ThreadLine.ENDED or request.state.is_final]
    clicks = [
        Click(request.id, choice, user, "T0TEAM")
        for choice, user in product(Choice, ("U0ANA", "U0CYD"))
    ]
    return [
        *cards,
        *(thread_line(request, line, now=DECIDED_AT, subject="U0BEN") for line in lines),
        thread_line(request, ThreadLine.REMINDER, now=DECIDED_AT, subject="1", call=CROWD),
        *(
            answers.click_answer(ClickResult(verdict, request), click)
            for verdict in Verdict
            for click in clicks
        ),
        answers.accepted(request, "/backup"),
        answers.not_posted(CannotPost("C0OPS", "is_archived"), request, "/backup"),
        answers.no_card(CannotPost("C0OPS", "is_archived"), request),
        answers.posted_twice("https://acme.example/p1"),
        answers.put_off(request),
        answers.without_keys(request),
        answers.late_refusal(FULL_STORAGE, request),
    ]


def views_of(request: BackupRequest) -> list[dict[str, Any]]:
    return [
        views.reject_view(request),
        views.break_glass_view(request),
        views.ask_again_view(request, request.next_name),
        views.answer_view(request.description or "Why", answers.accepted(request, "/backup")),
    ]


@pytest.mark.parametrize(
    ("history", "glass"),
    [(HISTORY, False), (History(), False), (HISTORY, True)],
    ids=["usual", "first", "broken glass"],
)
@pytest.mark.parametrize("terms", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("state", RequestState)
def test_slack_takes_every_message(
    state: RequestState, terms: Terms, history: History, *, glass: bool
) -> None:
    """All that is said about a request in any state, under any policy, keeps Slack's rules."""
    request = in_every_state(asked(), terms, history, glass=glass)[state]

    for message in messages_about(request):
        check(message)
    for view in views_of(request):
        check_view(view)


@pytest.mark.parametrize("state", deletion_in_every_state())
def test_slack_takes_every_message_of_a_deletion(state: RequestState) -> None:
    """The same for a request to delete: nothing speaks of a backup that is started."""
    request = deletion_in_every_state()[state]

    for message in messages_about(request):
        check(message)
    card = request_card(request, now=DECIDED_AT)
    assert "tarted" not in card.text
    assert "elet" in card.text


@pytest.mark.parametrize("retention", [None, *Retention])
def test_slack_takes_every_message_of_a_backup_with_an_end(retention: Retention | None) -> None:
    """From the announcement of its deletion to the end of it."""
    refusal = Refusal.of(FULL_STORAGE)
    request = expiring(retention=retention, kept_by="U0BEN", refusal=refusal)

    for message in messages_about(request):
        check(message)
    check(answers.kept_answer(request, "U0BEN"))
    check(answers.kept_answer(request, "U0ANA"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    instance=texts(),
    name=texts(),
    description=texts(),
    reason=texts(),
    state=st.sampled_from(RequestState),
    glass=st.booleans(),
)
def test_nothing_is_smuggled_into_a_message(
    *, instance: str, name: str, description: str, reason: str, state: RequestState, glass: bool
) -> None:
    """No name, no description and no reason becomes a mention, a link or an open code span."""
    hostile = asked(instance, name, description)
    request = in_every_state(hostile, reason=reason, glass=glass)[state]

    for message in messages_about(request):
        check(message)
        assert len(message.text) < 3000
    for view in views_of(request):
        check_view(view)


@settings(max_examples=40, deadline=None)
@given(reason=texts(), glass=st.booleans())
def test_a_reason_is_one_line(reason: str, *, glass: bool) -> None:
    """Nobody makes a second card, or a second line of the thread, out of one."""
    states = in_every_state(asked(), glass=glass, reason=reason)
    blank = in_every_state(asked(), glass=glass)

    for state in (RequestState.REJECTED, RequestState.RUNNING):
        shown, usual = (
            request_card(request, now=DECIDED_AT).as_slack()["blocks"][0]["text"]["text"]
            for request in (states[state], blank[state])
        )
        assert shown.count("\n") == usual.count("\n")
        assert shown.count('"') <= usual.count('"')


@settings(max_examples=40, deadline=None)
@given(text=texts())
def test_every_error_has_its_words(text: str) -> None:
    """A refusal is drawn for each error, whatever stands in it."""
    for error in errors(text):
        check(answers.refusal(error, "/backup"))


@settings(max_examples=20, deadline=None)
@given(text=texts())
def test_every_entry_of_the_trail_has_its_words(text: str) -> None:
    """Whoever did it, and whatever they wrote; twenty at a time."""
    entries = trail(text)

    for first in range(0, len(entries), 20):
        page = entries[first : first + 20]
        check(answers.audit_answer(text, page, now=DECIDED_AT, command="/backup"))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pattern=texts(), text=texts())
def test_every_policy_can_be_shown(pattern: str, text: str) -> None:
    """To whoever asks, whatever stands in the config, and whatever RDS calls an instance."""
    request = in_every_state(asked(text))[RequestState.RUNNING]
    assert request.instance is not None
    many = (text, "S0DBA", *CROWD)
    strange = Terms(
        requesters=many,
        channels=many,
        approvers=many,
        notify=many,
        break_glass=many,
        auditors=many,
        channel=text,
        rule=f"rule 1 ({pattern})",
    )
    for terms, verdict in product((strange, *POLICIES.values()), AskVerdict):
        for able, may in ((None, None), (frozenset(many), True), (frozenset[str](), False)):
            message = answers.policy_answer(
                request.instance,
                terms,
                Decision(verdict, terms.rule),
                user="U0ANA",
                able=able,
                break_glass=may,
                command="/backup",
            )
            check(message)
    rule = Rule(instances=(pattern,) * 9, requesters=many, channels=many)
    check(answers.policy_overview(Policy(defaults=strange, rules=(rule,) * 50), "/backup"))


def test_no_error_is_forgotten() -> None:
    """Each error that a person can meet is among those tried above."""
    tried = {type(error) for error in errors()}
    bases = {BotError, UserError, RdsError}
    # Those of the log, of the operator, and of the process itself.
    silent = {SlackUnreachable, domain_errors.SettingsError, domain_errors.LeaseLost}
    known = {
        error
        for error in vars(domain_errors).values()
        if isinstance(error, type) and issubclass(error, BotError)
    }

    assert tried == {*known, CommandError} - bases - silent


@pytest.mark.parametrize(
    "message",
    [
        *(answers.help_message("/backup", verb) for verb in (None, *VERBS)),
        answers.unexpected("ab12"),
        answers.outdated_button(),
        answers.unknown_request(),
        answers.form_not_opened(),
        answers.audit_answer("orders-prod", [], now=DECIDED_AT, command="/backup"),
    ],
)
def test_slack_takes_what_is_about_no_request(message: Message) -> None:
    """Help, a fault and an old button are answered too."""
    check(message)


def test_a_click_on_nothing_is_answered() -> None:
    """A request that the store does not know is said to be unknown."""
    result = ClickResult(Verdict.UNKNOWN_REQUEST, None)
    message = answers.click_answer(result, Click("?", Choice.APPROVE, "U0CYD", "T0TEAM"))

    check(message)
    assert "I can't find this request" in message.text
