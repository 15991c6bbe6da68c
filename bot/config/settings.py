"""Load the environment and `backup-bot.toml` into Settings, reporting all problems at once."""

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
)

from bot.config import addresses, credentials, profiles
from bot.config.file import ConfigFile, Source, read_config
from bot.config.profiles import Profile, read_profile
from bot.config.projects import (
    AGENCY,
    DEFAULT_NAME,
    ENVIRONMENT,
    PROJECT_ID,
    REGION_ID,
    KeyProblem,
    Keys,
    Project,
    address_of,
    keys_of,
    names_of_secrets,
    names_problems,
    projects_of,
)
from bot.config.words import matching
from bot.domain.audit import AuditKey
from bot.domain.console import Console
from bot.domain.errors import SettingsError
from bot.domain.frozen import Frozen
from bot.domain.policy import Policy


def _audit_key(value: SecretStr) -> SecretStr:
    AuditKey.of(value.get_secret_value())
    return value


def _port(value: object) -> int:
    word = credentials.one_word(str(value))
    if not re.fullmatch(r"[0-9]{1,5}", word) or int(word) > addresses.LAST_PORT:
        raise ValueError("write a number from 0 to 65535; 0 turns the health server off")
    return int(word)


_command = matching("/[a-z0-9_-]{1,31}", "write it as in the manifest, for example /backup")
_sources = matching(
    f"{ENVIRONMENT}|{AGENCY}|{profiles.PATTERN}",
    "write environment, agency, or profile, which may name a section, for example profile:eu",
)
_client_id = matching(r"[0-9]+\.[0-9]+", "copy the Client ID, which is two numbers and a dot")
_log_format = matching("console|json", "write console or json")
_secret = BeforeValidator(credentials.other_secret)


KEYS = ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK")  # unless they are an agency's
# What a profile sets instead of the environment → its key there.
OF_PROFILE = dict(zip(names_of_secrets("HUAWEICLOUD_SDK"), profiles.KEYS, strict=True))
PROJECT = "HUAWEICLOUD_SDK_PROJECT_ID"
# How `slack run` hands over the tokens of the app that it has installed.
FROM_SLACK_CLI = {"SLACK_CLI_XOXB": "SLACK_BOT_TOKEN", "SLACK_CLI_XAPP": "SLACK_APP_TOKEN"}
# What renewing a bot token takes: all of them, or none for a token that doesn't expire.
ROTATION = ("SLACK_REFRESH_TOKEN", "SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET")
BLANK = f" \t\r\n{credentials.QUOTES}"


class Environment(Frozen):
    """The environment variables, with the secrets and addresses."""

    bot_token: Annotated[SecretStr, BeforeValidator(credentials.bot_token)] = Field(
        alias="SLACK_BOT_TOKEN"
    )
    app_token: Annotated[SecretStr | None, BeforeValidator(credentials.app_token)] = Field(
        None, alias="SLACK_APP_TOKEN"
    )
    signing_secret: Annotated[SecretStr | None, _secret] = Field(
        None, alias="SLACK_SIGNING_SECRET"
    )
    refresh_token: Annotated[SecretStr | None, BeforeValidator(credentials.refresh_token)] = Field(
        None, alias="SLACK_REFRESH_TOKEN"
    )
    client_id: Annotated[str | None, _client_id] = Field(None, alias="SLACK_CLIENT_ID")
    client_secret: Annotated[SecretStr | None, _secret] = Field(None, alias="SLACK_CLIENT_SECRET")
    config_token: Annotated[SecretStr | None, BeforeValidator(credentials.config_token)] = Field(
        None, alias="SLACK_CONFIG_TOKEN"
    )
    slack_api_url: Annotated[str, BeforeValidator(addresses.slack_api_url)] = Field(
        "https://slack.com/api/", alias="SLACK_API_URL"
    )
    keys: Annotated[str, _sources] = Field(ENVIRONMENT, alias="RDS_KEYS")
    credentials_file: Path = Field(Path(profiles.DEFAULT_FILE), alias=profiles.FILE)
    metadata_endpoint: Annotated[str, BeforeValidator(addresses.endpoint)] = Field(
        "http://169.254.169.254", alias="METADATA_ENDPOINT"
    )
    access_key: Annotated[SecretStr | None, _secret] = Field(None, alias="HUAWEICLOUD_SDK_AK")
    secret_key: Annotated[SecretStr | None, _secret] = Field(None, alias="HUAWEICLOUD_SDK_SK")
    security_token: Annotated[SecretStr | None, _secret] = Field(
        None, alias="HUAWEICLOUD_SDK_SECURITY_TOKEN"
    )
    project_id: Annotated[str, PROJECT_ID] = Field(alias="HUAWEICLOUD_SDK_PROJECT_ID")
    region: Annotated[str | None, REGION_ID] = Field(None, alias="HUAWEICLOUD_REGION")
    endpoint: Annotated[str | None, BeforeValidator(addresses.endpoint)] = Field(
        None, alias="RDS_ENDPOINT"
    )
    cloud_eye_endpoint: Annotated[str | None, BeforeValidator(addresses.endpoint)] = Field(
        None, alias="CES_ENDPOINT"
    )
    iam_endpoint: Annotated[str | None, BeforeValidator(addresses.endpoint)] = Field(
        None, alias="IAM_ENDPOINT"
    )
    database_url: Annotated[str, BeforeValidator(addresses.database_url)] = Field(
        "sqlite:///backup-bot.db", alias="DATABASE_URL"
    )
    config: Path | None = Field(None, alias="BACKUP_BOT_CONFIG")
    command: Annotated[str, _command] = Field("/backup", alias="BACKUP_BOT_COMMAND")
    audit_key: Annotated[SecretStr, AfterValidator(_audit_key)] | None = Field(
        None, alias="AUDIT_KEY"
    )
    conductor_key: Annotated[SecretStr | None, _secret] = Field(None, alias="DBOS_CONDUCTOR_KEY")
    health_host: str = Field("127.0.0.1", alias="HEALTH_HOST")
    health_port: Annotated[int, BeforeValidator(_port)] = Field(8080, alias="HEALTH_PORT")
    log_format: Annotated[Literal["console", "json"], _log_format] = Field(
        "console", alias="LOG_FORMAT"
    )


class Settings(Frozen):
    """All settings, checked."""

    environment: Environment
    file: ConfigFile
    source: Source = Source()
    keys: dict[str, Keys] = Field(default_factory=dict)  # that [[project]] tables name

    @property
    def default_project(self) -> Project:
        """The environment's own project."""
        env, keys = self.environment, None
        if env.keys != AGENCY and env.access_key and env.secret_key:
            keys = Keys(
                access_key=env.access_key,
                secret_key=env.secret_key,
                security_token=env.security_token,
            )
        return Project(
            name=env.region or DEFAULT_NAME,
            region=env.region,
            project_id=getattr(env, "project_id", ""),  # `check` looks for one that is missing
            endpoint=self.rds_endpoint,
            cloud_eye_endpoint=self.cloud_eye_endpoint,
            keys=keys,
            metadata_endpoint=env.metadata_endpoint,
            calls_per_minute=self.file.rds.calls_per_minute,
            pool="rds",
        )

    @property
    def projects(self) -> tuple[Project, ...]:
        """All projects, the environment's own first."""
        return projects_of(self.default_project, self.file.project, self.keys)

    @property
    def policy(self) -> Policy:
        """The policy of the file, which also knows the default project's name."""
        name = self.environment.region or DEFAULT_NAME
        return self.file.policy.model_copy(update={"default_project": name})

    @property
    def rds_endpoint(self) -> str:
        return address_of("rds", self.environment.region, self.environment.endpoint)

    @property
    def cloud_eye_endpoint(self) -> str:
        """Cloud Eye's address, or "" if neither it nor the region is known."""
        env = self.environment
        if not (env.region or env.cloud_eye_endpoint):
            return ""
        return address_of("ces", env.region, env.cloud_eye_endpoint)

    @property
    def iam_endpoint(self) -> str:
        return address_of("iam", self.environment.region, self.environment.iam_endpoint)

    @property
    def console(self) -> Console:
        """Where instances are shown; nowhere if the region is unknown or has another console."""
        given = self.file.rds.console
        if given is not None:
            return Console(address=given)
        return Console(
            address=_console_of(self.environment.region),
            of_projects={table.name: _console_of(table.region) for table in self.file.project},
        )


def _console_of(region: str | None) -> str:
    if region is None or region.startswith("eu-west-101"):
        return ""
    host = "console" if region.startswith("cn-") else "console-intl"
    return f"https://{host}.huaweicloud.com/rds/?region={region}#/rds/management/list"


class Kind(Enum):
    """What a problem of the settings is about."""

    MISSING = auto()  # a variable that has to be set
    WRONG = auto()  # a variable's value or name
    FILE = auto()  # backup-bot.toml


class Problem(NamedTuple):
    """Something wrong in the settings, and what to do about it."""

    kind: Kind
    text: str


class Reading(NamedTuple):
    """All that could be read of the settings, and every problem.

    The environment lacks the fields whose variables are missing or wrong. The file is None if it
    can't be used.
    """

    environment: Environment
    file: ConfigFile | None
    source: Source
    problems: Sequence[Problem]
    keys: Mapping[str, Keys] = {}  # that [[project]] tables name, as far as they can be used


def load(environ: Mapping[str, str], *, http: bool) -> Settings:
    """Read and check all settings. Raises SettingsError with every problem."""
    found = read(environ, http=http)
    if found.problems or found.file is None:
        raise SettingsError([problem.text for problem in found.problems])
    return Settings(
        environment=found.environment,
        file=found.file,
        source=found.source,
        keys=dict(found.keys),
    )


def read(environ: Mapping[str, str], *, http: bool) -> Reading:
    """Read all settings as far as they can be used, and list every problem."""
    # `NAME=` and `NAME=""` in an env file count as not set.
    given = {name: value for name, value in environ.items() if value.strip(BLANK)}
    for theirs, ours in FROM_SLACK_CLI.items():
        if theirs in given:
            given.setdefault(ours, given[theirs])
    profile, wrong_profile = _profile(given)
    merged = _with_profile(given, profile)
    environment, found = _environment(merged, profile)
    found += [Problem(Kind.WRONG, text) for text in wrong_profile]
    found += [Problem(Kind.MISSING, text) for text in _missing_for_mode(given, http=http)]
    found += [Problem(Kind.WRONG, text) for text in _unused_keys(given, environment)]
    found += [Problem(Kind.WRONG, text) for text in _misnamed(given)]
    found += [Problem(Kind.WRONG, text) for text in _swapped(merged, profile)]
    found += [Problem(Kind.MISSING, text) for text in _missing_for_rotation(given)]
    in_file: list[str] = []
    file, source = read_config(given.get("BACKUP_BOT_CONFIG", "").strip() or None, in_file)
    found += [Problem(Kind.FILE, text) for text in in_file]
    if file is not None and file.rds.cloud_eye:
        found += [Problem(Kind.MISSING, text) for text in _missing_for_cloud_eye(given)]
    keys: dict[str, Keys] = {}
    if file is not None:
        wrong: list[KeyProblem] = [*names_problems(file.project, environment.region or "")]
        keys = keys_of(file.project, given, wrong)
        found += [Problem(Kind.FILE, source.of_project(*problem)) for problem in wrong]
    return Reading(environment, file, source, found, keys)


def revealed(secret: SecretStr | None) -> str:
    """Return the text of a secret, or "" if there is none."""
    return secret.get_secret_value() if secret else ""


def database_url(environ: Mapping[str, str]) -> str:
    """Return DATABASE_URL or its default; ignores other settings. Raises SettingsError."""
    value = environ.get("DATABASE_URL", "").strip()
    try:
        return addresses.database_url(value or Environment.model_fields["database_url"].default)
    except ValueError as error:
        raise SettingsError([f"DATABASE_URL: {error}."]) from None


def _profile(given: Mapping[str, str]) -> tuple[Profile | None, list[str]]:
    """Return the profile with the environment's keys, if they come from one, and what is wrong."""
    keys = given.get("RDS_KEYS", "").strip()
    if not profiles.is_profile(keys):
        return None, []
    try:
        return read_profile(keys, given), []
    except ValueError as error:
        return None, [f"RDS_KEYS={keys}: {error}."]


def _with_profile(given: Mapping[str, str], profile: Profile | None) -> dict[str, str]:
    """Return the environment with the profile's keys, and its project if none is set."""
    if profile is None:
        return dict(given)
    theirs = {name: profile.get(key) for name, key in OF_PROFILE.items()}
    found = {PROJECT: profile.get("project_id"), **given, **theirs}
    return {name: value for name, value in found.items() if value}


def _named(variable: str, profile: Profile | None) -> str:
    """Return how a message names what a variable or the profile sets."""
    key = OF_PROFILE.get(variable)
    return profile.named(key) if profile and key else variable


def _misnamed(given: Mapping[str, str]) -> Iterator[str]:
    """Yield problems of names from an env file: `export`, a byte-order mark."""
    ours = {field.alias for field in Environment.model_fields.values()}
    for name in given:
        meant = name.strip("\ufeff \t").removeprefix("export ").strip()
        if meant != name and meant in ours:
            yield (
                f"{meant}: its line in the env file has something before the name"
                " (`export`, a space or a byte-order mark). Remove it."
            )


def _swapped(merged: Mapping[str, str], profile: Profile | None) -> Iterator[str]:
    if credentials.look_swapped(*(merged.get(name, "") for name in KEYS)):
        yield (
            f"{', '.join(_named(name, profile) for name in KEYS)}: they look swapped;"
            " the access key has 20 characters, the secret key 40."
        )


def _missing_for_mode(given: Mapping[str, str], *, http: bool) -> list[str]:
    problems = []
    if http and "SLACK_SIGNING_SECRET" not in given:
        problems.append(
            "SLACK_SIGNING_SECRET is missing: --http needs it to verify Slack's requests."
        )
    if not http and "SLACK_APP_TOKEN" not in given:
        problems.append(
            "SLACK_APP_TOKEN is missing: Socket Mode needs an app-level token (xapp-…)"
            " with the scope connections:write."
        )
    if not {"HUAWEICLOUD_REGION", "RDS_ENDPOINT"} & set(given):
        problems.append("HUAWEICLOUD_REGION is missing, for example ap-southeast-1.")
    return problems


def _missing_for_rotation(given: Mapping[str, str]) -> list[str]:
    missing = [name for name in ROTATION if name not in given]
    if missing in ([], [*ROTATION]):
        return []
    return [
        f"{name} is missing: tokens rotate only with {', '.join(ROTATION)}." for name in missing
    ]


def _unused_keys(given: Mapping[str, str], environment: Environment) -> list[str]:
    """Return the problems of keys in the environment that others are used instead of."""
    source = getattr(environment, "keys", ENVIRONMENT)
    if source == ENVIRONMENT:
        return []
    return [
        f"{name} isn't used with RDS_KEYS={source}. Remove one of them."
        for name in KEYS
        if name in given
    ]


def _missing_for_cloud_eye(given: Mapping[str, str]) -> list[str]:
    if "RDS_ENDPOINT" in given and not {"HUAWEICLOUD_REGION", "CES_ENDPOINT"} & set(given):
        return ["CES_ENDPOINT or HUAWEICLOUD_REGION is missing: cloud_eye = true needs one."]
    return []  # without RDS_ENDPOINT, too, the region's absence is a problem already


def why_not(variable: str, value: str) -> str | None:
    """Return what is wrong with the value of a variable, or None."""
    try:
        _checked(variable, value)
    except ValueError as error:
        return str(error)
    return None


def _environment(
    given: Mapping[str, str], profile: Profile | None
) -> tuple[Environment, list[Problem]]:
    """Check each variable by itself, so that one problem hides no other."""
    values, found = {}, []
    source = given.get("RDS_KEYS", "").strip()
    come_from_elsewhere = source == AGENCY or (profiles.is_profile(source) and profile is None)
    keys = () if come_from_elsewhere else KEYS
    for name, field in Environment.model_fields.items():
        variable = str(field.alias)
        if variable in given:
            try:
                values[name] = _checked(variable, given[variable])
            except ValueError as error:
                found.append(Problem(Kind.WRONG, f"{_named(variable, profile)}: {error}."))
        elif field.is_required() or variable in keys:
            found.append(Problem(Kind.MISSING, f"{_named(variable, profile)} is missing."))
    return Environment.model_construct(**values), found


def _checked(variable: str, value: str) -> Any:
    """Return the value as it is used. Raises ValueError, without the value: it may be a secret."""
    (field,) = [one for one in Environment.model_fields.values() if one.alias == variable]
    # The name is there because Annotated needs at least one extra.
    kind: Any = Annotated[(field.annotation, variable, *field.metadata)]
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        (problem, *_) = error.errors(include_input=False, include_url=False)
        raise ValueError(problem["msg"].removeprefix("Value error, ")) from None
