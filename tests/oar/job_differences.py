"""Every answer about jobs that differs, on purpose, from the recorded one of OAR 2.5.9, and those that
are not there yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tests.oar.golden import HTML, YAML, Difference, Seen

_COLUMNS = "``/jobs/table`` has fewer columns than in the document"
_NULL = "``array_index`` and ``resubmit_job_id`` are null in ``/jobs/details``"
_LINKS = "With ``structure=oar`` the links of a job in detail lack its id"
_ORDER = "The resources of a job come in any order"
_BY_PROPERTY = "``/resources/<property>/jobs`` links to itself with two slashes and no extension"
_LIMIT = "``limit=abc``, ``limit=-1`` and the like: an empty page, or 500"
_FILTER = "A filter of jobs that makes no sense, like ``from=abc``, finds nothing"
_SELECT = "``/select_all``"
_COLMET = "``/colmet``"
_DEBUG = "``/oarapi-debug``"


def _all(names: Iterable[str], difference: Difference) -> Mapping[str, Difference]:
    return dict.fromkeys(names, difference)


def _moved(at: str, lacks: Iterable[str], has: Iterable[str]) -> tuple[str, ...]:
    return (
        *(f"{at}: lacks {link}" for link in lacks),
        *(f"{at}: has {link}" for link in has),
    )


def _of_job(mount: str, job: str) -> list[str]:
    own = f"{mount}/jobs/{job}"
    return [f"self {own}", f"resources {own}/resources", f"nodes {own}/nodes"]


def _of_resource(mount: str, resource: str) -> list[str]:
    return [f"self {mount}/resources/{resource}", f"jobs {mount}/resources/{resource}/jobs"]


_NEW_COLUMNS = tuple(
    f"items[].{name}: new"
    for name in (
        "accounted", "checkpoint", "checkpoint_signal", "file_id", "info_type", "job_env",
        "job_group", "notify", "resubmit_job_id", "scheduler_info", "suspended",
    )
)  # fmt: skip
_KNOWN = ("items[].array_index: null is number", "items[].resubmit_job_id: null is number")
_NODE1, _NODE2 = (f"node /oarapi/resources/nodes/node{n}" for n in (1, 2))
_NODE1_PRIV, _NODE2_PRIV = (f"node /oarapi-priv/resources/nodes/node{n}" for n in (1, 2))

JOBS: Mapping[str, Difference] = {
    **_all(
        ["253-jobs-table-yaml", "304-jobs-table-q-terminated"],
        Difference(_COLUMNS, 200, YAML, _NEW_COLUMNS),
    ),
    "257-jobs-table-oar": Difference(_COLUMNS, 200, changes=_NEW_COLUMNS),
    **_all(
        ["260-jobs-details-auth", "262-jobs-details-auth-oar"],
        Difference(_NULL, 200, changes=_KNOWN),
    ),
    "256-jobs-details-oar": Difference(
        _LINKS,
        200,
        changes=(
            *_KNOWN,
            *_moved("items[].links", _of_job("/oarapi", ""), _of_job("/oarapi", "38")),
        ),
    ),
    **_all(
        ["319-job-running-oar", "320-job-running-details-oar"],
        Difference(
            _LINKS,
            200,
            changes=_moved("links", _of_job("/oarapi-priv", ""), _of_job("/oarapi-priv", "54")),
        ),
    ),
    "335-job-two-nodes-resources": Difference(
        _ORDER,
        200,
        changes=_moved(
            "items[].links",
            [_NODE2, *_of_resource("/oarapi", "5")],
            [_NODE1, *_of_resource("/oarapi", "1")],
        ),
    ),
    "338-job-waiting-resources": Difference(
        _ORDER,
        200,
        changes=_moved(
            "items[].links", _of_resource("/oarapi", "2"), _of_resource("/oarapi", "1")
        ),
    ),
    "355-job-waiting-details": Difference(
        _ORDER,
        200,
        changes=_moved(
            "resources[].links",
            [_NODE2_PRIV, *_of_resource("/oarapi-priv", "8")],
            [_NODE1_PRIV, *_of_resource("/oarapi-priv", "1")],
        ),
    ),
    "388-resources-host-jobs-json": Difference(
        _BY_PROPERTY,
        200,
        changes=(
            "links: lacks self /oarapi//resources/host/jobs",
            "links: has self /oarapi/resources/host/jobs.json",
        ),
    ),
    "392-resources-host-jobs-yaml": Difference(
        _BY_PROPERTY,
        200,
        YAML,
        changes=(
            "links: lacks self /oarapi//resources/host/jobs",
            "links: has self /oarapi/resources/host/jobs.yaml",
        ),
    ),
    "275-jobs-q-limit-abc": Difference(_LIMIT, 400),
    **_all(["290-jobs-q-ids-abc", "295-jobs-q-from-abc"], Difference(_FILTER, 400)),
    **_all(
        [
            "403-select-all-unauth", "404-select-all-json", "407-select-all-limit",
            "409-select-all-badsql", "410-select-all-accept-unauth",
            "415-select-all-accept-noquery", "416-select-all-accept-badsql",
            "418-select-all-accept-forbidden-table",
        ],
        Difference(_SELECT, 404),
    ),
    **_all(
        ["406-select-all-html", "413-select-all-accept-html"], Difference(_SELECT, 404, HTML)
    ),
    "412-select-all-accept-yaml": Difference(_SELECT, 404, YAML),
    **_all(["421-colmet-noformat", "422-colmet-gzip"], Difference(_COLMET, 404)),
    "419-debug-script-404": Difference(_DEBUG, 404),
}  # fmt: skip

NOT_YET: Mapping[str, Seen] = {}
"""Answers to what is still to come.  The list only shrinks: a case that is answered as recorded, or
differs on purpose, may not stay here."""
