"""Every answer about configuration and accounting that differs, on purpose, from the recorded one of
OAR 2.5.9."""

from __future__ import annotations

from collections.abc import Mapping

from tests.oar.golden import YAML, Difference

_RIGHT = "A known user without the right gets 401"
_UNKNOWN = "An unknown variable of ``/config`` is"
_OTHERS = "``/config`` has the variables of ``oar.conf``"
_MORE = "A variable of ``/config`` is ``id``, ``value`` and ``links``"
_STATUS = "``POST /config/<variable>`` is always 200"

CONFIG: Mapping[str, Difference] = {
    "671-config-user": Difference(_RIGHT, 403),
    "674-config-var-json": Difference(_MORE, 200, changes=("[].change_takes_effect: new",)),
    "677-config-var-yaml": Difference(_MORE, 200, YAML, ("[].change_takes_effect: new",)),
    "682-config-var-oar": Difference(_MORE, 200, changes=("DB_TYPE.change_takes_effect: new",)),
    "683-config-file-user": Difference(_RIGHT, 403),
    "686-config-var-unknown": Difference(_UNKNOWN, 404),
    "688-config-post-user": Difference(_STATUS, 403),
    "689-config-post-missing": Difference(_STATUS, 400),
    "691-config-post-existing": Difference(_OTHERS, 404),
    "692-config-post-new-var": Difference(_UNKNOWN, 404),
    "694-config-var-after-post": Difference(_OTHERS, 404),
}
