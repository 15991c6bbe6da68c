"""The documents name everything that a person can type, set or read, and nothing that is gone."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from bot.application.policy_queries import LAST_ENTRIES
from bot.config import settings
from bot.config.file import (
    ChannelTable,
    ConfigFile,
    HeartbeatTable,
    RdsTable,
    RuleTable,
    SlackTable,
    StoreTable,
    WatchTable,
)
from bot.config.projects import ProjectTable
from bot.config.settings import Environment
from bot.demo.script import SCENARIOS
from bot.domain.audit import AuditAction
from bot.domain.incidents import IncidentKind
from bot.domain.policy import Terms
from bot.domain.states import RequestState
from bot.domain.stuck import StuckKind
from bot.domain.verbs import VERBS
from bot.domain.watches import Limits
from bot.slack.messages.incident_words import KINDS
from tests.metrics import served

SHARED = {IncidentKind.UNUSUAL_SIZE, IncidentKind.UNUSUAL_DURATION}  # one row for both
ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob(".github/*.md")])
ENV_LINE = re.compile(r"(?:# )?([A-Z][A-Z_]+)=(.*)")
COMMENTED_KEY = re.compile(r"^# (?=[a-z_]+ = |\[\[)", re.MULTILINE)  # or a table
LINK = re.compile(r"\]\(([^)\s]+)\)")
ROW = re.compile(r"^\| `([a-z_]+)` \|", re.MULTILINE)
PARTS = {"bare", "crowd", "fleet", "start"}  # of other benchmarks
SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-1",
    "SLACK_APP_TOKEN": "xapp-1",
    "SLACK_SIGNING_SECRET": "very-secret",
    "HUAWEICLOUD_SDK_AK": "AK",
    "HUAWEICLOUD_SDK_SK": "very-secret",
    "HUAWEICLOUD_SDK_PROJECT_ID": "0483b6b16e954cb88930a360d2c4e663",
    "HUAWEICLOUD_REGION": "ap-southeast-1",
}


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def section(name: str, title: str) -> str:
    """What stands under a heading of a document, up to the next one."""
    _, found, rest = read(name).partition(f"\n## {title}\n")
    assert found
    return rest.partition("\n## ")[0]


@pytest.mark.parametrize("field", list(Environment.model_fields.values()), ids=lambda f: f.alias)
def test_every_variable_is_in_the_table(field: Any) -> None:
    """With its default, if it is a plain value."""
    (row,) = re.findall(rf"^\| `{field.alias}` \|.*$", read("docs/settings.md"), re.MULTILINE)

    if isinstance(field.default, str | int):
        assert f"| `{field.default}` |" in row


@pytest.mark.parametrize("name", ["rds", "slack", "store", "rule"])
def test_every_key_is_in_its_table(name: str) -> None:
    """Those of a rule with the policy, all others with the settings."""
    tables: dict[str, type[BaseModel]] = {
        "rds": RdsTable,
        "slack": SlackTable,
        "store": StoreTable,
        "rule": RuleTable,
    }
    rows = read("docs/policy.md")
    if name != "rule":
        rows = read("docs/settings.md")
        rows = rows.partition(f"| Key in `[{name}]` |")[2].partition("\n\n")[0]

    assert set(ROW.findall(rows)) == set(tables[name].model_fields)


def test_every_key_of_a_project_is_in_its_table() -> None:
    """Those of `[[project]]`, where several projects are explained."""
    rows = ROW.findall(section("docs/settings.md", "Several projects"))

    assert rows == list(ProjectTable.model_fields)


def test_every_key_of_a_watch_and_a_channel_is_in_its_table() -> None:
    """And of the heartbeat."""
    tables = (WatchTable, ChannelTable, HeartbeatTable)
    keys = [key for table in tables for key in table.model_fields]

    assert sorted(ROW.findall(read("docs/notifications.md"))) == sorted(keys)


def test_every_kind_of_incident_is_explained() -> None:
    page = section("docs/notifications.md", "Incidents").lower()

    for kind, words in KINDS.items():
        assert words.lower() in page or kind in SHARED, words


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_in_the_table(verb: str) -> None:
    """`/backup <verb>`, one row each."""
    assert f"| `/backup {verb}" in read("docs/commands.md")


def test_no_verb_is_made_up() -> None:
    """Every command that somebody wrote into a document begins with a verb that exists."""
    written = [path.read_text("utf-8") for path in DOCUMENTS if path.name != "messages.md"]
    shown = set(re.findall(r"`/backup ([a-z]+)", "\n".join(written)))

    assert shown == set(VERBS) | {"ping"}  # which CONTRIBUTING adds as an example


@pytest.mark.parametrize("scenario", sorted(set(SCENARIOS) - {"completed"}))
def test_every_scenario_of_the_demo_is_named(scenario: str) -> None:
    """All the other endings can be played."""
    readme = read("README.md")

    assert f"`{scenario}`" in readme or f"--scenario {scenario}" in readme


def test_every_metric_is_in_the_table() -> None:
    """Under the name that Prometheus reads, with its labels, and no other."""
    table = read("docs/metrics.md")
    rows = ROW.findall(table)

    assert sorted(rows) == sorted(served())
    for metric, labels in served().items():
        (row,) = re.findall(rf"^\| `{metric}` \|(.*)", table, re.MULTILINE)
        assert [label for label in labels if f"`{label}`" not in row] == [], metric


def test_every_part_of_readyz_is_named() -> None:
    """As it is in the JSON."""
    source = read("bot/runtime/health.py").partition("def _shown")[0]
    parts = re.findall(r'^ {12}(?:parts\[)?"([a-z_]+)"(?:: |\] = )', source, re.MULTILINE)

    assert ROW.findall(section("docs/operate.md", "Health")) == parts


def test_every_event_of_the_log_that_is_explained_exists() -> None:
    """Renaming one must not leave somebody searching for it."""
    code = "\n".join(
        path.read_text("utf-8")
        for room in ("bot", "handlers")
        for path in (ROOT / room).rglob("*.py")
    )
    rows = ROW.findall(section("docs/operate.md", "Logs"))

    assert rows
    assert [event for event in rows if f'"{event}"' not in code] == []


def test_every_action_on_the_audit_log_is_explained() -> None:
    """Whoever exports it finds each word."""
    assert set(ROW.findall(section("docs/audit.md", "Actions"))) == set(AuditAction)
    assert f"last {LAST_ENTRIES} entries" in read("docs/commands.md")


def test_everything_that_can_be_stuck_is_explained() -> None:
    assert set(ROW.findall(section("docs/operate.md", "What is stuck"))) == set(StuckKind)


def test_every_state_is_drawn() -> None:
    """The diagram of states has them all."""
    drawn = section("docs/architecture.md", "States")

    assert set(re.findall(r"\b[a-z_]+\b", drawn)) >= set(RequestState)


def test_every_room_is_on_the_map() -> None:
    """And every room of the map exists."""
    (layout,) = re.findall(r"```\n(bot/\n.*?)```", read("docs/architecture.md"), re.DOTALL)
    shown = set(re.findall(r"^  (\w+)/", layout, re.MULTILINE))

    assert shown == {path.parent.name for path in (ROOT / "bot").glob("*/__init__.py")}


def test_the_newest_release_of_the_changelog_is_this_one() -> None:
    """What is not released yet stands above it."""
    unreleased, newest, *_ = re.findall(r"^## (\S+)", read("CHANGELOG.md"), re.MULTILINE)

    assert unreleased == "Unreleased"
    assert newest == tomllib.loads(read("pyproject.toml"))["project"]["version"]


def test_every_benchmark_is_in_the_list() -> None:
    """Each can be started by its name."""
    files = {path.stem for path in (ROOT / "tests" / "bench").glob("*.py")}

    assert files - PARTS == set(ROW.findall(section("CONTRIBUTING.md", "Benchmarks")))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    """To a file, and to a heading in it if it says so."""
    for link in LINK.findall(path.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), link
        if anchor:
            assert anchor in _anchors(target.read_text("utf-8")), link


def _anchors(text: str) -> set[str]:
    """The headings, as GitHub names them."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_toml_example_is_valid(path: Path) -> None:
    """Each can be copied as it stands."""
    for example in re.findall(r"```toml\n(.*?)```", path.read_text("utf-8"), re.DOTALL):
        ConfigFile.model_validate(tomllib.loads(example))


@pytest.mark.parametrize("everything", [False, True], ids=["as it is", "uncommented"])
def test_the_example_file_is_valid_and_complete(
    everything: bool,  # noqa: FBT001, a parameter of the test
    tmp_path: Path,
) -> None:
    """It can be copied as it stands, and every key in it, too."""
    text = read("backup-bot.example.toml")
    file = tmp_path / "backup-bot.toml"
    file.write_text(COMMENTED_KEY.sub("", text) if everything else text, "utf-8")
    environ = {**SECRETS, "EU_AK": "AK", "EU_SK": "very-secret", "BACKUP_BOT_CONFIG": str(file)}
    loaded = settings.load(environ, http=False).file

    assert loaded.policy.terms_for("orders-prod", "in01").approvals == 2
    if everything:
        document = tomllib.loads(file.read_text("utf-8"))
        shown = {key for rule in document["rule"] for key in rule} | set(document["approval"])
        assert set(document) == set(ConfigFile.model_fields)
        assert document["rds"].keys() == RdsTable.model_fields.keys()
        assert document["slack"].keys() == SlackTable.model_fields.keys()
        assert shown == set(RuleTable.model_fields)
        assert document["watch"][0].keys() == WatchTable.model_fields.keys()
        assert document["channel"][0].keys() == ChannelTable.model_fields.keys()
        assert document["store"].keys() == StoreTable.model_fields.keys()
        assert document["project"][0].keys() == ProjectTable.model_fields.keys()
        assert document["heartbeat"].keys() == HeartbeatTable.model_fields.keys()


def test_what_the_example_file_says_of_defaults_is_true() -> None:
    """Each key that is commented out with a plain value shows its default."""
    document = tomllib.loads(COMMENTED_KEY.sub("", read("backup-bot.example.toml")))
    shown = ConfigFile.model_validate(document)

    assert shown.rds.model_copy(update={"console": None}) == RdsTable()  # the region's, else
    assert shown.watch[0].watch(1).limits == Limits()
    assert (shown.channel[0].timezone, shown.channel[0].digest) == ("UTC", "off")
    assert shown.channel[0].successes == "off"
    assert shown.approval is not None
    for key in ("self_approval", "remind_after", "expires_after", "approvals"):
        assert getattr(shown.approval, key) == Terms.model_fields[key].default


def test_the_example_environment_is_complete() -> None:
    """Every variable is in it; filled in, it starts the bot either way."""
    lines = dict(ENV_LINE.findall(read(".env.example")))
    given = {name: value for name, value in lines.items() if value}

    assert lines.keys() == {field.alias for field in Environment.model_fields.values()}
    for field in Environment.model_fields.values():
        if isinstance(field.default, str | int):
            assert given[str(field.alias)] == str(field.default)
    given.pop("BACKUP_BOT_CONFIG")
    for http in (False, True):
        loaded = settings.load({**given, **SECRETS}, http=http)
        assert loaded.rds_endpoint == given["RDS_ENDPOINT"]
        assert loaded.cloud_eye_endpoint == given["CES_ENDPOINT"]


def test_what_is_to_be_filled_in_is_all_that_is_needed() -> None:
    """The lines without a # are those without which Socket Mode does not start."""
    needed = re.findall(r"^([A-Z_]+)=$", read(".env.example"), re.MULTILINE)
    settings.load({name: SECRETS[name] for name in needed}, http=False)
