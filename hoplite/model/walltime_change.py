"""Changes of the walltime of a job that runs: what is asked, and what came of it."""

from __future__ import annotations

import msgspec

from hoplite.model.resource_request import walltime_text
from hoplite.model.resource_request_parser import parse_walltime

_SIGNS = {"+": 1, "-": -1}


class WalltimeAsk(msgspec.Struct, frozen=True, gc=False):
    """``seconds`` as the new walltime; ``relative``: so many more, or if negative less, than it
    is."""

    seconds: float
    relative: bool = False

    def after(self, walltime_s: float) -> float:
        """The walltime asked for, of a job that has ``walltime_s``."""
        return walltime_s + self.seconds if self.relative else self.seconds


class WalltimeChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What became of all that was asked.  Seconds; negative ones were taken away."""

    first_s: float
    """The walltime with which the job was started."""
    granted_s: float = 0.0
    """The job's walltime is ``first_s + granted_s``."""
    pending_s: float = 0.0
    """Asked for, not granted yet: others are planned there.  It is given when there is room."""
    granted_with_force_s: float = 0.0
    """How much of ``granted_s`` went beyond what users may have."""
    granted_with_delay_next_jobs_s: float = 0.0
    """How much of it others were to wait for."""
    force: bool = False
    """The last request asked for it."""
    delay_next_jobs: bool = False


def read_walltime_change(text: str) -> WalltimeAsk:
    """``+h:m:s``, ``-h:m:s`` or ``h:m:s``, minutes and seconds optional, as OAR takes it.  Raises
    :class:`~hoplite.exceptions.RequestSyntaxError`."""
    sign = _SIGNS.get(text[:1])
    if sign is None:
        return WalltimeAsk(float(parse_walltime(text)))
    return WalltimeAsk(float(sign * parse_walltime(text[1:])), relative=True)


def change_text(seconds: float) -> str:
    """As OAR writes a change: ``+0:10:0``, ``-0:5:0``, ``0:0:0``."""
    whole = round(seconds)
    sign = "+" if whole > 0 else "-" if whole < 0 else ""
    return sign + walltime_text(abs(whole))
