"""The arguments JOB and PLUGIN, and what a shell may complete them to."""

from __future__ import annotations

from typing import Any

import click

from hoplite.cli.client_commands.connection import connected

_QUICK = {"timeout_s": 1.0, "retry_s": 0.0}
_OFFERED = 50


def _plugins(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    try:
        with connected(ctx, **_QUICK) as manager:
            return [name for name in manager.get_job_plugins() if name.startswith(incomplete)]
    except Exception:  # noqa: BLE001 - a shell in the midst of a line is to be told nothing
        return []


def _jobs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
    from itertools import islice

    from click.shell_completion import CompletionItem

    try:
        with connected(ctx, **_QUICK) as manager:
            return [
                CompletionItem(str(job["id"]), help=f"{job['name']} {job['state']}")
                for job in islice(manager.jobs(), _OFFERED)
                if str(job["id"]).startswith(incomplete)
            ]
    except Exception:  # noqa: BLE001 - as above
        return []


plugin_argument = click.argument("plugin", metavar="PLUGIN", shell_complete=_plugins)
job_argument = click.argument("job", metavar="JOB", shell_complete=_jobs)
jobs_argument = click.argument(
    "jobs", metavar="JOB...", nargs=-1, required=True, shell_complete=_jobs
)
any_jobs_argument = click.argument("jobs", metavar="[JOB]...", nargs=-1, shell_complete=_jobs)
