"""Every answer that differs, on purpose, from the recorded one of Hoplite 15.

``row`` begins a row of "Differences from Hoplite 15" in docs/rest-hoplite.rst, where the reason is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from tests.golden.recording import JSON


class Difference(msgspec.Struct, frozen=True):
    """The whole of the new answer; see ``recording.Seen``."""

    row: str
    status: int
    code: str | None = None
    changes: tuple[str, ...] = ()
    media: str = JSON


def _all(names: Iterable[str], difference: Difference) -> Mapping[str, Difference]:
    return dict.fromkeys(names, difference)


_HTML = "404, 405 and 500 are HTML"
_CREATED = "POST answers 200, for an unknown plugin 400"
_CONFIG = "``config`` may be anything"
_KEYLESS = "PUT without a status answers 200 and looks at no key"
_REFUSED = "PUT with a wrong key, no key, no body: 500"
_MERGES = "PUT of a status merges it at the top level"
_KILLED = "kill of an ended job marks it killed"
_SILENT = "Exits, signals, lost processes: finished, no exception"
_PICKLES = '``status["exception"]`` holds pickles'
_BREAKS = "A failure that is no JSON breaks ``GET /jobs`` for everybody"
_LEFT_OUT = "Built-in plugins for network folders of Windows and for Perforce"
_REMOTE = "Remote calls pickle their arguments into the config"

_NEW_RECORD = (
    "status.exception.previous_exception: object is null",
    "status.exception.traceback: text is object",
    "status.exception.message: new",
    "status.exception.type: new",
)
_NEW_EXCEPTION = ("status.exception: new",)

DIFFERENCES: Mapping[str, Difference] = {
    **_all(
        ["005-get-unknown-path", "006-get-jobs-trailing-slash"],
        Difference(_HTML, 404, "not-found"),
    ),
    **_all(
        ["007-delete-jobs-405", "011-get-reload-405", "046-post-job-uuid-405", "077-post-start-405"],
        Difference(_HTML, 405, "method-not-allowed"),
    ),
    "013-get-job-plugins-paths": Difference(
        "``POST /job_plugins/reload`` and ``GET /job_plugins/paths`` do not exist", 200
    ),
    "045-delete-job-405": Difference("DELETE does not exist; jobs are never removed", 200),
    **_all(
        [
            "014-post-job-name-only", "015-post-job-config", "022-post-job-name-and-plugin_name",
            "033-post-job-content-type-text", "034-post-job-no-content-type",
            "037-post-job-unicode-config", "038-post-job-extended-json-config",
        ],
        Difference(_CREATED, 201),
    ),
    "018-post-job-run-true": Difference(
        "POST takes ``name`` and ``running``; the document says ``plugin_name`` and ``run`` too",
        201,
        changes=("running: true",),
    ),
    "019-post-job-running-string-False": Difference(
        '``"False"`` as ``running`` starts the job', 201, changes=("running: false",)
    ),
    "021-post-job-plugin_name-only": Difference(
        "POST takes ``name`` and ``running``; the document says ``plugin_name`` and ``run`` too",
        201,
        changes=("error: missing",),
    ),
    "023-post-job-unknown-plugin": Difference(_CREATED, 404, "job-plugin-does-not-exist"),
    "027-post-job-empty-body": Difference(
        "POST of no body, no JSON or another JSON value: 500", 400, "invalid-field"
    ),
    "029-post-job-json-array": Difference(
        "POST of no body, no JSON or another JSON value: 500", 400, "invalid-json"
    ),
    **_all(
        ["030-post-job-config-null", "031-post-job-config-string"],
        Difference(_CONFIG, 400, "invalid-field"),
    ),
    "035-post-job-form": Difference(
        "Form-encoded bodies arrive empty: 500", 415, "unsupported-media-type"
    ),
    "039-post-job-plugin-import-error": Difference(
        "Plugins are read anew, and imported, at each request", 201
    ),
    **_all(
        ["049-put-status-second-keys", "050-get-job-after-put"],
        Difference(_MERGES, 200, changes=("status.a: missing", "status.key: missing")),
    ),
    **_all(
        ["065-put-status-text-plain", "066-get-job-after-bad-puts"],
        Difference(
            _MERGES,
            200,
            changes=tuple(
                f"status.{key}: missing" for key in ("a", "b", "c", "exception", "key", "nested")
            ),
        ),
    ),
    **_all(
        ["053-put-wrong-key-no-status", "055-put-empty-object", "061-put-extra-keys-only"],
        Difference(_KEYLESS, 403, "wrong-api-key"),
    ),
    "054-put-key-without-status": Difference(_KEYLESS, 400, "invalid-field"),
    **_all(
        ["051-put-status-wrong-key", "057-put-missing-body"],
        Difference(_REFUSED, 403, "wrong-api-key"),
    ),
    **_all(
        ["058-put-malformed-json", "059-put-json-array"],
        Difference(_REFUSED, 400, "invalid-json"),
    ),
    **_all(
        ["062-put-status-string", "063-put-status-list"],
        Difference(_REFUSED, 400, "invalid-field"),
    ),
    "069-put-status-after-kill": Difference(
        "PUT is taken after the job has ended", 403, "job-ended"
    ),
    "086-get-after-kill-finished": Difference(_KILLED, 200, changes=("killed: false",)),
    "107-get-failed-job-after-kill": Difference(
        _KILLED, 200, changes=("killed: false", *_NEW_EXCEPTION)
    ),
    **_all(
        [
            "097-end-raise-multi-arg", "103-end-no-run",
            "111-builtin-download-folder-from-ftp-job-empty-config",
        ],
        Difference(_PICKLES, 200, changes=_NEW_RECORD),
    ),
    "098-end-raise-unpicklable": Difference(_PICKLES, 200, changes=_NEW_EXCEPTION),
    **_all(
        ["099-end-sys-exit-3", "101-end-os-exit-7", "102-end-sigkill-self"],
        Difference(_SILENT, 200, changes=_NEW_EXCEPTION),
    ),
    **_all(
        ["118-end-raise-job-failed", "119-end-raise-job-failed-again", "122-end-raise-bytes"],
        Difference(_BREAKS, 200),
    ),
    "123-end-job-with-wrong-port": Difference("``port`` says where the job reports", 200),
    **_all(
        [
            "109-builtin-download-network-folder-job-empty-config",
            "110-builtin-upload-to-network-folder-job-empty-config",
        ],
        Difference(_LEFT_OUT, 404, "job-plugin-does-not-exist"),
    ),
    **_all(
        [
            "113-builtin-remote-enabler-job-empty-config",
            "114-builtin-remote-enabler-module-job-empty-config",
        ],
        Difference(_REMOTE, 200, changes=(*_NEW_RECORD, "status.raised: new")),
    ),
    "115-builtin-remote-call-os-path-basename": Difference(
        _REMOTE,
        200,
        changes=(
            "status.Keyword arguments for function call: missing",
            "status.Positional arguments for function call: missing",
            "status.return_values: missing",
            "status.exception: new",
            "status.raised: new",
        ),
    ),
}  # fmt: skip
