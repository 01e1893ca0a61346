"""What every page of both dialects is sent with."""

from __future__ import annotations

from collections.abc import Mapping

PAGE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # With no-referrer browsers would send our own forms with "Origin: null".
    "Referrer-Policy": "same-origin",
    # Who asks decides what is shown.
    "Cache-Control": "private, no-cache",
}
