"""Every answer about acting on jobs that differs, on purpose, from the recorded one of OAR 2.5.9."""

from __future__ import annotations

from collections.abc import Mapping

from tests.oar.golden import YAML, Difference

_WHOSE = "Acting on another's job, or on one that does not exist, is 400"
_METHOD = "A method that does not apply is 404"
_OUTPUT = "``DELETE /jobs/<id>`` answers ``oardel_output`` alone"
_STATE = "Whoever comes can set the state of a job by ``POST /jobs/<id>/state``"

_UNKNOWN = (
    "425-act-deletions-unknown-id",
    "428-act-checkpoints-unknown-id",
    "431-act-holds-unknown-id",
    "434-act-rholds-unknown-id",
    "437-act-resumptions-unknown-id",
    "440-act-resubmissions-unknown-id",
    "443-act-signals-unknown-id",
    "481-job-update-unknown-id",
    "509-delete-job-unknown",
)

ACTIONS: Mapping[str, Difference] = {
    **dict.fromkeys(_UNKNOWN, Difference(_WHOSE, 404)),
    "448-act-deletions-get": Difference(_METHOD, 405),
    "508-delete-job-wrong-user-debug": Difference(
        _WHOSE, 200, changes=("title: ERROR 403 - Forbidden",)
    ),
    "512-delete-job-yaml": Difference(_OUTPUT, 202, YAML, ("cmd_output: new",)),
    "524-job-state-unauth-terminated": Difference(_STATE, 404),
    "526-job-state-nostate": Difference(_STATE, 404),
}
