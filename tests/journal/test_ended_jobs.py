from __future__ import annotations

import msgspec

from hoplite.journal.ended_jobs import MAX_JOB_BYTES, EndedJobs
from tests.journal.jobs import a_job, an_ended_job


def test_the_least_recently_used_goes_first() -> None:
    ended = EndedJobs(max_jobs=2)
    jobs = [an_ended_job(n) for n in range(4)]
    ended.keep(jobs[1], ended.mark())
    ended.keep(jobs[2], ended.mark())
    assert ended.get(1) is ended.get(jobs[1].uuid) is jobs[1]
    ended.keep(jobs[3], ended.mark())
    assert ended.get(2) is ended.get(jobs[2].uuid) is None
    assert ended.get(1) is jobs[1]


def test_a_job_read_before_a_change_is_not_kept_after_it() -> None:
    ended = EndedJobs()
    mark = ended.mark()
    ended.drop([1])
    ended.keep(an_ended_job(1), mark)
    assert ended.get(1) is None


def test_a_change_drops_the_job() -> None:
    ended = EndedJobs()
    job = an_ended_job(1)
    ended.keep(job, ended.mark())
    ended.drop([1, 2])
    assert ended.get(1) is ended.get(job.uuid) is None


def test_live_and_large_jobs_are_not_kept() -> None:
    ended = EndedJobs()
    ended.keep(a_job(1), ended.mark())
    ended.keep(an_ended_job(2, config=msgspec.Raw(bytes(MAX_JOB_BYTES))), ended.mark())
    assert ended.get(1) is ended.get(2) is None
