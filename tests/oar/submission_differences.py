"""Every answer to a submission that differs, on purpose, from the recorded one of OAR 2.5.9."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tests.oar.golden import Difference

_LOGIN = "401 at ``/oarapi-priv`` is a page of the web server"
_DEBUG = "``debug`` and ``structure`` count in the query of GET and in forms"
_BODY = "A body that is neither an array nor a hash: 406 or 500"
_EMPTY = "An empty body of ``POST /jobs`` is no JSON"
_REFUSED = "A submission that is refused is 500 for most reasons"
_MAY_NOT = "A submission that rules forbid is 500"
_TYPES = "Types ``placeholder``, ``allowed`` and ``token`` are taken"
_NOTIFY = "A program in ``notify`` that would never be run is taken"
_AFTER = "A job may come after one that does not exist, and waits for ever"


def _all(names: Iterable[str], difference: Difference) -> Mapping[str, Difference]:
    return dict.fromkeys(names, difference)


SUBMISSIONS: Mapping[str, Difference] = {
    "139-post-jobs-badpassword": Difference(_LOGIN, 401),
    **_all(
        [
            "140-post-jobs-unauth-debug",
            "142-post-jobs-malformed-json-debug",
            "182-post-jobs-unknown-option-debug",
        ],
        Difference(_DEBUG, 200),
    ),
    "146-post-jobs-json-array": Difference(_BODY, 400),
    "149-post-jobs-empty-body": Difference(_EMPTY, 400, changes=("title: Missing Required Field",)),
    **_all(
        [
            "163-post-jobs-res-garbage",
            "164-post-jobs-res-not-a-number",
            "167-post-jobs-res-negative",
            "170-post-jobs-res-empty-prop",
            "181-post-jobs-unknown-option",
            "185-post-jobs-unknown-type",
            "188-post-jobs-besteffort-reservation",
            "191-post-jobs-bad-stdout",
            "194-post-jobs-array-nonnumeric",
            "196-post-jobs-inner-unknown",
            "200-post-jobs-scanscript-missing-file",
            "563-sc-type-deploy",
            "575-sc-type-timesharing",
        ],
        Difference(_REFUSED, 400),
    ),
    **_all(
        ["173-post-jobs-res-system-prop", "184-post-jobs-admin-queue", "535-sc-resa-third"],
        Difference(_MAY_NOT, 403),
    ),
    **_all(
        ["566-sc-type-placeholder-x", "568-sc-type-token-x-1"],
        Difference(_TYPES, 400),
    ),
    "190-post-jobs-bad-notify-exec": Difference(_NOTIFY, 400),
    "541-sc-dep-unknown": Difference(_AFTER, 400),
}
