"""One trace tells a request's whole story, also across a restart of the bot."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from bot.demo.loopback import LoopbackServer
from bot.domain.errors import SettingsError
from bot.runtime import tracing
from tests.story import Opens


class Collector(LoopbackServer):
    """An OTLP collector that keeps what it gets."""

    def __init__(self) -> None:
        super().__init__(0)
        self.spans: list[Span] = []

    @property
    def endpoint(self) -> str:
        return self._address

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        return app

    async def _take(self, request: web.Request) -> web.Response:
        sent = ExportTraceServiceRequest.FromString(await request.read())
        self.spans += [
            span
            for resource in sent.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        return web.Response(content_type="application/x-protobuf")


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    async with Collector() as collector:
        yield collector


@asynccontextmanager
async def exporting(collector: Collector) -> AsyncIterator[None]:
    """As `run` does, except that the collector shares our loop, which the end must not block."""
    block = tracing.exporting({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint})
    block.__enter__()
    try:
        yield
    finally:
        await asyncio.to_thread(block.__exit__, None, None, None)


def attributes(span: Span) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in span.attributes}


async def test_a_request_is_one_trace_across_a_restart(
    opens: Opens, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Command, decision, calls of RDS, and every message; and nothing that people wrote."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
    async with opens() as story:
        async with exporting(collector), story.bot():
            card = await story.asks("create orders-prod before-42 for the secret upgrade")
        async with exporting(collector), story.bot():
            await story.approves(card)
            await story.until_said(card, "is complete")
        await story.workspace.until(lambda: bool(collector.spans))

    names = [span.name for span in collector.spans]
    (root,) = [span for span in collector.spans if span.name == "request"]
    request_id = attributes(root)["backup_bot.request"]
    assert {span.trace_id for span in collector.spans} == {root.trace_id}
    assert {"look_up", "create", "decision", "rds", "message"} <= set(names)
    lines = {attributes(s).get("line") for s in collector.spans if s.name == "message"}
    assert {"card", "ended"} <= lines
    steps = [span for span in collector.spans if span.name in ("look_up", "create", "decision")]
    assert {span.parent_span_id for span in steps} == {root.span_id}
    (create,) = [span for span in collector.spans if span.name == "create"]
    calls = [span for span in collector.spans if span.parent_span_id == create.span_id]
    assert "POST" in [attributes(call)["method"] for call in calls]
    assert "secret upgrade" not in str(collector.spans)
    assert len(request_id) >= 16


async def test_without_a_collector_nothing_is_traced(opens: Opens) -> None:
    with tracing.exporting({}):
        async with opens() as story, story.bot():
            await story.asks()

    assert tracing._tracer is None  # noqa: SLF001, there is no other sign


def test_a_collector_without_the_packages_is_a_wrong_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}

    with (
        pytest.raises(SettingsError, match=r"install backup-bot\[otel\]"),
        tracing.exporting(environ),
    ):
        pass


async def test_an_error_leaves_its_type_and_no_words(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)

    async with exporting(collector):
        with (
            pytest.raises(ValueError, match="what someone wrote"),
            tracing.span("create", "request-1"),
            tracing.inner_span("rds"),
        ):
            raise ValueError("what someone wrote")

    assert {span.status.code for span in collector.spans} == {2}
    assert {attributes(span)["error.type"] for span in collector.spans} == {"ValueError"}
    assert "what someone wrote" not in str(collector.spans)
