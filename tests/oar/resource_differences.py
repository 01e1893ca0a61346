"""Every answer about resources that differs, on purpose, from the recorded one of OAR 2.5.9."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tests.oar.golden import YAML, Difference

_LIMIT = "``limit=abc``, ``limit=-1`` and the like: an empty page, or 500"
_ALL = "``/resources`` with ``limit=0``, or from an offset past the end, is 500"
_STRUCTURE = "``structure=oar`` of resources prints addresses of Perl"
_NODE = "An unknown node in ``/resources/nodes/`` is 500"
_BY_PROPERTY = "``/resources/<property>/jobs`` links to itself with two slashes and no extension"
_TYPO = "``POST /resources/generate`` wants ``resources``"
_NESTED = "``POST /resources`` with a hash ``properties`` is 500"
_BODY = "A body that is neither an array nor a hash: 406 or 500"
_NOTHING = "``POST /resources`` with an empty array is 500"
_NEW = "New resources link to ``resources/9``, and their list to the body that was sent"
_RIGHT = "A known user without the right gets 401"
_UNKNOWN = "``POST /resources/<id>/state`` of an unknown resource is 200"
_DELETE = "``DELETE`` looks at headers alone for its format"

_POSTED = (
    "?POSTDATA=---%0A-%20network_address%3A%20test3%0A%20%20cpuset%3A%200%0A-%20network_address"
    "%3A%20test3%0A%20%20cpuset%3A%201%0A%20%20core%3A%2077%0A"
)


def _all(names: Iterable[str], difference: Difference) -> Mapping[str, Difference]:
    return dict.fromkeys(names, difference)


RESOURCES: Mapping[str, Difference] = {
    "109-resources-q-limit-0": Difference(_ALL, 200),
    **_all(["112-resources-q-limit-1", "113-resources-q-offset-1"], Difference(_LIMIT, 400)),
    "116-resources-q-structure-oar": Difference(
        _STRUCTURE, 200, changes=tuple(f"items.{n}: number is object" for n in range(1, 9))
    ),
    "121-resource-1-oar": Difference(_STRUCTURE, 200, changes=("1: number is object",)),
    "128-resources-node-unknown": Difference(_NODE, 404),
    "133-resources-byproperty-host-jobs": Difference(
        _BY_PROPERTY,
        200,
        changes=(
            "links: lacks self /oarapi//resources/host/jobs",
            "links: has self /oarapi/resources/host/jobs.json",
        ),
    ),
    "134-resources-byproperty-cpu-jobs-yaml": Difference(
        _BY_PROPERTY,
        200,
        YAML,
        changes=(
            "links: lacks self /oarapi//resources/cpu/jobs",
            "links: has self /oarapi/resources/cpu/jobs.yaml",
        ),
    ),
    "593-res-generate-ressources-typo": Difference(_TYPO, 200),
    "601-res-create-seed-example": Difference(_NESTED, 200),
    "604-res-create-scalar": Difference(_BODY, 400),
    "605-res-create-empty-array": Difference(_NOTHING, 400),
    "607-res-create-array-yaml": Difference(
        _NEW,
        200,
        YAML,
        changes=(
            "items[].links: lacks self resources/10",
            "items[].links: has self /oarapi-priv/resources/10",
            "items[].status: new",
            "items[].warnings: new",
            f"links: lacks self /oarapi-priv/resources.yaml{_POSTED}",
            "links: has self /oarapi-priv/resources.yaml",
        ),
    ),
    "611-res-state-user": Difference(_RIGHT, 403),
    "614-res-state-unknown-id": Difference(_UNKNOWN, 404),
    "617-res-delete-ext-ignored": Difference(_DELETE, 403),
}
