"""Cannot be imported."""

from __future__ import annotations

import hoplite_module_that_is_not_installed  # type: ignore[import-not-found]  # noqa: F401 - it must fail
