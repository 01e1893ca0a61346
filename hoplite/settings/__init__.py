"""The server's settings: what they are, where they come from, which of them contradict.

How they are changed while it runs is in :mod:`hoplite.settings.configuration`.
"""

from __future__ import annotations

from hoplite.settings.described import Setting, describe
from hoplite.settings.fields import Settings
from hoplite.settings.sources import Loaded, from_arguments, load, read

__all__ = [
    "Loaded",
    "Setting",
    "Settings",
    "describe",
    "from_arguments",
    "load",
    "read",
]
