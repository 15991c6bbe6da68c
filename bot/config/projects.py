"""The projects whose instances the bot backs up: the environment's own, and each `[[project]]`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, ConfigDict, Field, SecretStr

from bot.config import credentials, profiles
from bot.config.addresses import endpoint as checked_endpoint
from bot.config.words import matching
from bot.domain.frozen import Frozen

DEFAULT_CALLS = 60  # a minute, which RDS allows a user
ENVIRONMENT = "environment"  # keys from its variables
AGENCY = "agency"  # keys from the ECS agency of the machine
DEFAULT_NAME = "default"  # of the environment's project, if its region isn't known

PROJECT_ID = matching("[0-9a-zA-Z_-]+", "copy the project ID, which has only letters and digits")
REGION_ID = matching("[a-z0-9-]+", "write the region's ID, for example ap-southeast-1")
_name = matching("[A-Za-z0-9][A-Za-z0-9._-]{0,39}", "use letters, digits, and . _ - only")
_keys = matching(
    f"{AGENCY}|{profiles.PATTERN}|[A-Z][A-Z0-9_]*",
    "write what the names of the variables begin with, for example EU for EU_AK; or agency;"
    " or profile:eu",
)


class Keys(Frozen):
    """An access key. The repr shows none of it."""

    access_key: SecretStr
    secret_key: SecretStr
    security_token: SecretStr | None = None


class ProjectTable(Frozen):
    """One `[[project]]`, beside the environment's own project."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, _name]
    region: Annotated[str, REGION_ID]
    project_id: Annotated[str, PROJECT_ID]
    endpoint: Annotated[str, BeforeValidator(checked_endpoint)] | None = None
    cloud_eye_endpoint: Annotated[str, BeforeValidator(checked_endpoint)] | None = None
    calls_per_minute: Annotated[int, Field(ge=6, le=8000)] | None = None
    keys: Annotated[str, _keys] | None = None  # None: the environment's own


class Project(Frozen):
    """A project as it is reached; `pool` is the name of the budget that its key shares."""

    name: str
    region: str | None
    project_id: str
    endpoint: str
    cloud_eye_endpoint: str = ""  # "": unknown, so Cloud Eye can't be asked
    keys: Keys | None  # None: the agency's
    metadata_endpoint: str = ""  # of the service that has the agency's
    calls_per_minute: int
    pool: str


class KeyProblem(NamedTuple):
    """What is wrong with a key of the [[project]] at this place, counted from 0."""

    number: int
    key: str
    text: str


def endpoint_of(service: str, region: str | None) -> str:
    """Return the address of a service in a region."""
    # Huawei keeps one region under another domain (huaweicloudsdkrds, rds_region.py).
    domain = "myhuaweicloud.eu" if region == "eu-west-101" else "myhuaweicloud.com"
    return f"https://{service}.{region}.{domain}"


def address_of(service: str, region: str | None, given: str | None) -> str:
    """Return the address that is given for a service, or else the one in the region."""
    return (given or endpoint_of(service, region)).rstrip("/")


def names_problems(tables: Sequence[ProjectTable], default: str) -> Iterator[KeyProblem]:
    """Yield each name that another project has, too. Case doesn't tell names apart."""
    first = {name.casefold(): "the environment's project" for name in (default, DEFAULT_NAME)}
    for index, table in enumerate(tables):
        other = first.setdefault(table.name.casefold(), f"project {index + 1}")
        if other != f"project {index + 1}":
            yield KeyProblem(index, "name", f"{other} has the name {table.name}, too")


def keys_of(
    tables: Sequence[ProjectTable], given: Mapping[str, str], found: list[KeyProblem]
) -> dict[str, Keys]:
    """Return the keys that the tables name. Appends what is wrong with them."""
    keys: dict[str, Keys] = {}
    for index, table in enumerate(tables):
        if table.keys not in (None, AGENCY, *keys):
            named = str(table.keys)
            try:
                secrets = _secrets(named, given)
            except ValueError as error:
                found.append(KeyProblem(index, "keys", str(error)))
                continue
            texts = list(_problems(secrets))
            found += (KeyProblem(index, "keys", text) for text in texts)
            if not texts:
                keys[named] = _read(secrets)
    return keys


class _Secret(NamedTuple):
    """A part of an access key as it is set, and how a message names it."""

    name: str
    value: str | None


def names_of_secrets(keys: str) -> tuple[str, str, str]:
    """Return how messages name the parts of these keys: access key, secret key, token."""
    if profiles.is_profile(keys):
        ak, sk, token = (f"{key} in [{profiles.section_of(keys)}]" for key in profiles.KEYS)
    else:
        ak, sk, token = (f"{keys}_{suffix}" for suffix in ("AK", "SK", "SECURITY_TOKEN"))
    return ak, sk, token


def _secrets(keys: str, given: Mapping[str, str]) -> list[_Secret]:
    """Return access key, secret key, and token. Raises ValueError if the file can't be read."""
    if profiles.is_profile(keys):
        profile = profiles.read_profile(keys, given)
        return [_Secret(profile.named(key), profile.get(key)) for key in profiles.KEYS]
    return [_Secret(name, given.get(name)) for name in names_of_secrets(keys)]


def _problems(secrets: Sequence[_Secret]) -> Iterator[str]:
    access_key, secret_key, token = secrets
    for secret in secrets:
        if secret.value is not None:
            try:
                credentials.other_secret(secret.value)
            except ValueError as error:
                yield f"{secret.name}: {error}"
        elif secret is not token:
            yield f"{secret.name} isn't set"
    if credentials.look_swapped(access_key.value or "", secret_key.value or ""):
        yield (
            f"{access_key.name} and {secret_key.name} look swapped;"
            " the access key has 20 characters, the secret key 40"
        )


def _read(secrets: Sequence[_Secret]) -> Keys:
    access_key, secret_key, token = (
        one.value and SecretStr(credentials.other_secret(one.value)) for one in secrets
    )
    return Keys.model_validate(
        {"access_key": access_key, "secret_key": secret_key, "security_token": token}
    )


def _access_key(keys: Keys | None) -> SecretStr | None:
    return keys.access_key if keys else None


def projects_of(
    default: Project, tables: Sequence[ProjectTable], keys: Mapping[str, Keys]
) -> tuple[Project, ...]:
    """Return all projects, the default one first.

    RDS counts calls per user, so projects with the same access key share a pool and the smallest
    of their limits.
    """
    found = [default]
    for table in tables:
        own = default.keys
        if table.keys:
            own = None if table.keys == AGENCY else keys[table.keys]
        same = next((p for p in found if _access_key(p.keys) == _access_key(own)), None)
        limit = table.calls_per_minute or (same.calls_per_minute if same else DEFAULT_CALLS)
        found.append(
            Project(
                name=table.name,
                region=table.region,
                project_id=table.project_id,
                endpoint=address_of("rds", table.region, table.endpoint),
                cloud_eye_endpoint=address_of("ces", table.region, table.cloud_eye_endpoint),
                keys=own,
                metadata_endpoint=default.metadata_endpoint,
                calls_per_minute=limit,
                pool=same.pool if same else f"rds {table.name}",
            )
        )
    least: dict[str, int] = {}
    for one in found:
        least[one.pool] = min(one.calls_per_minute, least.get(one.pool, one.calls_per_minute))
    return tuple(p.model_copy(update={"calls_per_minute": least[p.pool]}) for p in found)
