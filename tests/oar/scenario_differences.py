"""Every answer of the scenarios that differs, on purpose, from the recorded one of OAR 2.5.9."""

from __future__ import annotations

from collections.abc import Mapping

from tests.oar.golden import Difference

_RULES = "A submission that rules forbid is 500"
_REFUSED = "A submission that is refused is 500 for most reasons"
_AFTER = "A job may come after one that does not exist, and waits for ever"
_TYPES = "Types ``placeholder``, ``allowed`` and ``token`` are taken"
_ENDED = "A job that has just ended still has a ``scheduled_start``"
_COLUMNS = "``/jobs/table`` has fewer columns than in the document"

_NEW_COLUMNS = (
    "accounted", "checkpoint", "checkpoint_signal", "file_id", "info_type", "job_env",
    "job_group", "notify", "resubmit_job_id", "scheduler_info", "suspended",
)  # fmt: skip

SCENARIOS: Mapping[str, Difference] = {
    "535-sc-resa-third": Difference(_RULES, 403),
    "541-sc-dep-unknown": Difference(_AFTER, 400),
    **dict.fromkeys(
        ("542-sc-dep-dep1", "544-sc-dep-dep3"),
        Difference(_ENDED, 200, changes=("scheduled_start: number is null",)),
    ),
    "545-sc-dep-dep4": Difference(_AFTER, 404),
    "563-sc-type-deploy": Difference(_REFUSED, 400),
    "566-sc-type-placeholder-x": Difference(_TYPES, 400),
    "568-sc-type-token-x-1": Difference(_TYPES, 400),
    "575-sc-type-timesharing": Difference(_REFUSED, 400),
    **dict.fromkeys(
        ("566-sc-type-placeholder-x", "568-sc-type-token-x-1"), Difference(_TYPES, 400)
    ),
    "755-jobs-final-table-error": Difference(
        _COLUMNS, 200, changes=tuple(f"items[].{name}: new" for name in _NEW_COLUMNS)
    ),
}
