"""From settings to a running service, and its end."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from flask import Flask

from hoplite.accounts import AccountStore
from hoplite.api.app import build_app
from hoplite.api.auth.chain import authenticators
from hoplite.api.auth.origin import OriginPolicy
from hoplite.api.metrics import Metrics
from hoplite.api.owners import owners
from hoplite.api.service import Service
from hoplite.api.serving.report_listener import ReportListener
from hoplite.data_directory import ACCOUNTS_FILE, JOURNAL_FILE, prepare
from hoplite.execution.local.executor import LocalExecutor
from hoplite.journal.store import SqliteJournal
from hoplite.manager.job_manager import JobManager
from hoplite.manager.limits import Limits
from hoplite.manager.lock import DataDirLock
from hoplite.model.job import Job
from hoplite.plugins.source import EntryPointSource
from hoplite.server_log import log_through_logging
from hoplite.settings import Loaded, Settings
from hoplite.settings.configuration import Configuration

ADDRESS_FILE = "server.url"


class Hoplite:
    """One running server without its HTTP server.  ``app.extensions["hoplite"]`` is one."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        settings = self.settings
        self.lock = DataDirLock(settings.data_dir)
        self.lock.acquire()
        with ExitStack() as undo:
            undo.callback(self.lock.release)
            self.manager, self.metrics = _manager(settings)
            undo.callback(self.manager.close)
            service = self._service()
            self.app = build_app(service)
            undo.pop_all()
        self.app.extensions["hoplite"] = self
        self._files = service.files
        self._reports = ReportListener(self.app, max_body_bytes=settings.max_body_bytes)
        self._closed = False
        configuration.subscribe(lambda settings: self.manager.limit(limits_of(settings)))

    @property
    def settings(self) -> Settings:
        """Those in force now."""
        return self.configuration.settings

    def _service(self) -> Service:
        return Service(
            self.configuration,
            self.manager,
            authenticators(self.settings, _accounts(self.settings)),
            OriginPolicy.of(self.settings),
            self.metrics,
        )

    def open(self) -> None:
        """Find the jobs of the last server, and begin to work."""
        self.manager.open()

    def report_to_listener(self) -> None:
        """Have jobs report to a private listener: for servers whose own address jobs cannot use."""
        self.manager.address.provide_by(self._reports.start)

    def close(self, *, stop_jobs: bool | None = None) -> None:
        """Stop; jobs run on unless ``stop_jobs`` (None: as the setting says).  May be called twice."""
        if self._closed:
            return
        self._closed = True
        with ExitStack() as steps:
            steps.callback(self.lock.release)
            steps.callback(self._reports.close)
            steps.callback(self._files.close)
            self.manager.close(
                stop_jobs=self.settings.stop_jobs if stop_jobs is None else stop_jobs
            )


def _accounts(settings: Settings) -> AccountStore | None:
    return AccountStore(settings.data_dir / ACCOUNTS_FILE) if "users" in settings.auth else None


def _manager(settings: Settings) -> tuple[JobManager, Metrics]:
    plugins = EntryPointSource(settings.group)
    plugins.reload()
    journal = SqliteJournal(settings.data_dir / JOURNAL_FILE)
    manager = JobManager(
        journal,
        LocalExecutor(settings.data_dir),
        plugins,
        limits=limits_of(settings),
        address_file=settings.data_dir / ADDRESS_FILE,
        owners=owners(),
    )
    metrics = Metrics()
    journal.on_commit_time = metrics.committed
    metrics.jobs(journal.counts)
    places = manager.launcher.places
    metrics.gauge("hoplite_places", "Places for running jobs", lambda: places.places)
    metrics.gauge("hoplite_jobs_running", "Jobs that hold a place", lambda: places.holding)
    metrics.gauge("hoplite_jobs_waiting", "Jobs that wait for a place", lambda: places.waiting)
    plan = manager.queue.plan
    plan.on_planned = metrics.planning_time.observe
    metrics.gauge("hoplite_queue_waiting", "Jobs that wait for resources", lambda: plan.waiting)
    metrics.gauge("hoplite_queue_holding", "Jobs that hold resources", lambda: plan.holding)
    manager.on_start = _start_latency(metrics)
    return manager, metrics


def _start_latency(metrics: Metrics) -> Callable[[Job], None]:
    def observe(job: Job) -> None:
        if job.started_at is not None and job.queued_at is not None:
            metrics.start_latency.observe(max(0.0, job.started_at - job.queued_at))

    return observe


def limits_of(settings: Settings) -> Limits:
    """The manager's share of the settings."""
    return Limits(
        max_running=settings.max_running,
        max_config_bytes=settings.max_config_bytes,
        max_status_bytes=settings.max_status_bytes,
        max_result_bytes=settings.max_result_bytes,
        kill_grace_s=settings.kill_grace,
        status_retry_s=settings.status_retry,
        keep_age_s=settings.keep_days * 86400,
        keep_jobs=settings.keep_jobs,
        keep_log_bytes=settings.keep_log_bytes,
        keep_consumption_s=settings.keep_accounting_days * 86400,
        keep_keys_s=settings.idempotency_hours * 3600,
        queues=_queues(settings),
        default_walltime_s=settings.default_walltime,
        sendmail=_sendmail(settings),
        users_may_suspend=settings.users_may_suspend,
        walltime_change=settings.walltime_change,
        walltime_max_increase_s=settings.walltime_max_increase,
        users_may_delay_jobs=settings.users_may_delay_jobs,
        max_array=settings.max_array,
        max_reservations=settings.max_reservations,
        admission_time_s=settings.admission_time,
        admission_memory_bytes=settings.admission_memory,
        local_nodes=settings.local_nodes,
    )


def _sendmail(settings: Settings) -> str | None:
    if settings.sendmail is not None:
        return str(settings.sendmail)
    return shutil.which("sendmail", path="/usr/sbin:/usr/lib:/usr/bin:/usr/local/sbin")


def _queues(settings: Settings) -> dict[str, int]:
    named = (queue.rpartition("=") for queue in settings.queues)
    return {name: int(priority) for name, _, priority in named}


def create_app(
    group_name: str = "hoplite.jobs",
    *,
    settings: Settings | None = None,
    data_dir: str | Path | None = None,
) -> Flask:
    """The Flask app with its own job manager, for tests and for embedding.

    ``group_name`` is the entry-point group whose plugins it serves (where ``settings`` does not
    name another).  Without ``data_dir`` (or ``settings``) it keeps its jobs in a temporary
    directory, which goes when the process ends or ``app.extensions["hoplite"].close()`` is called.
    Requests by Flask's test client count as the server's own user.

    Raises :class:`~hoplite.exceptions.StorageUnavailableError` if another server uses ``data_dir``.
    """
    log_through_logging()
    temporary: Path | None = None
    if settings is None:
        if data_dir is None:
            temporary = Path(tempfile.mkdtemp(prefix="hoplite-"))
        settings = Settings(group=group_name, data_dir=Path(data_dir or temporary or "."))
    return _opened(Configuration(settings), temporary)


def app_of(loaded: Loaded) -> Flask:
    """The Flask app of a server with settings of its own, which can be changed while it runs.

    Raises as :func:`create_app` does, and :class:`~hoplite.exceptions.SettingError`.
    """
    log_through_logging()
    return _opened(Configuration.of(loaded))


def _opened(configuration: Configuration, temporary: Path | None = None) -> Flask:
    prepare(configuration.settings.data_dir)
    hoplite = _Temporary(configuration, temporary) if temporary else Hoplite(configuration)
    hoplite.report_to_listener()
    hoplite.open()
    atexit.register(hoplite.close)
    return hoplite.app


class _Temporary(Hoplite):
    """A server whose data directory ends with it, and its jobs with that."""

    def __init__(self, configuration: Configuration, directory: Path) -> None:
        super().__init__(configuration)
        self._directory = directory

    def close(self, *, stop_jobs: bool | None = None) -> None:
        super().close(stop_jobs=True if stop_jobs is None else stop_jobs)
        shutil.rmtree(self._directory, ignore_errors=True)
