"""The dashboard and the alert rules, held against the metrics that the bot serves."""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from tests.deploy.files import ROOT, load, read
from tests.metrics import counted, served
from tests.programs import package, run

OF_PROMETHEUS = {"up", "ALERTS", "process_resident_memory_bytes", "process_cpu_seconds_total"}
LABELS = {"job", "instance", "le"}  # which Prometheus adds
NAME = re.compile(r"\b(backup_bot_\w+)")
INTERVALS = {"$__range": "6h", "$__rate_interval": "1m"}


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(read("docs/deploy/grafana.json"))["panels"]
    return found


def rules() -> list[dict[str, Any]]:
    return [rule for group in load("docs/alerts.yml")["groups"] for rule in group["rules"]]


def queries() -> Iterator[str]:
    """Every query of the dashboard and of the rules, as Prometheus gets it."""
    for panel in panels():
        for target in panel.get("targets", []):
            query = target["expr"]
            for variable, value in INTERVALS.items():
                query = query.replace(variable, value)
            yield query
    yield from (rule["expr"] for rule in rules())


def used(query: str) -> set[str]:
    """The metrics in a query."""
    return {name.removesuffix("_bucket") for name in NAME.findall(query)}


@pytest.mark.parametrize("query", list(queries()))
def test_a_query_is_valid_and_asks_for_what_there_is(query: str) -> None:
    """Metrics and labels alike."""
    package("promql_parser").parse(query)
    metrics = served()
    known = LABELS.union(*(metrics[name] for name in used(query)))
    words = re.findall(r"by \(([^)]*)\)", query) + re.findall(r"\{([^}]*)\}", query)
    labels = {re.split("[=!~]", part)[0].strip() for text in words for part in text.split(",")}

    assert used(query) or set(re.findall(r"^(?:\w+\()*(\w+)", query)) <= OF_PROMETHEUS
    assert labels <= known


def test_the_dashboard_shows_every_metric() -> None:
    shown = [query["expr"] for panel in panels() for query in panel.get("targets", [])]

    assert used(" ".join(shown)) == served().keys()


def test_each_metric_exists_once() -> None:
    """A name that is registered twice would be served twice."""
    gauges = served().keys() - counted().keys()
    documented = re.findall(r"^\| `(backup_bot_\w+)`", read("docs/metrics.md"), re.MULTILINE)

    assert len(counted()) + len(gauges) == len(documented) == len(set(documented))


def test_no_two_panels_overlap_and_each_fits_on_the_page() -> None:
    places = [panel["gridPos"] for panel in panels()]

    assert len({panel["id"] for panel in panels()}) == len(panels())
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, two in combinations(places, 2):
        beside = one["x"] + one["w"] <= two["x"] or two["x"] + two["w"] <= one["x"]
        above = one["y"] + one["h"] <= two["y"] or two["y"] + two["h"] <= one["y"]
        assert beside or above


def test_every_panel_asks_the_data_source_that_is_chosen() -> None:
    """Not one of the person who made it."""
    for panel in panels():
        sources = [query["datasource"] for query in panel.get("targets", [])]
        assert all(source["uid"] == "${datasource}" for source in sources)


def test_what_comes_from_the_database_is_not_added_up_over_replicas() -> None:
    """Each replica reports the same."""
    own = {"backup_bot_queue_depth", "backup_bot_slack_connections"}
    shared = served().keys() - counted().keys() - own
    for query in queries():
        for name in used(query) & shared:
            assert re.search(rf"max[^(]*(\([^)]*\) )?\({name}", query), query


def test_every_alert_says_what_is_wrong() -> None:
    for rule in rules():
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in ("critical", "warning")


def test_each_alert_fires_in_its_trouble_and_in_no_other() -> None:
    """By Prometheus' own test of rules."""
    run("promtool", "test", "rules", ROOT / "tests/deploy/alerts.test.yml")
    tested = load("tests/deploy/alerts.test.yml")["tests"][1]["promql_expr_test"][0]
    fired = re.findall(r'alertname="(\w+)"', str(tested["exp_samples"]))

    assert fired == [rule["alert"] for rule in rules()]


def test_prometheus_accepts_what_compose_gives_it() -> None:
    """With `honor_labels`, or the label `instance` would be the bot's and not the database's."""
    run("promtool", "check", "config", "--syntax-only", ROOT / "docs/deploy/prometheus.yml")
    (job,) = load("docs/deploy/prometheus.yml")["scrape_configs"]

    assert job["honor_labels"]
    assert set(job["dns_sd_configs"][0]["names"]) <= load("compose.yaml")["services"].keys()
