"""Every answer that differs, on purpose, from the recorded one of OAR 2.5.9, and those that are
not there yet."""

from __future__ import annotations

from collections.abc import Mapping

from tests.oar.golden import HTML, Difference

_ROOT = "``/oarapi`` without a slash is 404"
_INDEX = "``/index`` is HTML only"
_LOGIN = "401 at ``/oarapi-priv`` is a page of the web server"
_LISTS = "``Accept`` is one exact type"
_GZIP = "``Accept: application/x-gzip``"
_METHOD = "A method that does not apply is 404"
_FORM = "``/jobs/form.html`` is 404"
_DEBUG = "``debug`` and ``structure`` count in the query of GET and in forms"
_DESKTOP = "Desktop computing"

META: Mapping[str, Difference] = {
    "001-root-nopath": Difference(_ROOT, 406),
    "010-index-json": Difference(_INDEX, 200),
    "025-whoami-priv-nocreds": Difference(_LOGIN, 401),
    "032-version-accept-list": Difference(_LISTS, 200),
    "035-version-accept-appyaml": Difference(_LISTS, 200, "application/yaml"),
    "040-version-star-ct-plain": Difference(_LISTS, 200),
    "037-version-accept-gzip": Difference(_GZIP, 406),
    "046-version-options": Difference(_METHOD, 200, HTML),
    "047-version-post": Difference(_METHOD, 405),
    "049-version-delete": Difference(_METHOD, 405),
    "061-jobs-form-html-auth": Difference(_FORM, 200, HTML),
    "068-desktop-agents": Difference(_DESKTOP, 404),
    "070-structure-bogus-post": Difference(_DEBUG, 200),
    "071-structure-bogus-form-post": Difference(_DEBUG, 200),
}

NOT_YET: Mapping[str, str] = {}
"""Cases whose routes are still to come, by what they wait for.  The list only shrinks: a case that
is answered as recorded, or differs on purpose, may not stay here."""
