"""The subcommands of hoplite-server, a file for each noun."""

from __future__ import annotations
