"""What travels: Python values with the versions that they were written by.

Both sides import this; it imports little.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import json
import math
import pickle
import sys
from collections.abc import Mapping
from typing import Any

from hoplite.exceptions import RemoteCallError, VersionMismatchError

VERSION = 1
"""Of the envelope.  Raised when an older side would misunderstand it."""
INLINE_BYTES = 64 * 1024
"""What is larger goes through a file of the job."""
JSON, PICKLE, CLOUDPICKLE = "json", "pickle", "cloudpickle"

Head = dict[str, Any]


def python_version() -> str:
    """Pickles of one are not for another."""
    return f"{sys.implementation.name} {sys.version_info.major}.{sys.version_info.minor}"


def packed(value: object, what: str) -> tuple[Head, bytes]:
    """``value`` as bytes, and what has to be known of them.

    By pickle; by cloudpickle what pickle cannot, or could not read on the other side: what is of
    the ``__main__`` of this one.  Raises RemoteCallError.
    """
    head: Head = {"remotify": VERSION, "python": python_version(), "codec": PICKLE}
    try:
        data = pickle.dumps(value, protocol=5)
        # In what may be only a text of that name cloudpickle does no harm.
        if b"__main__" not in data:
            return head, data
    except Exception as error:  # noqa: BLE001 - __reduce__ is anybody's code
        reason = _words(error)
    else:
        reason = "it is of __main__"
    return _cloudpickled(value, head, f"{what} cannot be pickled: {reason}")


def _cloudpickled(value: object, head: Head, trouble: str) -> tuple[Head, bytes]:
    try:
        import cloudpickle  # type: ignore[import-untyped] # it has no types

        data = bytes(cloudpickle.dumps(value, protocol=5))
    except Exception as error:
        raise RemoteCallError(f"{trouble}; nor by cloudpickle: {_words(error)}") from error
    return {**head, "codec": CLOUDPICKLE, "cloudpickle": cloudpickle.__version__}, data


def unpacked(head: Mapping[str, Any], data: bytes, what: str) -> Any:
    """The value.  Runs what code the sender wishes.

    Raises VersionMismatchError, or RemoteCallError if it cannot be read here.
    """
    check_versions(head)
    if head.get("codec") not in (PICKLE, CLOUDPICKLE):
        raise RemoteCallError(f"{what}: the codec {head.get('codec')!r} is not known here")
    try:
        return pickle.loads(data)
    except Exception as error:
        raise RemoteCallError(f"{what} cannot be unpickled here: {_words(error)}") from error


def check_versions(head: Mapping[str, Any]) -> None:
    """Raises VersionMismatchError, naming both sides' versions."""
    if "remotify" not in head:
        raise VersionMismatchError(
            "the envelope has no version, as those of Hoplite 15 had none, whose pickles are not "
            "read: install the same hoplite on both sides"
        )
    if head["remotify"] != VERSION:
        raise VersionMismatchError(
            f"the envelope has version {head['remotify']!r}, and this side ({_here()}) reads "
            f"version {VERSION}: install the same hoplite on both sides"
        )
    if head.get("python") != python_version():
        raise VersionMismatchError(
            f"it was pickled by {head.get('python')!r}, and this side has {python_version()!r}: "
            "use the same Python on both sides"
        )
    theirs = head.get("cloudpickle")
    if theirs is not None:
        _check("cloudpickle", theirs)
    package = head.get("package")
    if isinstance(package, dict):
        _check(str(package.get("name")), str(package.get("version")))


def _check(name: str, theirs: str) -> None:
    ours = version_of(name)
    # A source tree without metadata has no version to compare.
    if ours is not None and ours != theirs:
        raise VersionMismatchError(
            f"the caller has {name} {theirs}, and this side has {name} {ours}: "
            "install the same version on both sides (and PUT /reload)"
        )


def version_of(name: str) -> str | None:
    """Of the installed distribution; None if there is none of that name."""
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


@functools.cache
def package_of(module_name: str) -> dict[str, str] | None:
    """The distribution that the module came with, if exactly one says so."""
    from importlib import metadata

    top = module_name.partition(".")[0]
    names = set(_distributions().get(top, ()))
    if len(names) != 1:
        return None
    (name,) = names
    return {"name": name, "version": metadata.version(name)}


@functools.cache
def _distributions() -> Mapping[str, list[str]]:
    from importlib import metadata

    return metadata.packages_distributions()


def as_text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def from_text(text: object) -> bytes:
    """Raises RemoteCallError."""
    if not isinstance(text, str):
        raise RemoteCallError("the envelope holds no data")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise RemoteCallError("the data of the envelope is no base64") from None


def digest(data: bytes) -> dict[str, Any]:
    """By which data that went through a file is known again."""
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def json_of(value: object) -> bytes:
    """What :func:`check_json` has passed, as JSON."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def check_json(value: object, where: str = "the result") -> None:
    """Raises RemoteCallError unless ``value`` comes back from JSON as it is."""
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return
    if kind is float and math.isfinite(value):  # type: ignore[arg-type] # it is a float
        return
    if kind is list:
        for n, one in enumerate(value):  # type: ignore[var-annotated, arg-type] # it is a list
            check_json(one, f"{where}[{n}]")
        return
    if kind is dict:
        for key, one in value.items():  # type: ignore[attr-defined] # it is a dict
            if type(key) is not str:
                raise RemoteCallError(_no_json(f"a key of {where}", key))
            check_json(one, f"{where}[{key!r}]")
        return
    raise RemoteCallError(_no_json(where, value))


def _no_json(where: str, value: object) -> str:
    return (
        f"{where} is of type {type(value).__qualname__}, which JSON cannot tell, and the caller "
        "takes only JSON from a server that it does not trust: see trust_server in the guide"
    )


def _here() -> str:
    return f"hoplite {version_of('hoplite') or 'without a version'}"


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
