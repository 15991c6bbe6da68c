"""The projects whose instances the bot backs up: the environment's own, and each `[[project]]`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from bot.config import credentials
from bot.config.addresses import endpoint as checked_endpoint
from bot.config.words import matching

DEFAULT_CALLS = 60  # a minute, which RDS allows a user
AGENCY = "agency"  # keys from the ECS agency of the machine
DEFAULT_NAME = "default"  # of the environment's project, if its region isn't known

PROJECT_ID = matching("[0-9a-zA-Z_-]+", "copy the project ID, which has only letters and digits")
REGION_ID = matching("[a-z0-9-]+", "write the region's ID, for example ap-southeast-1")
_name = matching("[A-Za-z0-9][A-Za-z0-9._-]{0,39}", "use letters, digits, and . _ - only")
_keys = matching(
    f"{AGENCY}|[A-Z][A-Z0-9_]*",
    "write what the names of the variables begin with, for example EU for EU_AK, or agency",
)


class Keys(BaseModel):
    """An access key, from the environment. The repr shows none of it."""

    model_config = ConfigDict(frozen=True)

    access_key: SecretStr
    secret_key: SecretStr
    security_token: SecretStr | None = None


class ProjectTable(BaseModel):
    """One `[[project]]`, beside the environment's own project."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, _name]
    region: Annotated[str, REGION_ID]
    project_id: Annotated[str, PROJECT_ID]
    endpoint: Annotated[str, BeforeValidator(checked_endpoint)] | None = None
    calls_per_minute: Annotated[int, Field(ge=6, le=8000)] | None = None
    keys: Annotated[str, _keys] | None = None  # None: the environment's own


class Project(BaseModel):
    """A project as it is reached; `pool` is the name of the budget that its key shares."""

    model_config = ConfigDict(frozen=True)

    name: str
    region: str | None
    project_id: str
    endpoint: str
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
    """Return the keys that the tables name, from the environment. Appends what is wrong."""
    keys: dict[str, Keys] = {}
    for index, table in enumerate(tables):
        if table.keys not in (None, AGENCY, *keys):
            prefix = str(table.keys)
            texts = list(_problems(prefix, given))
            found += (KeyProblem(index, "keys", text) for text in texts)
            if not texts:
                keys[prefix] = _read(prefix, given)
    return keys


def _problems(prefix: str, given: Mapping[str, str]) -> Iterator[str]:
    for suffix in ("AK", "SK", "SECURITY_TOKEN"):
        variable = f"{prefix}_{suffix}"
        if variable in given:
            try:
                credentials.other_secret(given[variable])
            except ValueError as error:
                yield f"{variable}: {error}"
        elif suffix != "SECURITY_TOKEN":
            yield f"{variable} isn't set in the environment"
    if credentials.look_swapped(given.get(f"{prefix}_AK", ""), given.get(f"{prefix}_SK", "")):
        yield (
            f"{prefix}_AK and {prefix}_SK look swapped;"
            " the access key has 20 characters, the secret key 40"
        )


def _read(prefix: str, given: Mapping[str, str]) -> Keys:
    def secret(suffix: str) -> SecretStr:
        return SecretStr(credentials.other_secret(given[f"{prefix}_{suffix}"]))

    token = secret("SECURITY_TOKEN") if f"{prefix}_SECURITY_TOKEN" in given else None
    return Keys(access_key=secret("AK"), secret_key=secret("SK"), security_token=token)


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
                endpoint=(table.endpoint or endpoint_of("rds", table.region)).rstrip("/"),
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
