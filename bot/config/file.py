"""`backup-bot.toml`: what is not secret, with every problem at its line."""

import codecs
import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.config.toml_lines import Path as TomlPath
from bot.config.toml_lines import line_of, lines_of
from bot.domain.likeness import nearest
from bot.domain.policy import Policy, Rule, Terms
from bot.domain.policy_problems import PolicyProblem, problems
from bot.domain.quantities import parse_duration
from bot.domain.references import alias_problems

DEFAULT_CONFIG = "backup-bot.toml"


def _duration(value: object) -> object:
    """`"8h"`, `"90m"`, `"1d 12h"` → timedelta; pydantic judges everything else."""
    if isinstance(value, str):
        try:
            span = parse_duration(value)
        except OverflowError:
            raise ValueError("it is longer than anybody waits") from None
        if span is None:
            raise ValueError('write a duration like "8h", "90m" or "1d 12h"')
        return span
    return value


def _list_of_ids(value: object) -> object:
    for item in value if isinstance(value, list | tuple) else ():
        if not re.fullmatch(r"[USW][A-Z0-9]{1,20}", str(item)):
            raise ValueError(f"{item!r} is not a Slack user id (U…, W…) or user-group id (S…)")
    return value


def _channel(value: object) -> object:
    if not re.fullmatch(r"[CG][A-Z0-9]{1,20}", str(value)):
        raise ValueError(f"{value!r} is not the id of a channel (C…)")
    return value


def _approvers(value: object) -> object:
    if value == ANYBODY:
        return ()
    if value in ([], ()):
        raise ValueError(
            'nobody could approve: name somebody, write "anybody", or set approvals = 0'
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


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RdsTable(_Table):
    calls_per_minute: int = Field(60, ge=6, le=8000)
    poll_seconds: float = Field(10.0, ge=0.1, le=300)
    stale_after: Waiting = timedelta(hours=26)
    give_up_after: Waiting = timedelta(hours=2)


class ApprovalTable(_Table):
    """What a rule says, or `[approval]` for all of them; what it does not is inherited."""

    requesters: Ids | None = None
    channels: tuple[Channel, ...] | None = None
    approvals: Count | None = None
    approvers: Approvers | None = None
    notify: Ids | None = None
    self_approval: bool | None = None
    break_glass: Ids | None = None
    auditors: Ids | None = None
    channel: Channel | None = None
    expires_after: Waiting | None = None
    remind_after: Duration | None = None


class RuleTable(ApprovalTable):
    instances: tuple[str, ...] = Field(min_length=1)


class ConfigFile(_Table):
    """`backup-bot.toml`: what is not secret."""

    rds: RdsTable = RdsTable()
    approval: ApprovalTable | None = None
    rule: tuple[RuleTable, ...] = ()
    aliases: dict[str, str] = {}

    @property
    def policy(self) -> Policy:
        """The policy; without an `[approval]` table its defaults are the built-in ones."""
        defaults = Terms()
        if self.approval is not None:
            defaults = Terms(**self.approval.model_dump(exclude_none=True), rule="[approval]")
        return Policy(defaults=defaults, rules=tuple(Rule(**r.model_dump()) for r in self.rule))


class Source(BaseModel):
    """The file that the settings came from, for who has to mend it."""

    model_config = ConfigDict(frozen=True)

    name: str = DEFAULT_CONFIG
    lines: dict[TomlPath, int] = {}
    read: bool = False  # or there is none, and the defaults hold

    @property
    def path(self) -> Path:
        """Where it is, or was looked for."""
        return Path(self.name).absolute()

    def located(self, problem: PolicyProblem) -> str:
        """A problem with its file and line."""
        if problem.rule is None:
            return self.sentence(("approval", problem.key), f"[approval]: {problem.text}.")
        path = ("rule", problem.rule - 1, problem.key)
        return self.sentence(path, f"rule {problem.rule}: {problem.key}: {problem.text}.")

    def of_alias(self, alias: str, text: str) -> str:
        """What is wrong with an alias, with its file and line."""
        return self.sentence(("aliases", alias), f"alias {alias}: {text}.")

    def sentence(self, path: TomlPath, text: str) -> str:
        line = line_of(path, self.lines)
        return f"{self.name}, line {line}: {text}" if line else f"{self.name}: {text}"


def read_config(named: str | None, found: list[str]) -> tuple[ConfigFile | None, Source]:
    """The file, or its defaults if none is named and none is there; what is wrong is `found`."""
    path = Path(named or DEFAULT_CONFIG)
    if not named and not path.exists():
        return ConfigFile(), Source()
    try:
        text = _decoded(path.read_bytes())
        document = tomllib.loads(text)
        source = Source(name=str(path), lines=lines_of(text), read=True)
    except (OSError, UnicodeError) as error:
        found.append(f"{path} cannot be read: {error}.")
        return None, Source()
    except (ValueError, RecursionError) as error:  # numbers and nesting beyond all bounds, too
        found.append(f"{path} is not valid TOML: {error}.")
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
    """The text; a byte-order mark is left out. Raises UnicodeError, which says what to do."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content:
        raise UnicodeError("it is UTF-16, or no text; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnicodeError(f"line {line} is not UTF-8; save it as UTF-8") from error


def _words(path: TomlPath, kind: str, message: str) -> str:
    name = _named(path)
    match kind:
        case "missing":
            return f"{name} is missing."
        case "extra_forbidden":
            near = nearest(str(path[-1]), _keys_beside(path))
            meant = f"did you mean {near[0]}?" if near else "see the table in the README."
            return f"{name} is not a setting; {meant}"
        case _:
            return f"{name}: {message.removeprefix('Value error, ')}."


def _named(path: TomlPath) -> str:
    """`rule 2: approvals`; places in a list, and what pydantic adds, are no part of a name."""
    if path[0] == "rule" and len(path) > 1 and isinstance(path[1], int):
        keys = [f"rule {path[1] + 1}", *map(str, path[2:3])]
        return ": ".join(keys)
    return ".".join(str(key) for key in path[:2] if isinstance(key, str))


def _keys_beside(path: TomlPath) -> list[str]:
    tables: dict[str | int, type[BaseModel]] = {
        "rds": RdsTable,
        "approval": ApprovalTable,
        "rule": RuleTable,
    }
    model = ConfigFile if len(path) == 1 else tables.get(path[0], ConfigFile)
    return list(model.model_fields)
