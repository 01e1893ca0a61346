"""Which requests bring files, whose bodies have a limit of their own."""

from __future__ import annotations

import re

AROUND_UPLOAD_BYTES = 64 * 1024
"""What the body may have beside the file: a form has headers."""
_FILES = re.compile(r"/+oarapi(?:-priv)?/media/(?!chmod/)")
_INPUTS = re.compile(r"/+jobs/[^/]+/input$")


def is_upload(method: str, path: str) -> bool:
    if method == "PUT":
        return _INPUTS.match(path) is not None
    return method == "POST" and _FILES.match(path) is not None
