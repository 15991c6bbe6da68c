"""The workflows on GitHub: pinned, with few rights, and nothing that their linters find."""

import re
from typing import Any

import pytest
import yaml

from tests.deploy.files import ROOT, load, read
from tests.programs import run

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
# What each job may write; every other job only reads.
WRITES = {
    ("codeql.yml", "analyze"): {"security-events"},
    ("docs.yml", "deploy"): {"id-token", "pages"},
    ("scorecard.yml", "analyze"): {"id-token", "security-events"},
    ("release.yml", "publish"): {"attestations", "contents", "id-token"},
    ("release.yml", "image"): {"attestations", "id-token", "packages"},
}
each_workflow = pytest.mark.parametrize("name", [file.name for file in WORKFLOWS])


def workflow(name: str) -> dict[Any, Any]:
    document: dict[Any, Any] = yaml.safe_load(read(f".github/workflows/{name}"))
    return document


def test_actionlint_finds_nothing() -> None:
    run("actionlint", *WORKFLOWS)


def test_zizmor_finds_nothing() -> None:
    """No script that a stranger can inject into, no cache that one can poison."""
    run("zizmor", "--offline", "--no-progress", ROOT / ".github")


def test_shellcheck_finds_nothing() -> None:
    run("shellcheck", *(ROOT / ".ci" / name for name in ("pythons", "release", "run")))


def test_dependabot_accepts_its_file() -> None:
    """Its schema comes with the linter."""
    file = ROOT / ".github/dependabot.yml"
    run("check-jsonschema", "--builtin-schema", "vendor.dependabot", file)


def test_everything_that_is_pinned_is_kept_up_to_date() -> None:
    ecosystems = [one["package-ecosystem"] for one in load(".github/dependabot.yml")["updates"]]

    assert set(ecosystems) == {"uv", "github-actions", "docker", "docker-compose"}


@each_workflow
def test_every_action_is_pinned_by_its_commit(name: str) -> None:
    """A tag can be moved; the comment says which one it was."""
    for action in re.findall(r"uses: (.+)", read(f".github/workflows/{name}")):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


def test_an_action_is_pinned_to_the_same_commit_everywhere() -> None:
    pins = re.findall(
        r"uses: ([\w-]+/[\w-]+)\S*@(.+)", "\n".join(f.read_text() for f in WORKFLOWS)
    )

    assert len(set(pins)) == len({action for action, _ in pins})


@each_workflow
def test_a_job_can_write_only_what_it_has_to(name: str) -> None:
    """And nothing by default."""
    document = workflow(name)

    assert document["permissions"] == {}
    for job, settings in document["jobs"].items():
        writes = {what for what, right in settings["permissions"].items() if right == "write"}
        assert writes == WRITES.get((name, job), set())
        assert settings["timeout-minutes"] <= 45


@each_workflow
def test_no_workflow_runs_with_rights_on_what_a_stranger_sent(name: str) -> None:
    triggers = workflow(name)[True]  # YAML reads `on` as true

    assert not {"pull_request_target", "workflow_run", "issue_comment"} & triggers.keys()


@each_workflow
def test_no_checkout_leaves_its_token_behind(name: str) -> None:
    for job in workflow(name)["jobs"].values():
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
