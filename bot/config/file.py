"""Read `backup-bot.toml`, and report every problem with its line."""

import codecs
import re
import tomllib
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    model_validator,
)

from bot.config.projects import ProjectTable
from bot.config.toml_lines import Path as TomlPath
from bot.config.toml_lines import line_of, lines_of
from bot.domain import policy
from bot.domain.channels import Channel as ChannelWays
from bot.domain.channels import Quiet
from bot.domain.digests import Schedule
from bot.domain.frozen import Frozen
from bot.domain.likeness import nearest
from bot.domain.policy import Policy, Rule, RuleReference, RuleSource, Terms
from bot.domain.policy_problems import PolicyProblem, problems
from bot.domain.quantities import parse_duration
from bot.domain.references import alias_problems
from bot.domain.successes import Successes
from bot.domain.watches import (
    FRESH_WITHIN,
    HOLD,
    HUNG_AFTER,
    RECOVERY_WITHIN,
    Limits,
    Watch,
)

DEFAULT_CONFIG = "backup-bot.toml"
NUMBERED = ("rule", "watch", "channel", "project")  # tables that there may be several of


def _duration(value: object) -> object:
    """Parse `"8h"`, `"90m"` or `"1d 12h"`; pydantic checks anything that isn't a string."""
    if isinstance(value, str):
        try:
            span = parse_duration(value)
        except OverflowError:
            raise ValueError("it is too long") from None
        if span is None:
            raise ValueError('write a duration like "8h", "90m" or "1d 12h"')
        return span
    return value


def _list_of_ids(value: object) -> object:
    for item in value if isinstance(value, list | tuple) else ():
        if not re.fullmatch(r"[USW][A-Z0-9]{1,20}", str(item)):
            raise ValueError(f"{item!r} isn't a Slack user ID (U…, W…) or user group ID (S…)")
    return value


def _channel(value: object) -> object:
    if not re.fullmatch(r"[CG][A-Z0-9]{1,20}", str(value)):
        raise ValueError(f"{value!r} isn't a channel ID (C…)")
    return value


def _workspaces(value: object) -> object:
    for item in value if isinstance(value, list | tuple) else ():
        if not re.fullmatch(r"T[A-Z0-9]{1,20}", str(item)):
            raise ValueError(f"{item!r} isn't a workspace ID (T…)")
    return value


def _approvers(value: object) -> object:
    if value == ANYBODY:
        return ()
    if value in ([], ()):
        raise ValueError(
            'no one could approve; add approvers, write "anybody", or set approvals = 0'
        )
    return _list_of_ids(value)


ANYBODY = "anybody"
WITHOUT_A_FILE = "anyone can request a backup, and anyone else in the channel can approve it"
Duration = Annotated[timedelta, BeforeValidator(_duration), Field(ge=timedelta(0))]
Waiting = Annotated[Duration, Field(gt=timedelta(0), le=timedelta(days=30))]
Ids = Annotated[tuple[str, ...], BeforeValidator(_list_of_ids)]
Approvers = Annotated[tuple[str, ...], BeforeValidator(_approvers)]
Channel = Annotated[str, BeforeValidator(_channel)]
Count = Annotated[int, Field(ge=0, le=20)]


def _url(value: object) -> object:
    if not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", str(value)):
        raise ValueError("write the URL of a check, such as https://hc-ping.com/<id>")
    return value


def _console(value: object) -> object:
    if value != "" and not re.fullmatch(r"https://[^\s<>|]+", str(value)):
        raise ValueError('write the address of the console\'s list of instances, or ""')
    return value


def _timezone(value: object) -> object:
    try:
        ZoneInfo(str(value))
    except (ValueError, OSError):
        raise ValueError(
            f"{value!r} isn't a time zone; write one like Europe/Berlin or Asia/Shanghai"
        ) from None
    return value


def _clock_time(value: object) -> object:
    found = _CLOCK.fullmatch(str(value))
    if not found:
        raise ValueError('write a time of day like "09:00"')
    return time(int(found[1]), int(found[2]))


def _weekday(value: object) -> object:
    if value not in WEEKDAYS:
        raise ValueError(f"write a day of the week: {', '.join(WEEKDAYS)}")
    return WEEKDAYS.index(str(value)) + 1


def _quiet(value: object) -> object:
    begin, dash, end = str(value).partition("-")
    if not dash or begin.strip() == end.strip():
        raise ValueError('write two times of day like "22:00-07:00"')
    return Quiet.model_validate(
        {"begin": _clock_time(begin.strip()), "end": _clock_time(end.strip())}
    )


_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SHORTEST_KEEP, LONGEST_KEEP = timedelta(days=30), timedelta(days=36_500)


def _kept(value: object) -> object:
    span = _duration(value)
    if isinstance(span, timedelta) and not SHORTEST_KEEP <= span <= LONGEST_KEEP:
        raise ValueError('write "30d" or more, and at most "36500d"')
    return span


Limit = Annotated[Duration, Field(ge=timedelta(minutes=10), le=timedelta(days=100))]


class _Table(Frozen):
    model_config = ConfigDict(extra="forbid")


class RdsTable(_Table):
    calls_per_minute: int = Field(60, ge=6, le=8000)
    poll_seconds: float = Field(1.0, ge=0.1, le=300)
    stale_after: Waiting = timedelta(hours=26)
    give_up_after: Waiting = timedelta(hours=2)
    cloud_eye: bool = False
    console: Annotated[str | None, BeforeValidator(_console)] = None


class StoreTable(_Table):
    """How long the database keeps what is finished; without `keep`, forever."""

    keep: Annotated[timedelta, BeforeValidator(_kept)] | None = None
    archive: str = ""  # a directory, relative to the working directory; "": no audit entry goes

    @model_validator(mode="after")
    def _archive_needs_keep(self) -> Self:
        if self.archive and self.keep is None:
            raise ValueError(
                'archive does nothing without keep; add one, for example keep = "400d"'
            )
        return self


class SlackTable(_Table):
    """Which workspaces of an organization use the bot, and whether they share their requests."""

    workspaces: Annotated[tuple[str, ...], BeforeValidator(_workspaces)] = ()
    share: bool = False


class HeartbeatTable(_Table):
    url: Annotated[str, BeforeValidator(_url)] = ""


AS_WRITTEN: dict[Any, Any] = {  # a kind of the policy's keys → how it is written here
    policy.People: Ids,
    policy.Approvers: Approvers,
    policy.Channels: tuple[Channel, ...],
    policy.ChannelId: Channel,
    policy.Count: Count,
    policy.Wait: Waiting,
    policy.Interval: Duration,
}
_KEYS: dict[str, Any] = {
    key: (AS_WRITTEN.get(kind, kind) | None, None) for key, kind in policy.KINDS.items()
}
_PolicyTable: Any = create_model("_PolicyTable", __base__=_Table, **_KEYS)


class ApprovalTable(_PolicyTable):  # its fields are the keys of `Terms`
    """The keys of `[approval]` and of each rule; a rule inherits what it doesn't set."""


class RuleTable(ApprovalTable):
    instances: tuple[str, ...] = Field(min_length=1)


class WatchTable(_Table):
    """Which instances a channel hears about, and within which limits."""

    instances: tuple[str, ...] = Field(min_length=1)
    channel: Channel
    fresh_within: Limit = FRESH_WITHIN
    recovery_within: Limit = RECOVERY_WITHIN
    hung_after: Limit = HUNG_AFTER
    hold: Annotated[Duration, Field(le=timedelta(days=1))] = HOLD
    mention: Ids = ()

    def watch(self, number: int) -> Watch:
        """Return the watch; `number` counts the tables from 1."""
        limits = Limits(**{name: getattr(self, name) for name in Limits.model_fields})
        return Watch(
            id=f"file:{number}",
            channel_id=self.channel,
            instances=self.instances,
            limits=limits,
            number=number,
            mention=self.mention,
        )


class ChannelTable(_Table):
    """How a channel wants to hear."""

    id: Channel
    timezone: Annotated[str, BeforeValidator(_timezone)] = "UTC"
    digest: Literal["off", "daily", "weekly"] = "off"
    digest_at: Annotated[time, BeforeValidator(_clock_time)] = time(9)
    digest_day: Annotated[int, BeforeValidator(_weekday)] = 1
    quiet: Annotated[Quiet | None, BeforeValidator(_quiet)] = None
    successes: Successes = "off"

    @property
    def channel(self) -> ChannelWays:
        """Return the channel's ways."""
        schedule = Schedule(
            pace=self.digest,
            at=self.digest_at,
            day=self.digest_day,
            timezone=self.timezone,
        )
        return ChannelWays(id=self.id, digest=schedule, quiet=self.quiet, successes=self.successes)


class ConfigFile(_Table):
    """The settings in `backup-bot.toml`, none of them secret."""

    rds: RdsTable = RdsTable()
    slack: SlackTable = SlackTable()
    approval: ApprovalTable | None = None
    rule: tuple[RuleTable, ...] = ()
    aliases: dict[str, str] = Field(default_factory=dict)
    watch: tuple[WatchTable, ...] = ()
    heartbeat: HeartbeatTable = HeartbeatTable()
    store: StoreTable = StoreTable()
    channel: tuple[ChannelTable, ...] = ()
    project: tuple[ProjectTable, ...] = ()

    @property
    def watches(self) -> tuple[Watch, ...]:
        """Return the watches of the file."""
        return tuple(table.watch(number) for number, table in enumerate(self.watch, start=1))

    @property
    def channels(self) -> tuple[ChannelWays, ...]:
        """Return the channels that want something else than the defaults."""
        return tuple(table.channel for table in self.channel)

    @property
    def policy(self) -> Policy:
        """Return the policy; without an `[approval]` table it has the built-in defaults."""
        defaults = Terms()
        if self.approval is not None:
            own = self.approval.model_dump(exclude_none=True)
            defaults = Terms(**own, rule=RuleReference(source=RuleSource.APPROVAL))
        return Policy(defaults=defaults, rules=tuple(Rule(**r.model_dump()) for r in self.rule))


class Source(Frozen):
    """The file that the settings came from, for messages about problems in it."""

    name: str = DEFAULT_CONFIG
    lines: dict[TomlPath, int] = Field(default_factory=dict)
    read: bool = False  # False: the file doesn't exist, and the defaults apply

    @property
    def path(self) -> Path:
        """Where the file is, or was expected."""
        return Path(self.name).absolute()

    def located(self, problem: PolicyProblem) -> str:
        """Return a problem of the policy with its file and line."""
        if problem.rule is None:
            return self.sentence(("approval", problem.key), f"[approval]: {problem.text}.")
        path = ("rule", problem.rule - 1, problem.key)
        return self.sentence(path, f"rule {problem.rule}: {problem.key}: {problem.text}.")

    def of_alias(self, alias: str, text: str) -> str:
        """Return a problem of an alias with its file and line."""
        return self.sentence(("aliases", alias), f"alias {alias}: {text}.")

    def of_project(self, index: int, key: str, text: str) -> str:
        """Return a problem of a [[project]] with its file and line."""
        return self.sentence(("project", index, key), f"project {index + 1}: {key}: {text}.")

    def sentence(self, path: TomlPath, text: str) -> str:
        line = line_of(path, self.lines)
        return f"{self.name}, line {line}: {text}" if line else f"{self.name}: {text}"


def read_config(named: str | None, found: list[str]) -> tuple[ConfigFile | None, Source]:
    """Read the file, or its defaults if no file is named and none exists.

    Appends every problem to `found`.
    """
    path = Path(named or DEFAULT_CONFIG)
    if not named and not path.exists():
        return ConfigFile(), Source()
    try:
        text = _decoded(path.read_bytes())
        document = tomllib.loads(text)
        source = Source(name=str(path), lines=lines_of(text), read=True)
    except (OSError, UnicodeError) as error:
        found.append(f"{path} can't be read: {error}.")
        return None, Source()
    except (ValueError, RecursionError) as error:  # huge numbers and deep nesting, too
        found.append(f"{path} isn't valid TOML: {error}.")
        return None, Source()
    try:
        file = ConfigFile.model_validate(document)
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)
        wrong.sort(key=lambda problem: line_of(problem["loc"], source.lines) or 0)
        found += (source.sentence(p["loc"], _words(p["loc"], p["type"], p["msg"])) for p in wrong)
        return None, source
    found += map(source.located, problems(file.policy, {}))
    found += (source.of_alias(*problem) for problem in alias_problems(file.aliases))
    return file, source


def _decoded(content: bytes) -> str:
    """Decode the text, without its byte-order mark. Raises UnicodeError that says what to do."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content:
        raise UnicodeError("it is UTF-16 or isn't text; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnicodeError(f"line {line} isn't UTF-8; save it as UTF-8") from error


def _words(path: TomlPath, kind: str, message: str) -> str:
    name = _named(path)
    match kind:
        case "missing":
            return f"{name} is missing."
        case "extra_forbidden":
            near = nearest(str(path[-1]), _keys_beside(path))
            meant = (
                f"did you mean {near[0]}?" if near else "see docs/settings.md and docs/policy.md."
            )
            return f"{name} isn't a setting; {meant}"
        case _:
            return f"{name}: {message.removeprefix('Value error, ')}."


def _named(path: TomlPath) -> str:
    """Return the name of a setting: `rule 2: approvals`, without list indexes and the like."""
    if path[0] in NUMBERED and len(path) > 1 and isinstance(path[1], int):
        keys = [f"{path[0]} {path[1] + 1}", *map(str, path[2:3])]
        return ": ".join(keys)
    return ".".join(str(key) for key in path[:2] if isinstance(key, str))


def _keys_beside(path: TomlPath) -> list[str]:
    tables: dict[str | int, type[BaseModel]] = {
        "rds": RdsTable,
        "slack": SlackTable,
        "approval": ApprovalTable,
        "rule": RuleTable,
        "watch": WatchTable,
        "heartbeat": HeartbeatTable,
        "store": StoreTable,
        "channel": ChannelTable,
        "project": ProjectTable,
    }
    model = ConfigFile if len(path) == 1 else tables.get(path[0], ConfigFile)
    return list(model.model_fields)
