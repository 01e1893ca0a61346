"""The server's own log, on stderr."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from hoplite.settings import Settings


def set_up_logging(settings: Settings) -> None:
    """Text for people or JSON for machines; the libraries' logs go the same way."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendered(settings),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    set_level(settings)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


def set_level(settings: Settings) -> None:
    """What is less than the settings' ``log_level`` is not logged; with ``debug`` everything is."""
    named = getattr(logging, settings.log_level.upper())
    logging.getLogger().setLevel(logging.DEBUG if settings.debug else named)


def _rendered(settings: Settings) -> list[Any]:
    if settings.log_format == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    # Not the traceback that rich makes: it prints the variables of every frame, secrets among them.
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]


def log_through_logging() -> None:
    """Where the program that hoplite is part of has not set structlog up: leave it to ``logging``,
    without the variables of a traceback's frames."""
    if not structlog.is_configured():
        structlog.configure(
            processors=[
                structlog.stdlib.filter_by_level,
                structlog.processors.format_exc_info,
                structlog.stdlib.render_to_log_kwargs,
            ],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
        )
