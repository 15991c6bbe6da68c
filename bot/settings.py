"""Environment and `backup-bot.toml` → one frozen Settings, with every problem reported at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bot.config_file import ConfigFile, Source, read_config
from bot.domain.audit import AuditKey
from bot.domain.errors import SettingsError


def _database_url(value: str) -> str:
    try:
        url = make_url(value)
    except ArgumentError:
        raise ValueError("it is not a database URL") from None
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise ValueError("it must begin with sqlite:/// or postgresql+psycopg://")
    return value


def _audit_key(value: SecretStr) -> SecretStr:
    AuditKey.of(value.get_secret_value())
    return value


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
    audit_key: Annotated[SecretStr, AfterValidator(_audit_key)] | None = Field(
        None, alias="AUDIT_KEY"
    )
    health_host: str = Field("127.0.0.1", alias="HEALTH_HOST")
    health_port: int = Field(8080, alias="HEALTH_PORT", ge=0, le=65535)
    log_format: Literal["console", "json"] = Field("console", alias="LOG_FORMAT")


class Settings(BaseModel):
    """Everything an operator can set, checked."""

    model_config = ConfigDict(frozen=True)

    environment: Environment
    file: ConfigFile
    source: Source = Source()

    @property
    def rds_endpoint(self) -> str:
        env = self.environment
        # Huawei keeps one region under another domain (huaweicloudsdkrds, rds_region.py).
        domain = "myhuaweicloud.eu" if env.region == "eu-west-101" else "myhuaweicloud.com"
        return (env.endpoint or f"https://rds.{env.region}.{domain}").rstrip("/")


def load(environ: Mapping[str, str], *, http: bool) -> Settings:
    """Read and check everything. Raises SettingsError that names every problem at once."""
    found: list[str] = []
    given = {name: value for name, value in environ.items() if value.strip()}
    environment = _environment(given, found)
    found += _missing_for_mode(given, http=http)
    file, source = read_config(given.get("BACKUP_BOT_CONFIG"), found)
    if found or environment is None or file is None:
        raise SettingsError(found)
    return Settings(environment=environment, file=file, source=source)


def revealed(secret: SecretStr | None) -> str:
    """The text of a secret, for whom it is for; empty if there is none."""
    return secret.get_secret_value() if secret else ""


def database_url(environ: Mapping[str, str]) -> str:
    """DATABASE_URL, or its default; all else may be missing or wrong. Raises SettingsError."""
    value = environ.get("DATABASE_URL", "").strip()
    try:
        return _database_url(value or Environment.model_fields["database_url"].default)
    except ValueError as error:
        raise SettingsError([f"DATABASE_URL: {error}."]) from None


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


def _environment(given: Mapping[str, str], found: list[str]) -> Environment | None:
    try:
        return Environment.model_validate(given)
    except ValidationError as error:
        # The input stays out of the message: it may be a secret.
        for problem in error.errors(include_input=False, include_url=False):
            name, message = problem["loc"][0], problem["msg"].removeprefix("Value error, ")
            missing = problem["type"] == "missing"
            found.append(f"{name} is missing." if missing else f"{name}: {message}.")
    return None
