"""OAR's own names of the commands."""

from __future__ import annotations

ALIASES = {
    "oarstat": "stat",
    "oardel": "del",
    "oarnodes": "nodes",
    "oarsub": "sub",
    "oarhold": "hold",
    "oarresume": "resume",
}
