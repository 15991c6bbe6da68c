"""Traces over OTLP: one for each request, from its command to its last message.

A request's trace ID follows from the request's own ID. So spans of several replicas, and of the
time before and after a restart, belong to one trace, and nothing has to be stored for that.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from bot.domain.errors import SettingsError

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

# The SDK reads these and its other variables itself (opentelemetry.io, "SDK configuration").
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SERVICE = "backup-bot"
NOT_INSTALLED = (
    "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry isn't installed: install"
    " backup-bot[otel]."
)
NANOSECONDS = 1_000_000_000
TO_EXPORT = 2_000  # ms for what is left at the end

Attribute = str | int | float | bool


class _Ids(NamedTuple):
    trace: int
    root: int


_tracer: "Tracer | None" = None
_root_ids: ContextVar[_Ids | None] = ContextVar("root_ids", default=None)


@contextmanager
def exporting(environ: Mapping[str, str]) -> Iterator[None]:
    """Export spans for as long as the block lasts, if the environment names a collector.

    Raises SettingsError if it does and the packages aren't installed.
    """
    global _tracer  # noqa: PLW0603, one process, one tracer
    if not any(environ.get(name) for name in ENDPOINTS):
        yield
        return
    provider = _provider()
    _tracer = provider.get_tracer(SERVICE)
    try:
        yield
    finally:
        _tracer = None
        provider.force_flush(TO_EXPORT)
        provider.shutdown()


def began(request_id: str, at: datetime) -> None:
    """Note a new request: the root of its trace."""
    if _tracer is None:
        return
    from opentelemetry.context import Context  # noqa: PLC0415, only those who trace wait for it

    token = _root_ids.set(_ids(request_id))
    try:
        start = int(at.timestamp() * NANOSECONDS)
        root = _tracer.start_span("request", context=Context(), start_time=start)
        root.set_attribute("backup_bot.request", request_id)
        root.end()
    finally:
        _root_ids.reset(token)


@contextmanager
def span(name: str, request_id: str, **attributes: Attribute) -> Iterator[None]:
    """Trace a part of the work on a request."""
    if _tracer is None:
        yield
        return
    with _recorded(_tracer, name, _inside(request_id), attributes):
        yield


@contextmanager
def inner_span(name: str, **attributes: Attribute) -> Iterator[None]:
    """Trace a call, if it is part of the work on a request."""
    if _tracer is None:
        yield
        return
    from opentelemetry.trace import get_current_span  # noqa: PLC0415, as above

    if not get_current_span().get_span_context().is_valid:
        yield
        return
    with _recorded(_tracer, name, None, attributes):
        yield


@contextmanager
def _recorded(
    tracer: "Tracer", name: str, context: "Context | None", attributes: Mapping[str, Attribute]
) -> Iterator["Span"]:
    """Record a span. Of an error only the type is kept: its text can hold what people wrote."""
    from opentelemetry.trace import StatusCode  # noqa: PLC0415, as above

    with tracer.start_as_current_span(
        name,
        context=context,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as opened:
        try:
            yield opened
        except Exception as error:
            opened.set_attribute("error.type", type(error).__name__)
            opened.set_status(StatusCode.ERROR)
            raise


def _provider() -> "TracerProvider":
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator  # noqa: PLC0415
    except ImportError as error:
        raise SettingsError([NOT_INSTALLED]) from error

    class Ids(RandomIdGenerator):
        """Random IDs, except for the root of a request's trace."""

        def generate_trace_id(self) -> int:
            ids = _root_ids.get()
            return ids.trace if ids else super().generate_trace_id()

        def generate_span_id(self) -> int:
            ids = _root_ids.get()
            return ids.root if ids else super().generate_span_id()

    own = Resource.create({SERVICE_NAME: SERVICE})
    provider = TracerProvider(resource=own, id_generator=Ids(), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


def _inside(request_id: str) -> "Context":
    """Return the context of a request's root span, which another process may have recorded."""
    from opentelemetry.trace import (  # noqa: PLC0415, as above
        NonRecordingSpan,
        SpanContext,
        TraceFlags,
        set_span_in_context,
    )

    ids = _ids(request_id)
    sampled = TraceFlags(TraceFlags.SAMPLED)
    return set_span_in_context(
        NonRecordingSpan(SpanContext(ids.trace, ids.root, is_remote=True, trace_flags=sampled))
    )


def _ids(request_id: str) -> _Ids:
    digest = sha256(request_id.encode()).digest()
    return _Ids(int.from_bytes(digest[:16]) or 1, int.from_bytes(digest[16:24]) or 1)
