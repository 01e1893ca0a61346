"""Has no run."""

from __future__ import annotations
