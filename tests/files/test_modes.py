"""Modes are what chmod(1) makes of them."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hoplite.files.modes import BadModeError, changed, check

needs_chmod = pytest.mark.skipif(shutil.which("chmod") is None, reason="there is no chmod here")
UMASK = 0o022

actions = st.builds(
    str.__add__, st.sampled_from("-+="), st.text("rwxXst", max_size=4) | st.sampled_from("ugo")
)
clauses = st.builds(
    lambda who, does: who + "".join(does),
    st.text("ugoa", max_size=3),
    st.lists(actions, min_size=1),
)
modes = st.lists(clauses, min_size=1, max_size=3).map(",".join) | st.integers(0, 0o7777).map(
    lambda bits: f"{bits:o}"
)


@needs_chmod
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(mode=modes, before=st.integers(0, 0o7777), directory=st.booleans())
def test_as_gnu_has_it(tmp_path: Path, mode: str, before: int, directory: bool) -> None:
    path = tmp_path / ("directory" if directory else "file")
    if directory:
        path.mkdir(exist_ok=True)
    else:
        path.touch()
    path.chmod(before)
    done = subprocess.run(
        ["chmod", "--", mode, str(path)], umask=UMASK, capture_output=True, text=True, check=False
    )
    # It complains where the umask kept it from doing what a mode like "-w" says; the mode is set.
    assert "invalid mode" not in done.stderr
    made = stat.S_IMODE(os.lstat(path).st_mode)
    assert f"{changed(mode, before, directory=directory, umask=UMASK):o}" == f"{made:o}"


@pytest.mark.parametrize(
    "mode",
    ["", "8", "17777", "10000", "u=rw; ls", "u", "+y", "u+r,", ",u+r", "--reference=/etc/shadow",
     "-1", "0x1ff", "755\n", "u+ug", "777777", "７５５"],
)  # fmt: skip
def test_anything_else_is_refused(mode: str) -> None:
    with pytest.raises(BadModeError):
        check(mode)
