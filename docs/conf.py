"""Sphinx: every warning is an error (``sphinx-build -W -n``), and nothing comes from the network."""

from __future__ import annotations

import sys
from pathlib import Path

import hoplite

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "hoplite"
author = "the hoplite authors"
copyright = f"2026, {author}"  # noqa: A001 - Sphinx's name
release = hoplite.__version__
version = release

extensions = ["sphinx.ext.autodoc", "sphinxcontrib.httpdomain", "hoplite_reference"]
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
exclude_patterns = ["_build", "examples"]
nitpicky = True
highlight_language = "none"
http_strict_mode = True
# Types in the REST reference are those of JSON, which have no page of their own.
nitpick_ignore_regex = [("py:.*", ".*")]

html_theme = "furo"
html_title = f"hoplite {release}"
html_copy_source = False
html_show_sphinx = False
