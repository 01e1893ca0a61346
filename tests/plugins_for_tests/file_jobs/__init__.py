"""Jobs with files."""

from __future__ import annotations
