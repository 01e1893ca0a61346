"""From the facts of an end to the outcome."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from hoplite.execution.protocol import Ended, Report
from hoplite.manager.verdict import judge, status_at_end
from hoplite.model.job import Job
from hoplite.model.lifecycle import Outcome, State

RETURNED = Report(returned=True, exit_code=0)
RECORD = msgspec.Raw(b'{"type":"ValueError","message":"no\\nmore"}')
RAISED = Report(returned=False, exit_code=1, exception=RECORD)


def job(**more: Any) -> Job:
    return Job(id=1, uuid="u", plugin="p", owner="o", created_at=0.0, state=State.RUNNING, **more)


KILLED = job(kill_by="alice", kill_at=10.0)


@pytest.mark.parametrize(
    ("of", "facts", "outcome", "words"),
    [
        (job(), {"exit_code": 0, "report": RETURNED}, Outcome.SUCCEEDED, None),
        (job(), {"exit_code": 1, "report": RAISED}, Outcome.FAILED, "it raised ValueError: no"),
        (job(), {"exit_code": 7}, Outcome.FAILED, "exited with code 7 before run returned"),
        (job(), {"exit_code": 0}, Outcome.FAILED, "exited with code 0 before run returned"),
        (job(), {"exit_code": 3, "report": RETURNED}, Outcome.FAILED, "run returned, but"),
        (job(), {"signal": 11}, Outcome.FAILED, "SIGSEGV (11)"),
        (job(), {"signal": 11, "report": RETURNED}, Outcome.FAILED, "SIGSEGV (11)"),
        (job(), {"signal": 9, "out_of_memory": True}, Outcome.FAILED, "out-of-memory killer"),
        (job(timeout_s=2.0), {"signal": 15, "timed_out": True}, Outcome.TIMED_OUT, "timeout of 2 s"),
        (job(), {"lost": "rebooted"}, Outcome.LOST, "rebooted"),
        (job(), {"lost": "vanished"}, Outcome.LOST, "vanished"),
        (job(), {"launch_error": "no room"}, Outcome.FAILED, "no room"),
        (KILLED, {"signal": 15}, Outcome.KILLED, "killed by alice with SIGTERM (15)"),
        (KILLED, {"exit_code": 143}, Outcome.KILLED, "caught the signal and exited with 143"),
        (KILLED, {"exit_code": 1, "report": RAISED}, Outcome.KILLED, "killed by alice"),
        (KILLED, {"exit_code": 0, "report": RETURNED}, Outcome.SUCCEEDED, None),
        (KILLED, {"lost": "vanished"}, Outcome.KILLED, "nothing was seen of its end"),
        (KILLED, {"exit_code": 1, "report": RAISED, "at": 9.0}, Outcome.FAILED, "it raised"),
    ],
)  # fmt: skip
def test_the_verdict(of: Job, facts: dict[str, Any], outcome: Outcome, words: str | None) -> None:
    ended = Ended(**{"at": 20.0, **facts})
    verdict = judge(of, ended)
    assert verdict.outcome is outcome
    assert (verdict.reason is None) if words is None else words in (verdict.reason or "")
    status = msgspec.json.decode(status_at_end(of, ended, verdict))
    if outcome in (Outcome.FAILED, Outcome.LOST, Outcome.TIMED_OUT):
        assert status["exception"]["message"]
    if facts.get("report") is RAISED:
        assert status["exception"]["type"] == "ValueError"
    if outcome is Outcome.SUCCEEDED:
        assert status == {}


def test_a_status_that_the_server_had_not_taken_is_kept() -> None:
    report = Report(
        returned=False, exit_code=1, exception=RECORD, status=msgspec.Raw(b'{"done": 7}')
    )
    before = job(status=msgspec.Raw(b'{"done": 6, "old": 1}'))
    ended = Ended(at=1.0, exit_code=1, report=report)
    status = msgspec.json.decode(status_at_end(before, ended, judge(before, ended)))
    assert status == {"done": 7, "exception": {"type": "ValueError", "message": "no\nmore"}}
