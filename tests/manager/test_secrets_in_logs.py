"""What a defect puts into the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from hoplite import server_log
from hoplite.settings import Settings


@pytest.fixture
def logging_of_its_own() -> Iterator[None]:
    """Logging is as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_traceback_is_told_without_the_variables_of_its_frames(
    logging_of_its_own: None, capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    server_log.set_up_logging(Settings(log_format=log_format))  # type: ignore[arg-type]

    def fail(api_key: str) -> None:
        raise RuntimeError("something went wrong")

    try:
        fail("s3cret")
    except RuntimeError as error:
        structlog.get_logger("hoplite.tests").error("defect", exc_info=error)
    told = capsys.readouterr().err
    assert "something went wrong" in told
    assert told.count("s3cret") == 1, "once, in the line of code that the traceback quotes"
