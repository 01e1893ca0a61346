"""``#OAR`` lines in scripts, and files of parameters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoplite.exceptions import InvalidFieldError
from hoplite.submission.directives import read_directives, scanned
from hoplite.submission.parameters import read_parameters

_SHORT = {"resource": "-l", "queue": "-q", "name": "-n", "type": "-t", "anterior": "-a",
          "property": "-p", "directory": "-d", "stdout": "-O", "stderr": "-E"}  # fmt: skip
_VALUE = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1).filter(
    lambda text: '"' not in text and not text.startswith("=")
)
_OTHER_LINES = st.sampled_from(
    ["", "echo hi", "# a comment", "#OARX -l x", " #OAR -l x", "x #OAR -q"]
)


@st.composite
def _scripts(draw: st.DrawFn) -> tuple[str, dict[str, list[str]]]:
    """A script, and what its directives say."""
    lines, meant = ["#!/bin/bash"], dict[str, list[str]]()
    for _ in range(draw(st.integers(0, 6))):
        name, value = draw(st.sampled_from(list(_SHORT))), draw(_VALUE)
        form = draw(
            st.sampled_from(["{short} {v}", "--{name} {v}", "--{name}={v}", '{short} "{v}"'])
        )
        lines.append("#OAR " + form.format(short=_SHORT[name], name=name, v=value))
        meant.setdefault(name, []).append(value)
        lines.append(draw(_OTHER_LINES))
    return "\n".join(lines), meant


@given(_scripts())
def test_every_directive_is_read_and_nothing_else(case: tuple[str, dict[str, list[str]]]) -> None:
    script, meant = case
    assert read_directives(script) == meant


@given(_scripts(), st.dictionaries(st.sampled_from(list(_SHORT)), _VALUE))
def test_some_accumulate_and_of_the_others_the_request_wins(
    case: tuple[str, dict[str, list[str]]], beside: dict[str, str]
) -> None:
    script, of_script = case
    found = scanned(beside, script)
    for name, values in of_script.items():
        if name in ("resource", "type", "anterior"):
            assert found.options[name] == [*([beside[name]] if name in beside else []), *values]
        elif name == "directory" or name not in beside:
            assert found.options[name] == values[-1]
        else:
            assert found.options[name] == beside[name]
            assert any(name in warning for warning in found.warnings)


def test_flags_need_no_value() -> None:
    found = scanned({}, "#!/bin/sh\n#OAR --hold\n#OAR -k\n#OAR --use-job-key\n")
    assert found.options == {"hold": "", "use-job-key": ""}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("#OAR", "right is #OAR and an option"),
        ("#OAR nodes=1", "right is #OAR and an option"),
        ("#OAR -Z x", "no such option"),
        ("#OAR --command x", "no such option"),
        ("#OAR -l", "needs a value"),
    ],
)
def test_a_directive_that_is_none_is_named_with_its_line(line: str, words: str) -> None:
    with pytest.raises(InvalidFieldError, match="line 2") as refused:
        read_directives(f"#!/bin/sh\n{line}\n")
    assert words in str(refused.value)


def test_a_script_begins_with_a_sharp() -> None:
    with pytest.raises(InvalidFieldError, match="must start with #"):
        read_directives("echo\n#OAR -l /core=1\n")


@given(st.lists(st.sampled_from(["1 2", "a", "", "  ", "# no", "  # no", "'x y' \"z\"", "a # b"])))
def test_each_line_of_parameters_that_says_something_is_a_job(lines: list[str]) -> None:
    meant = [line for line in lines if line.strip() and not line.strip().startswith("#")]
    text = "\n".join(lines)
    if meant:
        assert read_parameters(text, "param_file") == [line.strip() for line in meant]
    else:
        with pytest.raises(InvalidFieldError, match="param_file: it holds no parameters"):
            read_parameters(text, "param_file")
