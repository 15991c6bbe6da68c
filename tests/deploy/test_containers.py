"""The image and compose.yaml: what they promise is in them, and their linters find nothing."""

import asyncio
import json
import re
import sys
import tomllib
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from sqlalchemy.engine import make_url

from bot.config import settings
from tests.config.test_settings import ENOUGH
from tests.deploy.files import ROOT, UID, load, read
from tests.process.test_shutdown import STOPS_WITHIN
from tests.programs import run

BOTS = ("bot", "replica")


@pytest.fixture
def services() -> dict[str, Any]:
    services: dict[str, Any] = load("compose.yaml")["services"]
    return services


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    run("hadolint", ROOT / "Dockerfile")


def test_compose_accepts_the_file() -> None:
    """Its schema comes with the linter."""
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", ROOT / "compose.yaml")


def test_the_image_has_a_numeric_user_that_is_not_root() -> None:
    """Kubernetes can't verify a name."""
    assert re.findall(r"^USER (.+)$", read("Dockerfile"), re.MULTILINE) == [f"{UID}:{UID}"]


def test_every_package_of_the_image_is_checked_against_its_hash() -> None:
    """From the lock, and before that from an export of it."""
    dockerfile = read("Dockerfile")
    export = ["--frozen", "--offline", "--quiet", "--no-header", "--no-emit-project"]
    exported = run("uv", "export", *export, "--only-group", "build")

    assert "uv sync --locked" in dockerfile
    assert re.findall(r"pip install (?!.*--no-deps)(.*)", dockerfile) == [
        "--no-cache-dir --require-hashes -r .ci/build.txt"
    ]
    assert read(".ci/build.txt") == exported


def test_everything_that_the_image_copies_is_in_the_context() -> None:
    """.dockerignore leaves out all but what it names."""
    given = re.findall(r"^!(.+)$", read(".dockerignore"), re.MULTILINE)
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", read("Dockerfile"), re.MULTILINE)

    copied = {name for line in lines for name in line.split()}
    wheel = tomllib.loads(read("pyproject.toml"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert copied == set(given)
    assert copied >= {*wheel["packages"], *wheel["force-include"]}


@pytest.mark.parametrize("name", BOTS)
def test_a_bot_of_compose_is_confined(services: dict[str, Any], name: str) -> None:
    """It can write only to its volume, and gets the time that it needs to stop."""
    service = services[name]

    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["stop_grace_period"].removesuffix("s")) > STOPS_WITHIN


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize(("status", "is_well"), [(200, True), (503, False)])
async def test_a_health_check_passes_only_if_the_answer_is_200(
    services: dict[str, Any], path: str, status: int, *, is_well: bool
) -> None:
    """Docker's asks for the one path, those of Compose for the other."""
    image = re.findall(r"^ +CMD (\[.*\])$", read("Dockerfile"), re.MULTILINE)
    commands = [json.loads(image[0])] if path == "/healthz" else []
    commands += [services[name]["healthcheck"]["test"][1:] for name in BOTS if path == "/readyz"]
    asked: list[str] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        asked.append(request.path)
        return web.Response(status=status)

    async with RawTestServer(answer) as server:
        for python, *arguments in commands:
            assert python == "python"
            here = [word.replace("8080", str(server.port)) for word in arguments]
            check = await asyncio.create_subprocess_exec(
                sys.executable, *here, stderr=asyncio.subprocess.DEVNULL
            )
            assert (await check.wait() == 0) is is_well

    assert asked == [path] * len(commands)
    assert commands


def test_each_profile_of_compose_is_complete(services: dict[str, Any]) -> None:
    """What a service depends on is started with it."""
    for service in services.values():
        for needed in service.get("depends_on", []):
            assert set(service["profiles"]) <= set(services[needed]["profiles"])


@pytest.mark.parametrize("name", BOTS)
def test_a_bot_of_compose_has_valid_settings(services: dict[str, Any], name: str) -> None:
    """With the secrets, it starts; `PGPASSWORD` goes to PostgreSQL's client library."""
    environment = services[name]["environment"]
    del environment["BACKUP_BOT_CONFIG"]
    loaded = settings.load({**ENOUGH, **environment}, http=False).environment

    assert make_url(loaded.database_url).password is None


def test_what_compose_mounts_is_there(services: dict[str, Any]) -> None:
    mounted = [volume for service in services.values() for volume in service.get("volumes", [])]
    files = {volume.partition(":")[0] for volume in mounted if volume.startswith("./")}
    files.remove("./backup-bot.toml")  # the operator's

    assert [file for file in files if not (ROOT / file).exists()] == []


def test_the_password_of_the_example_reaches_postgresql_as_it_is() -> None:
    """The document says how each character is written in a URL."""
    page = read("docs/deploy.md").partition("## Passwords")[2]
    encoded, *_ = re.findall("^DATABASE_URL=(.*)$", page, re.MULTILINE)
    (plain,) = re.findall("^PGPASSWORD=(.*)$", page, re.MULTILINE)
    loaded = settings.load({**ENOUGH, "DATABASE_URL": encoded}, http=False).environment

    assert plain == "p@ss/w#rd%"
    assert make_url(loaded.database_url).password == plain
