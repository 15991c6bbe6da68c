"""The parts of Slack's payloads that listeners rely on, checked before any of them runs."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from bot.domain.frozen import Frozen

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,255}$")]


class _User(Frozen):
    id: Id
    team_id: Id | None = None


class _Named(Frozen):
    id: Id


class _Team(_Named):
    enterprise_id: Id | None = None


class _Title(Frozen):
    text: str = ""


class _Option(Frozen):
    value: str


class _Entered(Frozen):
    value: str | None = None
    selected_option: _Option | None = None
    selected_conversation: Id | None = None


class _State(Frozen):
    values: dict[str, dict[str, _Entered]] = Field(default_factory=dict)


class _Block(Frozen):
    block_id: str


class _View(Frozen):
    id: Id
    team_id: Id | None = None
    type: str = ""
    callback_id: str = ""
    private_metadata: str = ""
    hash: str = ""
    title: _Title | None = None
    state: _State | None = None
    blocks: list[_Block] = Field(default_factory=list)


class _Action(Frozen):
    action_id: str
    block_id: str = ""
    type: str = ""
    value: str | None = None
    action_ts: float = 0.0


class _Container(Frozen):
    type: str = ""
    message_ts: str = ""


class _Interaction(Frozen):
    user: _User
    team: _Team | None = None  # an org-wide app gets none
    enterprise: _Named | None = None
    channel: _Named | None = None
    trigger_id: str = ""
    response_url: str | None = None
    view: _View | None = None


class _BlockActions(_Interaction):
    trigger_id: Id
    container: _Container = _Container()
    actions: list[_Action] = Field(min_length=1)


class _ViewSubmission(_Interaction):
    view: _View


class _Suggestion(_Interaction):
    action_id: str
    block_id: str = ""
    value: str | None = None


class _Shortcut(_Interaction):
    callback_id: str
    trigger_id: Id


class _Message(Frozen):
    ts: Id
    thread_ts: Id | None = None


class _MessageAction(_Shortcut):
    channel: _Named
    message: _Message


class _Event(Frozen):
    type: str
    user: Id | dict[str, Any] | None = None
    user_team: Id | None = None
    tab: str | None = None

    @model_validator(mode="after")
    def _home_is_somebodys(self) -> Self:
        if self.type == "app_home_opened" and not isinstance(self.user, str):
            raise ValueError("user")
        return self


class _EventCallback(Frozen):
    event: _Event
    team_id: Id | None = None
    enterprise_id: Id | None = None


class _Command(Frozen):
    command: str
    text: str | None = None
    user_id: Id
    channel_id: Id
    team_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{0,255}$")] = ""
    enterprise_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{0,255}$")] = ""
    trigger_id: str = ""
    response_url: str | None = None


KINDS: dict[str, type[BaseModel]] = {
    "block_actions": _BlockActions,
    "view_submission": _ViewSubmission,
    "view_closed": _ViewSubmission,
    "block_suggestion": _Suggestion,
    "shortcut": _Shortcut,
    "message_action": _MessageAction,
    "event_callback": _EventCallback,
}


def problem_with(body: dict[str, Any]) -> str | None:
    """Return what is wrong with a payload, without its contents; None if listeners can read it."""
    try:
        if "command" in body:
            _Command.model_validate(body, strict=True)
        elif kind := KINDS.get(str(body.get("type", ""))):
            kind.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['type']}"[:200]
    return None
