"""Whatever a handler raises is answered once, where the person can read it."""

import re
from typing import Any

import pytest
from slack_bolt.error import BoltUnhandledRequestError
from slack_sdk.errors import SlackClientError

from bot.domain.commands import CommandError
from bot.domain.errors import (
    ForeignWorkspace,
    FormNotOpened,
    MayNotAudit,
    NameTaken,
    RdsRefused,
    RdsUnreachable,
    RefusalReason,
    StoreUnavailable,
    TooManyCommands,
    UnknownInstance,
    WorkspaceUnknown,
)
from bot.domain.fields import Problem
from bot.domain.workspaces import Sender
from bot.slack.messages.ids import FIX
from handlers import check_sender, unheard
from handlers.errors import explain
from handlers.origin import Outdated, sender_of
from tests.fakes import BEN, BY_APPROVAL, TEAM, FakeSlack, UseCases
from tests.handlers.payloads import click, command, form

UNHANDLED = BoltUnhandledRequestError(request=None, current_response=None)
ERRORS: list[Exception] = [
    CommandError([Problem("name", "is missing")]),
    UnknownInstance("nowhere"),
    NameTaken("before-1", "before-2"),
    MayNotAudit("orders-prod", BY_APPROVAL, ("S0DBA",)),
    TooManyCommands(600, 12.0),
    FormNotOpened(),
    StoreUnavailable(),
    ForeignWorkspace(),
    RdsUnreachable("slow"),
    RdsRefused(RefusalReason.CREDENTIALS),
    Outdated(),
    KeyError("a bug"),
]


async def fails(
    cases: UseCases, error: Exception, body: dict[str, Any], slack: FakeSlack | None = None
) -> FakeSlack:
    """A handler raised; what Slack gets."""
    slack = slack or cases.slack()
    api: Any = slack
    await explain(cases.services, error, body, slack.context, api.respond)
    return slack


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_a_command_is_answered_in_its_ack(cases: UseCases, error: Exception) -> None:
    """Nobody else reads it."""
    slack = await fails(cases, error, command("create orders"))

    assert slack.happened == ["acked"]
    assert slack.acks[0]["response_type"] == "ephemeral"
    assert slack.ack_text


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_after_the_ack_a_command_is_answered_where_it_was_typed(
    cases: UseCases, error: Exception
) -> None:
    """Slack takes one ack."""
    slack = cases.slack()
    await slack.ack()
    await fails(cases, error, command("list orders"), slack)

    assert slack.happened == ["acked", "responded"]
    assert slack.responses[0]["replace_original"] is False


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_a_form_is_answered_in_its_place(cases: UseCases, error: Exception) -> None:
    """Under its own title."""
    slack = await fails(cases, error, form({}))

    (answer,) = slack.acks
    assert slack.happened == ["acked"]
    assert answer["response_action"] == "update"
    assert answer["view"]["title"]["text"] == "Back up a database"


@pytest.mark.parametrize("kind", ["block_actions", "shortcut", "message_action"])
async def test_a_click_is_acked_and_then_answered(cases: UseCases, kind: str) -> None:
    """The message with the button stays."""
    slack = await fails(cases, StoreUnavailable(), click() | {"type": kind})

    assert slack.happened == ["acked", "responded"]
    assert (slack.acks, slack.responses[0]["replace_original"]) == ([{}], False)


@pytest.mark.parametrize("kind", ["event_callback", "block_suggestion", "view_closed"])
async def test_an_interaction_without_a_reader_is_only_acked(cases: UseCases, kind: str) -> None:
    """Whoever looks at a home tab has asked nothing."""
    slack = await fails(cases, StoreUnavailable(), {"type": kind})

    assert slack.happened == ["acked"]


async def test_an_answer_that_slack_does_not_take_is_let_go(cases: UseCases) -> None:
    """The ack is out, and the log has it."""
    slack = cases.slack()
    slack.trouble = SlackClientError("used_url")
    await fails(cases, StoreUnavailable(), click(), slack)

    assert slack.happened == ["acked", "responded"]


async def test_a_bug_is_a_reference(cases: UseCases) -> None:
    """A new one each time, and nothing of the error itself."""
    texts = [(await fails(cases, KeyError("secret"), command("help"))).ack_text for _ in range(2)]

    references = [re.findall(r"[0-9a-f]{8}", text) for text in texts]
    assert [len(found) for found in references] == [1, 1]
    assert references[0] != references[1]
    assert "secret" not in "".join(texts)


@pytest.mark.parametrize(
    ("error", "is_fixable"),
    [
        (UnknownInstance("nowhere"), True),
        (NameTaken("before-1", "before-2"), True),
        (CommandError([Problem("name", "is wrong")]), True),
        (StoreUnavailable(), False),
        (RdsRefused(RefusalReason.CREDENTIALS), False),
        (KeyError("a bug"), False),
    ],
)
async def test_what_was_mistyped_can_be_fixed_in_a_form(
    cases: UseCases, error: Exception, *, is_fixable: bool
) -> None:
    """A button carries what was typed; where a form would not help there is none."""
    slack = await fails(cases, error, command("create nowhere before-1"))

    assert (FIX in str(slack.acks[0]["blocks"])) is is_fixable


async def test_another_verb_has_no_form(cases: UseCases) -> None:
    """Only a backup is requested in one."""
    slack = await fails(cases, UnknownInstance("nowhere"), command("policy nowhere"))

    assert FIX not in str(slack.acks[0]["blocks"])


@pytest.mark.parametrize(
    ("body", "happened"),
    [
        (command("create") | {"command": "/other"}, ["acked"]),
        (form({}), ["acked"]),
        (click() | {"type": "block_suggestion"}, ["acked"]),
        (click(), ["acked", "responded"]),
        (click() | {"type": "shortcut"}, ["acked", "responded"]),
        (click() | {"type": "message_action"}, ["acked", "responded"]),
        ({"type": "event_callback", "event": {"type": "unheard"}}, ["acked"]),
        (form({}) | {"type": "view_closed"}, ["acked"]),
        ({}, ["acked"]),
    ],
)
async def test_what_no_handler_is_for_is_acked_once(
    cases: UseCases, body: dict[str, Any], happened: list[str]
) -> None:
    """A person who waits for an answer gets one."""
    slack = await fails(cases, UNHANDLED, body)

    assert slack.happened == happened


async def test_an_unknown_form_and_typeahead_are_acked_as_slack_wants(cases: UseCases) -> None:
    """The form shows an answer, the typeahead is empty; a command is told the right one."""
    sent = await fails(cases, UNHANDLED, form({}))
    searched = await fails(cases, UNHANDLED, {"type": "block_suggestion"})
    typed = await fails(cases, UNHANDLED, command("") | {"command": "/other"})

    assert sent.acks[0]["response_action"] == "update"
    assert searched.acks == [{"options": []}]
    assert "/backup" in typed.ack_text


async def test_an_unheard_answer_that_slack_does_not_take_is_let_go(cases: UseCases) -> None:
    """It is acked."""
    slack: Any = cases.slack()
    slack.trouble = SlackClientError("used_url")
    await unheard.answer("/backup", click(), slack.context, slack.respond)

    assert slack.happened == ["acked", "responded"]


class Next:
    """The handler behind the check."""

    def __init__(self) -> None:
        self.calls = 0

    async def __call__(self) -> None:
        self.calls += 1


OTHER = "T0OTHER"
DECISION = {"actions": [{"action_id": "approve_request"}]}


@pytest.mark.parametrize(
    "body",
    [
        command("help") | {"team_id": OTHER},
        click(team=OTHER),
        {"type": "event_callback", "team_id": OTHER, "event": {"type": "x", "user_team": OTHER}},
        {"type": "view_submission", "user": {"id": BEN, "team_id": OTHER}, "view": {}},
        {"type": "shortcut", "user": {"id": BEN}, "team": {"id": OTHER}},
        {"type": "shortcut", "user": {"id": BEN}, "team": None},
        {"type": "view_submission", "user": {"id": BEN}, "view": {"team_id": "T0DEMO"}},
        click(team="E0OTHER") | {"team": {"id": "T0DEMO"}},
        command("help") | {"team_id": ""},
        command("help") | {"enterprise_id": "E0OTHER"},
        {"type": "event_callback", "event": {"type": "app_home_opened", "user": BEN}},
    ],
)
async def test_people_of_another_workspace_reach_no_handler(
    cases: UseCases, body: dict[str, Any]
) -> None:
    """As in a channel that two workspaces share; no less if Slack leaves out where they belong."""
    handler = Next()
    with pytest.raises(ForeignWorkspace):
        await check_sender(cases.services, body, handler)

    assert handler.calls == 0


@pytest.mark.parametrize(
    "body",
    [
        command("help"),
        click(),
        {"type": "shortcut", "user": {"id": BEN}, "team": {"id": "T0DEMO"}},
        {"type": "event_callback", "event": {"type": "tokens_revoked"}},
        {"type": "event_callback", "team_id": OTHER, "event": {"user_team": "T0DEMO"}},
        click(team=OTHER) | DECISION,
        {"user": {"id": BEN, "team_id": OTHER}, "view": {"callback_id": "reject_request"}},
    ],
)
async def test_all_others_reach_theirs(cases: UseCases, body: dict[str, Any]) -> None:
    """Also foreign decisions: the use case refuses them and puts that on the trail."""
    handler = Next()
    await check_sender(cases.services, body, handler)

    assert handler.calls == 1


async def test_a_refused_suggestion_offers_nothing(cases: UseCases) -> None:
    """Slack takes no ack without options."""
    body = {"type": "block_suggestion", "user": {"id": BEN, "team_id": OTHER}}
    slack = await fails(cases, ForeignWorkspace(), body)

    assert slack.acks == [{"options": []}]
    assert slack.responses == []


ACME = "E0ACME"


@pytest.mark.parametrize(
    ("body", "sender"),
    [
        (command("help") | {"enterprise_id": ACME}, Sender(TEAM, ACME)),
        (
            {"user": {"id": BEN, "team_id": TEAM}, "team": None, "enterprise": {"id": ACME}},
            Sender(TEAM, ACME),
        ),
        (
            {
                "user": {"id": BEN, "team_id": ACME},
                "team": {"id": TEAM, "enterprise_id": ACME},
                "enterprise": {"id": ACME},
            },
            Sender(TEAM, ACME),
        ),
        ({"user": {"id": BEN, "team_id": ACME}, "view": {"team_id": TEAM}}, Sender(TEAM, ACME)),
        ({"user": {"id": BEN, "team_id": ACME}, "team": None}, Sender("", ACME)),
        (
            {"user": {"id": BEN, "team_id": "E0OTHER"}, "enterprise": {"id": ACME}},
            Sender("", "E0OTHER"),
        ),
        ({"user": {"id": BEN}, "team": None, "enterprise": {"id": ACME}}, Sender("", ACME)),
        (
            {"event": {"type": "app_home_opened"}, "team_id": TEAM, "enterprise_id": ACME},
            Sender(TEAM, ACME),
        ),
        (
            {"event": {"type": "x", "user_team": OTHER}, "team_id": TEAM, "enterprise_id": ACME},
            Sender(OTHER, ACME),
        ),
    ],
)
def test_where_people_belong_is_read_from_what_slack_says_of_them(
    body: dict[str, Any], sender: Sender
) -> None:
    """An organization may be named in the place of their workspace."""
    assert sender_of(body) == sender


async def test_a_person_without_a_workspace_can_only_decide(cases: UseCases) -> None:
    """What they could request would belong to none."""
    cases.workspaces.own, cases.workspaces.organization = "", ACME
    cases.workspaces.added = frozenset({TEAM})
    nowhere = click(team=ACME) | {"team": None, "enterprise": {"id": ACME}}
    handler = Next()
    with pytest.raises(WorkspaceUnknown):
        await check_sender(cases.services, nowhere, handler)
    await check_sender(cases.services, nowhere | DECISION, handler)

    assert handler.calls == 1
