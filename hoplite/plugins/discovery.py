"""Print, as one line of JSON, the plugins that this interpreter sees.

``python -P -m hoplite.plugins.discovery GROUP`` is run in a fresh interpreter, so that packages
installed, upgraded or removed since the server started, and new ``.pth`` files, are seen.  It uses
the standard library only, and imports neither a plugin nor a package that a plugin is in: a plugin's
docstring is read from its source.  ::

    {"plugins": [{"name", "entry_point", "package", "version", "doc"}, ...],   sorted by name
     "paths": [...],                                                           sys.path
     "problems": ["in words", ...]}
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

MAX_SOURCE_BYTES = 1_000_000
MAX_DOC_CHARACTERS = 10_000

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Installed:
    """One installed distribution; reading any part of it may raise anything."""

    def __init__(self, distribution: metadata.Distribution) -> None:
        self._distribution = distribution
        self.where = str(getattr(distribution, "_path", "a distribution"))

    @property
    def is_leftover(self) -> bool:
        """What an interrupted ``pip uninstall`` leaves behind begins with a tilde."""
        return Path(self.where).name.startswith("~")

    @property
    def name(self) -> str:
        """Empty when the metadata has none."""
        return str(self._distribution.metadata["Name"] or "")

    @property
    def version(self) -> str:
        return str(self._distribution.metadata["Version"] or "")

    def entry_points(self, group: str) -> list[metadata.EntryPoint]:
        return [entry for entry in self._distribution.entry_points if entry.group == group]


def discover(group: str) -> dict[str, Any]:
    """What this interpreter sees of ``group``; see the module."""
    problems: list[str] = []
    found: dict[str, dict[str, Any]] = {}
    for installed in _distributions(problems):
        try:
            candidates = [_plugin(installed, entry) for entry in installed.entry_points(group)]
        except Exception as error:  # noqa: BLE001 - one broken package must not hide the others
            problems.append(f"{installed.where}: unreadable: {type(error).__name__}: {error}")
            continue
        for plugin in candidates:
            problems.extend(_keep(plugin, found, installed))
    return {
        "plugins": [found[name] for name in sorted(found)],
        "paths": list(sys.path),
        "problems": problems,
    }


def _distributions(problems: list[str]) -> Iterator[Installed]:
    """In the order of ``sys.path``; of two versions of one package only the first."""
    seen: set[str] = set()
    for path in sys.path:
        here = (Installed(found) for found in metadata.distributions(path=[path]))
        for installed in sorted(here, key=lambda one: one.where):
            if installed.is_leftover:
                continue
            try:
                name = re.sub(r"[-_.]+", "-", installed.name).lower()
            except Exception as error:  # noqa: BLE001 - one broken package must not hide the others
                problems.append(f"{installed.where}: unreadable: {type(error).__name__}: {error}")
                continue
            if name and name in seen:
                continue
            seen.add(name)
            yield installed


def _plugin(installed: Installed, entry: metadata.EntryPoint) -> dict[str, Any]:
    return {
        "name": entry.name,
        "entry_point": entry.value,
        "package": installed.name,
        "version": installed.version,
        "doc": None,
    }


def _keep(
    plugin: dict[str, Any], found: dict[str, dict[str, Any]], installed: Installed
) -> Iterator[str]:
    """Put ``plugin`` into ``found``, or say why not."""
    name = plugin["name"]
    match = metadata.EntryPoint.pattern.match(plugin["entry_point"])
    if not plugin["package"]:
        yield f"{installed.where}: has no name in its metadata; plugin {name!r} is left out"
    elif match is None:
        yield (
            f"{plugin['package']}: plugin {name!r} names {plugin['entry_point']!r}, "
            "which is not of the form package.module or package.module:attribute"
        )
    elif name in found:
        first = found[name]
        yield (
            f"plugin {name!r} is in {first['package']} and in {plugin['package']}; "
            f"{first['package']} is used, because it comes first on sys.path"
        )
    else:
        plugin["doc"] = _run_docstring(match.group("module"), match.group("attr") or "run")
        found[name] = plugin


def _run_docstring(module: str, attribute: str) -> str | None:
    """The docstring of ``attribute`` (a function, or a class or its ``run``) in ``module``.

    None if the source is not a readable file of a sensible size, or has no such docstring.
    """
    try:
        source = _source(module)
        tree = ast.parse(source) if source else None
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    if tree is None:
        return None
    doc = _docstring(tree.body, attribute.split("."))
    return doc[:MAX_DOC_CHARACTERS] if doc else None


def _docstring(body: Iterable[ast.stmt], names: list[str]) -> str | None:
    for node in body:
        if isinstance(node, Function) and [node.name] == names:
            return ast.get_docstring(node)
        if isinstance(node, ast.ClassDef) and node.name == names[0]:
            return _docstring(node.body, names[1:] or ["run"]) or ast.get_docstring(node)
    return None


def _source(module: str) -> bytes | None:
    file = _file(module)
    if file is None or file.stat().st_size > MAX_SOURCE_BYTES:
        return None
    return file.read_bytes()


def _file(module: str) -> Path | None:
    """Where ``module`` is.  The import system's own search below the top level would import the
    parents, so only the top level is left to it (its finders know the editable installs)."""
    top, *below = module.split(".")
    folders, file = _top_level(top)
    for name in below:
        folders, file = _step(folders, name)
    return file


def _top_level(name: str) -> tuple[list[Path], Path | None]:
    for finder in sys.meta_path:
        spec = finder.find_spec(name, None)
        if spec is not None:
            folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
            in_file = spec.has_location and str(spec.origin).endswith(".py")
            return folders, Path(str(spec.origin)) if in_file else None
    return [], None


def _step(folders: list[Path], name: str) -> tuple[list[Path], Path | None]:
    namespace = []
    for folder in folders:
        package = folder / name
        if (package / "__init__.py").is_file():
            return [package], package / "__init__.py"
        module = folder / f"{name}.py"
        if module.is_file():
            return [], module
        if package.is_dir():
            namespace.append(package)
    return namespace, None


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -P -m hoplite.plugins.discovery GROUP")
    print(json.dumps(discover(sys.argv[1])), flush=True)


if __name__ == "__main__":
    main()
