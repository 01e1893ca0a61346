"""What can keep a job from beginning to run what it was made for."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """The names are those of OAR's events."""

    WORKING_DIRECTORY = "WORKING_DIRECTORY"
    """The directory that it is to run in cannot be entered."""
    OUTPUT_FILES = "OUTPUT_FILES"
    """A file that its output is to go to cannot be opened."""
