"""The Helm chart, rendered by Helm itself and held against Kubernetes' own schemas."""

import tomllib
from typing import Any

import pytest
import yaml

from bot.config import settings
from bot.config.file import ConfigFile
from bot.config.settings import Environment
from tests.config.test_settings import ENOUGH
from tests.deploy.files import ROOT, UID, load, read
from tests.process.test_shutdown import STOPS_WITHIN
from tests.programs import package

CHART = ROOT / "docs/deploy/helm"
SQLITE = {"existingSecret": "secrets", "policy": read("backup-bot.example.toml")}
POSTGRESQL = SQLITE | {"database": "postgresql"}
HTTP = POSTGRESQL | {"http": {"enabled": True}}
ALL = HTTP | {
    "env": {"RDS_ENDPOINT": "https://rds.internal"},
    "imagePullSecrets": [{"name": "registry"}],
    "image": {"digest": f"sha256:{'0' * 64}"},
    "networkPolicy": {
        "metricsFrom": [{"namespaceSelector": {}}],
        "httpFrom": [{"podSelector": {}}],
        "databaseTo": [{"ipBlock": {"cidr": "192.0.2.0/24"}}],
        "extraEgress": [{"ports": [{"port": 8443}]}],
    },
    "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
    "podAnnotations": {"a": "b"},
    "podLabels": {"team": "dba"},
}
KINDS = {"sqlite": SQLITE, "postgresql": POSTGRESQL, "http": HTTP, "all": ALL}
Documents = dict[str, dict[str, Any]]


def rendered(values: dict[str, Any], name: str = "team") -> Documents:
    """What Helm makes of the chart, by kind."""
    with package("helm_python").Chart.load(CHART) as chart:
        made = chart.render(values=values, name=name)
    texts = [text for file, text in made.items() if file.endswith(".yaml")]
    documents = [document for text in texts if (document := yaml.safe_load(text))]
    return {document["kind"]: document for document in documents}


def pod(documents: Documents) -> dict[str, Any]:
    spec: dict[str, Any] = documents["Deployment"]["spec"]["template"]["spec"]
    return spec


def container(documents: Documents) -> dict[str, Any]:
    (one,) = pod(documents)["containers"]
    assert isinstance(one, dict)
    return one


@pytest.mark.parametrize("values", KINDS.values(), ids=KINDS)
def test_helm_lints_the_chart(values: dict[str, Any]) -> None:
    report = package("helm_python").lint(CHART, values, strict=True)

    assert report["errors"] == []
    assert {found["error"] for found in report["messages"]} <= {"icon is recommended"}


@pytest.mark.parametrize("version", ["1.30", "1.37"])
@pytest.mark.parametrize("values", KINDS.values(), ids=KINDS)
def test_kubernetes_knows_every_field(values: dict[str, Any], version: str) -> None:
    validate = package("kubernetes_validate").validate
    for document in rendered(values).values():
        validate(document, version, strict=True)


@pytest.mark.parametrize("values", KINDS.values(), ids=KINDS)
def test_the_pod_meets_the_restricted_standard(values: dict[str, Any]) -> None:
    """Not root, nothing writable but its volume, and no way to more rights."""
    documents = rendered(values)

    assert pod(documents)["securityContext"]["runAsNonRoot"]
    assert pod(documents)["securityContext"]["runAsUser"] == UID
    assert pod(documents)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod(documents)["automountServiceAccountToken"] is False
    assert container(documents)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    writable = [m for m in container(documents)["volumeMounts"] if not m.get("readOnly")]
    assert [mount["mountPath"] for mount in writable] == ["/home/backup-bot"]


@pytest.mark.parametrize("values", [POSTGRESQL, HTTP], ids=["socket", "http"])
def test_a_pod_gets_the_time_that_the_bot_needs_to_stop(values: dict[str, Any]) -> None:
    """After it was taken out of the Service."""
    documents = rendered(values)
    hook = container(documents).get("lifecycle", {}).get("preStop", {"exec": {"command": ["", 0]}})
    leaves_service = float(hook["exec"]["command"][1])

    assert pod(documents)["terminationGracePeriodSeconds"] > leaves_service + STOPS_WITHIN


def test_on_sqlite_there_is_one_process_and_its_volume_is_kept() -> None:
    """A second process on the same file would refuse to start."""
    documents = rendered(SQLITE | {"replicas": 3})

    assert documents["Deployment"]["spec"]["replicas"] == 1
    assert documents["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
    claim = documents["PersistentVolumeClaim"]
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert "PodDisruptionBudget" not in documents


def test_on_postgresql_a_rollout_leaves_no_gap() -> None:
    """And a drain stops one replica at a time."""
    documents = rendered(POSTGRESQL)
    rollout = documents["Deployment"]["spec"]["strategy"]["rollingUpdate"]

    assert rollout == {"maxSurge": 1, "maxUnavailable": 0}
    assert documents["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
    assert "PersistentVolumeClaim" not in documents


def test_the_probes_ask_what_they_should() -> None:
    """A pod is restarted only if it isn't alive; a database that is away doesn't count."""
    probes = container(rendered(SQLITE))

    assert probes["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert probes["startupProbe"]["httpGet"]["path"] == "/healthz"
    assert probes["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_the_network_policy_lets_in_only_what_is_served() -> None:
    def served(values: dict[str, Any]) -> list[str]:
        rules = rendered(values)["NetworkPolicy"]["spec"]["ingress"]
        return [port["port"] for rule in rules for port in rule["ports"]]

    assert served(SQLITE) == ["health"]
    assert served(HTTP) == ["health", "http"]


def test_the_secret_is_required_and_no_secret_is_in_the_chart() -> None:
    with pytest.raises(package("helm_python").HelmRenderError, match="existingSecret"):
        rendered({})
    assert "Secret" not in rendered(ALL)


def test_what_the_chart_sets_is_valid() -> None:
    """With the secrets, the bot starts; its policy is the one that was given."""
    documents = rendered(ALL)
    given = {one["name"]: one["value"] for one in container(documents)["env"]}
    policy = tomllib.loads(documents["ConfigMap"]["data"]["backup-bot.toml"])
    path = given.pop("BACKUP_BOT_CONFIG")
    loaded = settings.load({**ENOUGH, **given}, http=False)

    assert given.keys() <= {field.alias for field in Environment.model_fields.values()}
    assert loaded.rds_endpoint == "https://rds.internal"
    assert ConfigFile.model_validate(policy).policy.rules
    mounts = {mount["name"]: mount["mountPath"] for mount in container(documents)["volumeMounts"]}
    assert path == f"{mounts['policy']}/backup-bot.toml"


@pytest.mark.parametrize("address", [None, "::"])
def test_the_probes_get_an_answer_whatever_the_secret_says(address: str | None) -> None:
    """A variable of the pod counts for more than the Secret's; an IPv6 cluster can set its own."""
    values = SQLITE | {"env": {"HEALTH_HOST": address} if address else {}}
    given = [one for one in container(rendered(values))["env"] if one["name"] == "HEALTH_HOST"]
    expected = address or "0.0.0.0"  # noqa: S104, of a container

    assert given == [{"name": "HEALTH_HOST", "value": expected}]


def test_the_chart_is_of_this_release() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]

    assert load("docs/deploy/helm/Chart.yaml")["appVersion"] == project["version"]
    assert load("docs/deploy/helm/Chart.yaml")["version"] == project["version"]
