"""Structured logs: readable on a console, or one JSON line per event."""

import io
import logging
import sys
from typing import Any, Literal, TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, ExcInfo

from bot.domain.printable import printable, printable_lines


def configure(log_format: Literal["console", "json"], *, level: int = logging.INFO) -> None:
    """Send everything, the libraries' warnings too, to stderr in one format.

    Tracebacks leave out the values of variables, which may be keys or what people wrote.
    Control characters are escaped, so a line can't affect the terminal.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if log_format == "json":
        render: list[structlog.typing.Processor] = [
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ]
    else:
        render = [
            _spell_out,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=_traceback
            ),
        ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))
    for ours in ("bot", "handlers"):
        logging.getLogger(ours).setLevel(level)
    # It warns of what follows from an error that it raises, too.
    logging.getLogger("psycopg").setLevel(logging.ERROR)


def fell_over() -> None:
    """Log the error that is being handled and ends the bot."""
    structlog.get_logger(__name__).exception("fell_over")


def _spell_out(_: Any, __: str, event: EventDict) -> EventDict:
    # This comes before the renderer, whose colors are escapes, too.
    return {key: _spelled_out(value) for key, value in event.items()}


def _spelled_out(value: Any) -> Any:
    """Escape strings only: the renderer shows other values as their `repr`."""
    return printable(value) if isinstance(value, str) else value


def _traceback(out: TextIO, exc_info: ExcInfo) -> None:
    with io.StringIO() as text:
        structlog.dev.plain_traceback(text, exc_info)
        out.write(printable_lines(text.getvalue()))
