"""What a person can do on the page, and how the workspace carries it out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from bot.demo.playground.reading import Reading
from bot.demo.slack.records import Json, Reply
from bot.demo.slack.typed import as_sent
from bot.demo.slack.views import View
from bot.demo.slack.workspace import Workspace
from bot.domain.frozen import Frozen
from bot.slack.messages.ids import BACK_UP, BACK_UP_FROM_HERE

COMMAND = "/backup"

Values = Mapping[str, str | list[str]]  # the values of a view's fields, by action ID


class Act(Frozen, ABC):
    """Something a person does. `done` returns the reply to it, or None.

    Raises Refused if Slack wouldn't allow it, and LookupError if its target doesn't exist.
    """

    model_config = ConfigDict(extra="forbid")

    @abstractmethod
    async def done(self, slack: Workspace, reading: Reading, who: str, /) -> Reply | None:
        """Do it as this person."""


class Say(Act):
    """Write a message, or a slash command, which doesn't work in threads."""

    act: Literal["say"]
    channel: str
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=12_000)]
    thread: str | None = None

    async def done(self, slack: Workspace, _: Reading, who: str) -> Reply | None:
        if who not in slack.channels[self.channel].members:
            raise LookupError(self.channel)
        command, text = (*self.text.split(maxsplit=1), "")[:2]
        if not command.startswith("/") or command == "/":
            slack.history.check_thread(self.channel, self.thread)
            slack.say(who, self.channel, as_sent(self.text, slack), self.thread)
            return None
        if self.thread:
            return _failed(f"{command} is not supported in threads.")
        if command != COMMAND:
            return _failed(f"{command} is not a valid command.")
        return await slack.command(who, self.channel, command, text)


class Click(Act):
    """Click a button in a message."""

    act: Literal["click"]
    ts: str
    action_id: str

    async def done(self, slack: Workspace, _: Reading, who: str) -> Reply:
        return await slack.click(who, self.ts, self.action_id)


class OnView(Act):
    """Something done in the modal or on the home tab, where `values` have been entered."""

    on: Literal["modal", "home"] = "modal"
    values: Values = Field(default_factory=dict)

    def view(self, slack: Workspace, who: str) -> View:
        """Return the view with the values in it. Raises LookupError if it is gone."""
        view = slack.modal(who) if self.on == "modal" else slack.home(who)
        if view is None:
            raise LookupError(self.on)
        for field, value in self.values.items():
            view.enter(field, value)
        return view


class Press(OnView):
    """Click a button there."""

    act: Literal["press"]
    action_id: str

    async def done(self, slack: Workspace, _: Reading, who: str) -> Reply:
        return await slack.press(who, self.action_id, view=self.view(slack, who))


class Fill(OnView):
    """Choose or type in one field; Slack tells the app if the field dispatches actions."""

    act: Literal["fill"]
    field: str
    value: str | list[str]

    async def done(self, slack: Workspace, _: Reading, who: str) -> Reply:
        return await slack.fill(who, self.field, self.value, view=self.view(slack, who))


class Suggest(OnView):
    """Type into an external menu."""

    act: Literal["suggest"]
    field: str
    text: str

    async def done(self, slack: Workspace, _: Reading, who: str) -> Reply:
        return await slack.suggest(who, self.field, self.text, view=self.view(slack, who))


class Submit(OnView):
    """Send the form."""

    act: Literal["submit"]

    async def done(self, slack: Workspace, _: Reading, who: str) -> Reply:
        self.view(slack, who)
        return await slack.submit(who, {})


class CloseModal(Act):
    """Press Cancel, Escape or the cross."""

    act: Literal["close_modal"]

    async def done(self, slack: Workspace, _: Reading, who: str) -> None:
        if slack.modal(who):
            await slack.close_modal(who)


class OpenHome(Act):
    """Open the app's home tab."""

    act: Literal["open_home"]

    async def done(self, slack: Workspace, _: Reading, who: str) -> Reply:
        return await slack.open_home(who)


class Shortcut(Act):
    """Choose a shortcut: the message shortcut, or without a message the global one."""

    act: Literal["shortcut"]
    ts: str | None = None

    async def done(self, slack: Workspace, _: Reading, who: str) -> Reply:
        if self.ts:
            return await slack.message_shortcut(who, self.ts, BACK_UP_FROM_HERE)
        return await slack.global_shortcut(who, BACK_UP)


class Read(Act):
    """Read a channel up to a message."""

    act: Literal["read"]
    channel: str
    ts: str

    async def done(self, slack: Workspace, reading: Reading, who: str) -> None:
        reading.read(who, self.channel, self.ts)
        slack.tell()


PersonsAct = Annotated[
    Say | Click | Press | Fill | Suggest | Submit | CloseModal | OpenHome | Shortcut | Read,
    Field(discriminator="act"),
]


def told(reply: Reply | None) -> Json:
    """Return what the page gets for an act; `error` is Slack's code or sentence, or None."""
    if reply is None:
        return {"error": None}
    return {"error": reply.error, "errors": reply.errors, "options": reply.options}


def _failed(why: str) -> Reply:
    return Reply(None, None, why)
