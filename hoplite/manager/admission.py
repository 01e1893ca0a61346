"""What every submission of jobs that ask for resources goes through before they are made."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence

import msgspec
import structlog

from hoplite.admission.facts import (
    DEFAULT_QUEUE,
    ContainerFacts,
    JobFacts,
    SiteFacts,
    Submitter,
    Unusable,
    changed,
    facts_of,
    read_facts,
)
from hoplite.admission.groups import groups_of
from hoplite.admission.pool import RulePool, Run
from hoplite.admission.verdicts import Failure, Refusal, Verdict, first_to_blame
from hoplite.exceptions import (
    AdmissionRuleFailedError,
    HopliteError,
    InvalidFieldError,
    NotAuthorizedError,
    UnavailableError,
)
from hoplite.manager.admission_rules import AdmissionRules, check_administers
from hoplite.manager.job_table import JobTable
from hoplite.manager.limits import Limits
from hoplite.manager.requests import NewJob
from hoplite.manager.resources import Resources
from hoplite.model.admission_rule import AdmissionRule, in_order
from hoplite.model.batch import Batch
from hoplite.model.caller import Caller
from hoplite.model.job import Job
from hoplite.model.timeline import Entry, Happening

_REHEARSAL_S = 10.0
_LAST = 2**62

log = structlog.get_logger("hoplite.manager")


class Admitted(msgspec.Struct, frozen=True):
    """What the rules made of the jobs of a submission, and what they said."""

    jobs: tuple[NewJob, ...]
    said: tuple[str, ...] = ()


class Submitted(msgspec.Struct, frozen=True):
    """A job, and what was asked for when it was submitted."""

    job: Job
    new: NewJob
    who: Submitter


class Rehearsed(msgspec.Struct, frozen=True):
    """What rules say of a job without and with another rule."""

    job: Job
    without: Verdict
    with_it: Verdict


class Admission:
    """Runs the rules over submissions."""

    def __init__(
        self,
        rules: AdmissionRules,
        pool: RulePool,
        table: JobTable,
        resources: Resources,
        limits: Limits,
    ) -> None:
        self._rules = rules
        self._pool = pool
        self._rehearsing = threading.Lock()
        self._table = table
        self._resources = resources
        self._limits = limits

    def admit(self, caller: Caller, jobs: Sequence[NewJob]) -> Admitted:
        """The jobs of one submission as the rules want them; those without a batch part as they are.

        Raises :class:`~hoplite.exceptions.InvalidFieldError` and
        :class:`~hoplite.exceptions.NotAuthorizedError` where a rule refuses them,
        :class:`~hoplite.exceptions.AdmissionRuleFailedError` where one cannot be run to its end and
        :class:`~hoplite.exceptions.UnavailableError` where too many submissions wait.
        """
        made: dict[Batch, dict[str, object]] = {}
        said: dict[str, None] = {}
        admitted: dict[int, NewJob] = {}
        for new in {id(new): new for new in jobs}.values():
            if new.batch is None:
                admitted[id(new)] = new
                continue
            asked = msgspec.structs.replace(new.batch, command=None)
            if asked not in made:
                made[asked], lines = self._changes(caller, new, len(jobs))
                said |= dict.fromkeys(lines)
            batch = msgspec.structs.replace(new.batch, **made[asked])
            admitted[id(new)] = msgspec.structs.replace(new, batch=batch)
        return Admitted(tuple(admitted[id(new)] for new in jobs), tuple(said))

    def _changes(
        self, caller: Caller, new: NewJob, size: int
    ) -> tuple[dict[str, object], tuple[str, ...]]:
        assert new.batch is not None
        rules = self._rules.enabled
        if not rules:
            return {"queue": new.batch.queue or DEFAULT_QUEUE}, ()
        before = self.facts(caller, new, size)
        verdict = self._pool.run(rules, before, self.site(before))
        if verdict.refused is not None:
            raise _refused(verdict.refused)
        if verdict.failed is not None or verdict.job is None:
            raise _failed(verdict.failed or Failure(0, "no answer"), caller)
        try:
            return self._made(new.batch, before, verdict.job), verdict.said
        except Unusable as error:
            raise _failed(self.to_blame(new.batch, before, verdict, error), caller) from None

    def _made(self, batch: Batch, before: JobFacts, after: JobFacts) -> dict[str, object]:
        return changed(batch, before, after, self._resources.properties)

    def to_blame(
        self, batch: Batch, before: JobFacts, verdict: Verdict, error: Unusable
    ) -> Failure:
        """The failure of the rule after which no batch part could be made of the job any more."""

        def use(job: object) -> None:
            self._made(batch, before, read_facts(job))

        return Failure(first_to_blame(verdict.steps, use), str(error))

    def rehearse(
        self, caller: Caller, submissions: Sequence[Submitted], candidate: AdmissionRule
    ) -> list[Rehearsed]:
        """What would have become of submissions without and with a rule, in their order; with an id
        other than 0 it stands in place of the rule that has it.  It ends after a while with those
        that it has got to.

        Raises :class:`~hoplite.exceptions.UnavailableError` while another rehearsal is under way.
        """
        check_administers(caller)
        self._rules.check(candidate.rule, candidate.priority)
        without = self._rules.enabled
        others = [rule for rule in without if rule.id != candidate.id]
        # Among equals by id, a new rule is the last.
        new = msgspec.structs.replace(candidate, id=candidate.id or _LAST)
        if not self._rehearsing.acquire(blocking=False):
            raise UnavailableError("another rehearsal is under way; try again when it is over")
        try:
            with self._pool.beside() as run:
                before = self._outcomes(run, without, submissions)
                after = self._outcomes(run, in_order([*others, new]), submissions[: len(before)])
        finally:
            self._rehearsing.release()
        pairs = zip(submissions, before, after, strict=False)
        return [Rehearsed(each.job, then, now) for each, then, now in pairs]

    def _outcomes(
        self, run: Run, rules: Sequence[AdmissionRule], submissions: Sequence[Submitted]
    ) -> list[Verdict]:
        deadline = time.monotonic() + _REHEARSAL_S
        found = []
        for each in submissions:
            if time.monotonic() > deadline:
                break
            assert each.new.batch is not None
            before = facts_of(each.who, each.new.plugin, each.new.batch, each.new.batch.array_size)
            verdict = run(rules, before, self.site(before))
            if verdict.job is not None:
                try:
                    self._made(each.new.batch, before, verdict.job)
                except Unusable as error:
                    failed = self.to_blame(each.new.batch, before, verdict, error)
                    verdict = Verdict(failed=failed, said=verdict.said)
            found.append(verdict)
        return found

    def facts(self, caller: Caller, new: NewJob, size: int) -> JobFacts:
        """What the rules see of a job, one of ``size`` of an array."""
        assert new.batch is not None
        who = Submitter(caller.name, groups_of(caller.name), caller.is_admin)
        return facts_of(who, new.plugin, new.batch, size)

    def site(self, job: JobFacts) -> SiteFacts:
        """What the rules see of the server."""
        return SiteFacts(
            queues=tuple(self._limits.queues),
            default_walltime=max(1, round(self._limits.default_walltime_s)),
            system_properties=self._resources.properties.not_requestable,
            containers=self._containers(job),
        )

    def _containers(self, job: JobFacts) -> dict[str, ContainerFacts]:
        found = {}
        for each in job.types:
            name, _, value = each.partition("=")
            if name == "inner" and value.isascii() and value.isdigit():
                live = self._table.find_live(int(value))
                if live is not None and live.job.batch is not None:
                    outer = live.job.batch
                    found[value] = ContainerFacts(live.job.owner, outer.types, outer.starts_at)
        return found


def _refused(refusal: Refusal) -> HopliteError:
    kind = InvalidFieldError if refusal.may else NotAuthorizedError
    return kind(refusal.message, field=refusal.field)


def _failed(failure: Failure, caller: Caller) -> AdmissionRuleFailedError:
    log.warning("an admission rule failed", rule=failure.rule, why=failure.why, user=caller.name)
    name = f"admission rule {failure.rule}" if failure.rule else "an admission rule"
    return AdmissionRuleFailedError(
        f"{name} cannot judge this job, so it is refused: {failure.why}; an administrator can "
        "change or disable the rule"
    )


class _Told(msgspec.Struct, frozen=True):
    """Of the entry that tells of a job's creation."""

    admission: list[str] = []


def said_of(entries: Iterable[Entry]) -> list[str]:
    """What the rules had to say of a job, from its timeline."""
    for entry in entries:
        if entry.what is Happening.CREATED and entry.detail is not None:
            return msgspec.json.decode(entry.detail, type=_Told).admission
    return []
