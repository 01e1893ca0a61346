"""Fixtures of the crash tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Keeps what the test's client was told."""
    return Ledger(tmp_path)
