"""The functions of the top of the package, under the name by which programs for Hoplite 15 import
them too."""

from __future__ import annotations

from hoplite.client.availability import is_hoplite_available, wait_for_hoplite

__all__ = ["is_hoplite_available", "wait_for_hoplite"]
