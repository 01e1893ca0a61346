"""Whatever a rule's text is, its child answers or is replaced, and nobody else notices."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hoplite.admission.defaults import default_rules
from hoplite.admission.pool import RulePool
from hoplite.model.admission_rule import AdmissionRule
from tests.admission.test_default_rules import SITE, job

WORDS = st.sampled_from(
    [
        *("if", "else", "for", "in", "def", "f", "return", "lambda", "x", "job", "site", "pass"),
        *("warn", "fail", "forbid", "None", "True", "not", "len", "range", "str", "type", "dict"),
        *(
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            ":",
            ",",
            "=",
            "==",
            "+",
            "*",
            "%",
            "<<",
            ".",
            "\n",
            "\n  ",
        ),
        *("'queue'", "'types'", "'resources'", "'walltime'", "0", "1", "9999999999", "-1", "1.5"),
        *(" ", " ", "append", "pop", "clear", "update", "format", "join", "f'{x}'", "# x\n", "\\"),
    ]
)
TEXTS = st.lists(WORDS, max_size=30).map(" ".join) | st.text(max_size=50)


@pytest.fixture(scope="module")
def pool() -> Iterator[RulePool]:
    pool = RulePool(0.3, 32 << 20)
    yield pool
    pool.close()


@given(TEXTS)
@settings(
    max_examples=300,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_any_text_is_refused_or_run_and_the_next_job_is_judged(pool: RulePool, text: str) -> None:
    wrong = pool.check(text)
    if wrong is None:
        rule = AdmissionRule(id=77, rule=text, at=0.0, who="me")
        verdict = pool.run((rule,), job("/core=1"), SITE)
        assert sum(each is not None for each in (verdict.job, verdict.refused, verdict.failed)) == 1
        assert verdict.failed is None or verdict.failed.rule == 77
    shipped = tuple(rule for rule in default_rules("server") if rule.enabled)
    assert pool.run(shipped, job("/core=1"), SITE).job is not None
