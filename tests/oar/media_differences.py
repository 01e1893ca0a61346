"""Every answer about files that differs, on purpose, from the recorded one of OAR 2.5.9."""

from __future__ import annotations

from collections.abc import Mapping

from tests.oar.golden import YAML, Difference

_TAIL = "``tail=abc`` gives the whole file"
_RECEIPT = "The receipt of an upload is YAML that is called ``text/html``"
_DEBUG = "``debug`` and ``structure`` count in the query of GET and in forms"
_MODE = "A wrong mode is 401"

MEDIA: Mapping[str, Difference] = {
    "712-media-get-tail-bad": Difference(_TAIL, 400, YAML),
    "721-media-post": Difference(_RECEIPT, 201, YAML),
    "724-media-post-exists-debug": Difference(_DEBUG, 200, YAML),
    "725-media-post-force": Difference(_RECEIPT, 201, YAML),
    "727-media-post-empty": Difference(_RECEIPT, 201, YAML),
    "737-media-chmod-bad-mode": Difference(_MODE, 400),
}
