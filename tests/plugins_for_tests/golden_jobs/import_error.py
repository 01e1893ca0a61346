"""A plugin that cannot be imported."""

from __future__ import annotations

import a_module_that_nobody_has  # type: ignore[import-not-found]  # noqa: F401 - it is the point
