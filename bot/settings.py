"""Environment and `backup-bot.toml` → one frozen Settings, with every problem reported at once."""

import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bot.domain.errors import SettingsError
from bot.domain.policy import Policy, Rule, Terms

DEFAULT_CONFIG = "backup-bot.toml"
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _duration(value: object) -> object:
    """`"8h"`, `"90m"`, `"1d 12h"` → timedelta; pydantic judges everything else."""
    if isinstance(value, str):
        parts = re.findall(r"(\d+)\s*([smhd])", value)
        if parts and not re.sub(r"\d+\s*[smhd]|\s", "", value):
            return timedelta(**{UNITS[unit]: int(number) for number, unit in parts})
        raise ValueError('write a duration like "8h", "90m" or "1d 12h"')
    return value


def _list_of_ids(value: object) -> object:
    for item in value if isinstance(value, list | tuple) else ():
        if not re.fullmatch(r"[USW][A-Z0-9]{1,20}", str(item)):
            raise ValueError(f"{item!r} is not a Slack user id (U…, W…) or user-group id (S…)")
    return value


def _database_url(value: str) -> str:
    try:
        url = make_url(value)
    except ArgumentError:
        raise ValueError("it is not a database URL") from None
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise ValueError("it must begin with sqlite:/// or postgresql+psycopg://")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Ids = Annotated[tuple[str, ...], BeforeValidator(_list_of_ids)]
Url = Annotated[str, Field(pattern=r"^https?://")]


class Environment(BaseModel):
    """The secrets and addresses, under the names their owners use."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    bot_token: SecretStr = Field(alias="SLACK_BOT_TOKEN")
    app_token: SecretStr | None = Field(None, alias="SLACK_APP_TOKEN")
    signing_secret: SecretStr | None = Field(None, alias="SLACK_SIGNING_SECRET")
    slack_api_url: Url = Field("https://slack.com/api/", alias="SLACK_API_URL")
    access_key: SecretStr = Field(alias="HUAWEICLOUD_SDK_AK")
    secret_key: SecretStr = Field(alias="HUAWEICLOUD_SDK_SK")
    security_token: SecretStr | None = Field(None, alias="HUAWEICLOUD_SDK_SECURITY_TOKEN")
    project_id: str = Field(alias="HUAWEICLOUD_SDK_PROJECT_ID", pattern=r"^[0-9a-zA-Z_-]+$")
    region: str | None = Field(None, alias="HUAWEICLOUD_REGION", pattern=r"^[a-z0-9-]+$")
    endpoint: Url | None = Field(None, alias="RDS_ENDPOINT")
    database_url: Annotated[str, BeforeValidator(_database_url)] = Field(
        "sqlite:///backup-bot.db", alias="DATABASE_URL"
    )
    config: Path | None = Field(None, alias="BACKUP_BOT_CONFIG")
    command: str = Field("/backup", alias="BACKUP_BOT_COMMAND", pattern=r"^/[a-z0-9_-]{1,31}$")
    log_format: Literal["console", "json"] = Field("console", alias="LOG_FORMAT")


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RdsTable(_Table):
    calls_per_minute: int = Field(60, ge=6, le=8000)
    poll_seconds: float = Field(10.0, ge=0.1, le=300)


class ApprovalTable(_Table):
    approvers: Ids = ()
    approvals: int = Field(1, ge=0, le=20)
    self_approval: bool = False
    expires_after: Duration = timedelta(hours=8)
    remind_after: Duration | None = None  # read, and not used before reminders exist
    channel: str | None = Field(None, pattern=r"^[CG][A-Z0-9]+$")


class RuleTable(_Table):
    instances: tuple[str, ...] = Field(min_length=1)
    requesters: Ids | None = None
    approvers: Ids | None = None
    approvals: int | None = Field(None, ge=0, le=20)
    self_approval: bool | None = None
    expires_after: Duration | None = None
    remind_after: Duration | None = None
    channel: str | None = Field(None, pattern=r"^[CG][A-Z0-9]+$")


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
            table = self.approval.model_dump(exclude={"remind_after"})
            defaults = Terms(**table, rule="[approval]")
        rules = (Rule(**rule.model_dump(exclude={"remind_after"})) for rule in self.rule)
        return Policy(defaults=defaults, rules=tuple(rules))


class Settings(BaseModel):
    """Everything an operator can set, checked."""

    model_config = ConfigDict(frozen=True)

    environment: Environment
    file: ConfigFile

    @property
    def rds_endpoint(self) -> str:
        env = self.environment
        # Huawei keeps one region under another domain (huaweicloudsdkrds, rds_region.py).
        domain = "myhuaweicloud.eu" if env.region == "eu-west-101" else "myhuaweicloud.com"
        return (env.endpoint or f"https://rds.{env.region}.{domain}").rstrip("/")


def load(environ: Mapping[str, str], *, http: bool) -> Settings:
    """Read and check everything. Raises SettingsError that names every problem at once."""
    problems: list[str] = []
    given = {name: value for name, value in environ.items() if value.strip()}
    environment = _checked(Environment, given, problems, where="")
    problems += _missing_for_mode(given, http=http)
    file = _config_file(given, problems)
    if problems or environment is None or file is None:
        raise SettingsError(problems)
    return Settings(environment=environment, file=file)


def _missing_for_mode(given: Mapping[str, str], *, http: bool) -> list[str]:
    problems = []
    if http and "SLACK_SIGNING_SECRET" not in given:
        problems.append("SLACK_SIGNING_SECRET is missing: --http needs it to check who calls.")
    if not http and "SLACK_APP_TOKEN" not in given:
        problems.append(
            "SLACK_APP_TOKEN is missing: Socket Mode needs an app-level token (xapp-…)"
            " with the scope connections:write."
        )
    if not {"HUAWEICLOUD_REGION", "RDS_ENDPOINT"} & set(given):
        problems.append("HUAWEICLOUD_REGION is missing, for example ap-southeast-1.")
    return problems


def _config_file(given: Mapping[str, str], problems: list[str]) -> ConfigFile | None:
    named = given.get("BACKUP_BOT_CONFIG")
    path = Path(named or DEFAULT_CONFIG)
    if not named and not path.exists():
        return ConfigFile()
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{path} cannot be read: {error}.")
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{path} is not valid TOML: {error}.")
    else:
        return _checked(ConfigFile, document, problems, where=f"{path}: ")
    return None


M = TypeVar("M", bound=BaseModel)


def _checked(
    model: type[M], values: Mapping[str, Any], problems: list[str], *, where: str
) -> M | None:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        # The input stays out of the message: it may be a secret.
        problems += (
            where + _sentence(problem["loc"], problem["type"], problem["msg"])
            for problem in error.errors(include_input=False, include_url=False)
        )
    return None


def _sentence(location: tuple[int | str, ...], kind: str, message: str) -> str:
    name = ".".join(str(part + 1) if isinstance(part, int) else part for part in location)
    match kind:
        case "missing":
            return f"{name} is missing."
        case "extra_forbidden":
            return f"{name} is not a setting; see the table in the README."
        case _:
            return f"{name}: {message.removeprefix('Value error, ')}."
